//! `worker-known`: a worker is not turned away from its own job.
//!
//! A runner that ends as refused was told that its job is over or another's. That must be so: the job had ended, by
//! somebody else's word, or it was not the worker's at some time since the runner's last call was begun. What the
//! worker itself ended is answered alike when it is said again, so a refusal of that is broken too.

use std::{collections::BTreeMap, time::Duration};

use super::{Invariant, Violation, is_terminal};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct WorkerKnown {
    /// By job: what is known of it.
    jobs: BTreeMap<String, Job>,
    /// By host and job: when the last call was begun.
    sent: BTreeMap<(String, String), Duration>,
}

#[derive(Default)]
struct Job {
    /// Whose it is, since when.
    owner: Option<(String, Duration)>,
    /// Who ended it.
    ended_by: Option<String>,
}

impl WorkerKnown {
    fn refused(&self, job: &str, record: &Record) -> Option<Violation> {
        let (host, error) = (&record.host, record.field("error").unwrap_or_default());
        let known = self.jobs.get(job)?;
        let message = match (&known.ended_by, &known.owner) {
            (Some(by), _) if by == host => {
                format!("{host} had ended {job}, and was refused when it said so again: {error}")
            }
            (None, Some((owner, since))) if owner == host => {
                let sent = self.sent.get(&(host.clone(), job.to_owned()))?;
                if since > sent {
                    return None;
                }
                format!("{job} is {host}'s and has not ended, but its runner was refused: {error}")
            }
            _ => return None,
        };
        Some(Violation { id: self.id(), message, ordinal: record.ordinal })
    }
}

impl Invariant for WorkerKnown {
    fn id(&self) -> &'static str {
        "worker-known"
    }

    fn about(&self) -> &'static str {
        "a worker is refused only about a job that is not its own or that something else has ended"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let job = record.field("job")?;
        match record.event.as_str() {
            "job.acquired" => {
                let owner = (record.field("worker")?.to_owned(), record.at);
                self.jobs.entry(job.to_owned()).or_default().owner = Some(owner);
            }
            "job.returned" => {
                self.jobs.entry(job.to_owned()).or_default().owner = None;
            }
            "runner.sent" => {
                self.sent.insert((record.host.clone(), job.to_owned()), record.at);
            }
            "runner.ended" if record.field("outcome") == Some("refused") => return self.refused(job, record),
            event if is_terminal(event) => {
                let known = self.jobs.entry(job.to_owned()).or_default();
                // An end without a name is the cancel's.
                known.ended_by = Some(record.field("by").unwrap_or_default().to_owned());
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const JOB: &[(&str, &str)] = &[("job", "job#1"), ("worker", "prov-1")];
    const REFUSED: &[(&str, &str)] = &[("job", "job#1"), ("outcome", "refused"), ("error", "no")];

    fn acquired_and_sent() -> Log {
        Log::new().add(1, "control", "job.acquired", JOB).add(5, "prov-1", "runner.sent", JOB)
    }

    fn refused(log: Log) -> Log {
        log.add(9, "prov-1", "runner.ended", REFUSED)
    }

    #[test]
    fn kept() {
        let ended = [("job", "job#1"), ("by", "reaper")];
        assert_kept(WorkerKnown::default(), &refused(acquired_and_sent().add(6, "control", "job.failed", &ended)));
        assert_kept(WorkerKnown::default(), &refused(acquired_and_sent().add(6, "control", "job.returned", JOB)));
        let again = acquired_and_sent().add(6, "control", "job.returned", JOB).add(7, "control", "job.acquired", JOB);
        assert_kept(WorkerKnown::default(), &refused(again));
        let other = Log::new().add(1, "control", "job.acquired", &[("job", "job#1"), ("worker", "prov-2")]);
        assert_kept(WorkerKnown::default(), &refused(other.add(5, "prov-1", "runner.sent", JOB)));
        let stopped = [("job", "job#1"), ("outcome", "stopped")];
        assert_kept(WorkerKnown::default(), &acquired_and_sent().add(9, "prov-1", "runner.ended", &stopped));
    }

    #[test]
    fn broken_by_a_refusal_of_the_owner() {
        assert_broken(WorkerKnown::default(), &refused(acquired_and_sent()), 2, &["job#1", "prov-1"]);
    }

    #[test]
    fn broken_by_a_refusal_of_what_was_taken() {
        for end in ["job.completed", "job.failed"] {
            let ended = acquired_and_sent().add(6, "control", end, &[("job", "job#1"), ("by", "prov-1")]);
            assert_broken(WorkerKnown::default(), &refused(ended), 3, &["job#1", "prov-1", "again"]);
        }
    }
}
