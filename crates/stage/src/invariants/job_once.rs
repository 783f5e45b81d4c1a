//! `job-once`: what is over stays over.
//!
//! A job's first `job.completed`, `job.failed` or `job.canceled` ends it. Afterwards none of these may come again,
//! nor a taken update, stored log lines, a lock by a worker or its return, nor a taken cancel. `job.reaped` says
//! what the reaper found and is no end by itself.

use std::collections::BTreeMap;

use super::{Invariant, Violation, is_terminal};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct JobOnce {
    /// How each job ended.
    ended: BTreeMap<String, String>,
}

impl Invariant for JobOnce {
    fn id(&self) -> &'static str {
        "job-once"
    }

    fn about(&self) -> &'static str {
        "a job is completed or failed at most once, and a terminal job never changes"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let changes = matches!(
            record.event.as_str(),
            "job.updated" | "job.logs_stored" | "job.acquired" | "job.returned" | "job.cancel_requested"
        );
        let ends = is_terminal(&record.event);
        if !changes && !ends {
            return None;
        }
        let job = record.field("job")?;
        match self.ended.get(job) {
            Some(how) => Some(Violation {
                id: self.id(),
                message: format!("{job} had ended with {how}, and then came {}", record.event),
                ordinal: record.ordinal,
            }),
            None => {
                if ends {
                    self.ended.insert(job.to_owned(), record.event.clone());
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const JOB: &[(&str, &str)] = &[("job", "job#1")];

    #[test]
    fn kept() {
        let log = Log::new()
            .add(1, "control", "job.acquired", JOB)
            .add(2, "control", "job.updated", JOB)
            .add(3, "control", "job.cancel_requested", JOB)
            .add(4, "control", "job.logs_stored", JOB)
            .add(5, "control", "job.reaped", JOB)
            .add(5, "control", "job.failed", JOB)
            .add(6, "control", "job.completed", &[("job", "job#2")])
            .add(7, "control", "rpc.refused", &[("method", "UpdateJob")]);
        assert_kept(JobOnce::default(), &log);
    }

    #[test]
    fn broken_by_anything_after_the_end() {
        for end in ["job.completed", "job.failed", "job.canceled"] {
            for then in [
                "job.completed",
                "job.failed",
                "job.canceled",
                "job.updated",
                "job.logs_stored",
                "job.acquired",
                "job.returned",
                "job.cancel_requested",
            ] {
                let log = Log::new()
                    .add(1, "control", "job.acquired", JOB)
                    .add(2, "control", end, JOB)
                    .add(3, "control", then, JOB);
                assert_broken(JobOnce::default(), &log, 2, &["job#1", end, then]);
            }
        }
    }
}
