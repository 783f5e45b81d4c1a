//! `job-owner`: a job is its worker's and nobody else's.
//!
//! `job.acquired` makes a worker the owner and `job.returned` takes that back. In between no other worker may
//! acquire the job, and an update that is taken, a completion or a failure must be the owner's. Only the reaper and
//! the control plane itself may fail what they do not own. What nobody owns the control plane may complete: the destroy of
//! a workspace that leaves behind what it has, where no daemon is there that could be asked.

use std::collections::BTreeMap;

use super::{Invariant, Violation};
use crate::Record;
use crate::scenario::{CONTROL, REAPER};

/// See the module.
#[derive(Default)]
pub(super) struct JobOwner {
    owners: BTreeMap<String, String>,
}

impl Invariant for JobOwner {
    fn id(&self) -> &'static str {
        "job-owner"
    }

    fn about(&self) -> &'static str {
        "a running job has one worker, and only that worker's updates are taken"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let who = match record.event.as_str() {
            "job.acquired" | "job.returned" | "job.updated" => record.field("worker")?,
            "job.completed" => record.field("by")?,
            "job.failed" => record.field("by").filter(|by| *by != REAPER && *by != CONTROL)?,
            _ => return None,
        };
        let job = record.field("job")?;
        let owner = self.owners.get(job).map(String::as_str);
        let acquires = record.event == "job.acquired";
        if owner.is_none() && record.event == "job.completed" && who == CONTROL {
            return None;
        }
        let broken = match owner {
            Some(owner) if acquires => Some(format!("{job} is {owner}'s, but {who} acquired it")),
            Some(owner) if owner != who => Some(format!("{job} is {owner}'s, but {} came from {who}", record.event)),
            None if !acquires => Some(format!("{job} is nobody's, but {} came from {who}", record.event)),
            _ => None,
        };
        if acquires {
            self.owners.insert(job.to_owned(), who.to_owned());
        } else if record.event == "job.returned" {
            self.owners.remove(job);
        }
        broken.map(|message| Violation { id: self.id(), message, ordinal: record.ordinal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const ONE: &[(&str, &str)] = &[("job", "job#1"), ("worker", "prov-1")];
    const OTHER: &[(&str, &str)] = &[("job", "job#1"), ("worker", "prov-2")];
    const BY_ONE: &[(&str, &str)] = &[("job", "job#1"), ("by", "prov-1")];
    const BY_OTHER: &[(&str, &str)] = &[("job", "job#1"), ("by", "prov-2")];

    fn acquired() -> Log {
        Log::new().add(1, "control", "job.acquired", ONE)
    }

    #[test]
    fn kept() {
        let log = acquired().add(2, "control", "job.updated", ONE).add(3, "control", "job.completed", BY_ONE);
        assert_kept(JobOwner::default(), &log);
        let log = acquired().add(2, "control", "job.returned", ONE).add(3, "control", "job.acquired", OTHER);
        assert_kept(JobOwner::default(), &log.add(4, "control", "job.failed", BY_OTHER));
        for by in [REAPER, CONTROL] {
            let by = [("job", "job#1"), ("by", by)];
            assert_kept(JobOwner::default(), &acquired().add(2, "control", "job.failed", &by));
            assert_kept(JobOwner::default(), &Log::new().add(2, "control", "job.failed", &by));
        }
        let by = [("job", "job#1"), ("by", CONTROL)];
        assert_kept(JobOwner::default(), &Log::new().add(2, "control", "job.completed", &by));
        assert_broken(
            JobOwner::default(),
            &acquired().add(2, "control", "job.completed", &by),
            1,
            &["job#1 is prov-1's"],
        );
    }

    #[test]
    fn broken_by_a_second_worker() {
        let log = acquired().add(2, "control", "job.acquired", OTHER);
        assert_broken(JobOwner::default(), &log, 1, &["job#1", "prov-1", "prov-2 acquired"]);
        let log = acquired().add(2, "control", "job.acquired", ONE);
        assert_broken(JobOwner::default(), &log, 1, &["job#1"]);
    }

    #[test]
    fn broken_by_a_stranger() {
        for (event, fields) in
            [("job.updated", OTHER), ("job.returned", OTHER), ("job.completed", BY_OTHER), ("job.failed", BY_OTHER)]
        {
            let log = acquired().add(2, "control", event, fields);
            assert_broken(JobOwner::default(), &log, 1, &["job#1 is prov-1's", event, "prov-2"]);
        }
    }

    #[test]
    fn broken_where_nobody_owns_it() {
        for (event, fields) in [("job.updated", ONE), ("job.completed", BY_ONE), ("job.failed", BY_ONE)] {
            let log = Log::new().add(2, "control", event, fields);
            assert_broken(JobOwner::default(), &log, 0, &["job#1 is nobody's", event]);
            let log = acquired().add(2, "control", "job.returned", ONE).add(3, "control", event, fields);
            assert_broken(JobOwner::default(), &log, 2, &["job#1 is nobody's", event]);
        }
    }
}
