//! `logs-followed`: who reads a log to its end has read it.
//!
//! Whoever was told the end of a job's log (`user.followed_logs`) has seen each line that was stored of it
//! (`job.logs_stored`), once and in order, wherever and however often the connection broke meanwhile. The job has ended by
//! then, and nothing is stored of a job that has ended, so the numbers are final.
//!
//! The reaper adds five lines of its own when it ends a job, which it does not tell one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::{Invariant, Violation, is_terminal};
use crate::Record;

/// How many lines the reaper adds to the log of a job that it ends.
const REAPER_LINES: u64 = 5;

/// See the module.
#[derive(Default)]
pub(super) struct LogsFollowed {
    /// By job: how many lines are stored.
    stored: BTreeMap<String, u64>,
    ended: BTreeSet<String>,
}

impl LogsFollowed {
    fn followed(&self, job: &str, record: &Record) -> Option<String> {
        let by = record.field("by").unwrap_or_default();
        if !self.ended.contains(job) {
            return Some(format!("{by} was told the end of {job}'s log before the job had ended"));
        }
        let lines: u64 = record.field("lines")?.parse().ok()?;
        let stored = self.stored.get(job).copied().unwrap_or_default();
        if lines != stored {
            return Some(format!("{by} has read {lines} lines of {job} to the end, and {stored} are stored"));
        }
        (record.field("ordered") == Some("false")).then(|| format!("{by} has read lines of {job} out of turn"))
    }
}

impl Invariant for LogsFollowed {
    fn id(&self) -> &'static str {
        "logs-followed"
    }

    fn about(&self) -> &'static str {
        "who reads a job's log to its end has seen each stored line once, in order"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let job = record.field("job")?;
        let mut add = |lines: u64| *self.stored.entry(job.to_owned()).or_default() += lines;
        match record.event.as_str() {
            "job.logs_stored" => add(record.field("count")?.parse().ok()?),
            "job.reaped" => add(REAPER_LINES),
            "user.followed_logs" => {
                let message = self.followed(job, record)?;
                return Some(Violation { id: self.id(), message, ordinal: record.ordinal });
            }
            event if is_terminal(event) => {
                self.ended.insert(job.to_owned());
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

    const JOB: &[(&str, &str)] = &[("job", "job#1"), ("count", "3")];

    fn stored() -> Log {
        Log::new().add(1, "control", "job.logs_stored", JOB).add(2, "control", "job.logs_stored", JOB)
    }

    fn followed(log: Log, lines: &str, ordered: &str) -> Log {
        let fields = [("by", "alice"), ("job", "job#1"), ("lines", lines), ("ordered", ordered)];
        log.add(9, "users", "user.followed_logs", &fields)
    }

    #[test]
    fn kept() {
        let ended = |event| stored().add(3, "control", event, JOB);
        assert_kept(LogsFollowed::default(), &followed(ended("job.completed"), "6", "true"));
        let reaped = stored().add(3, "control", "job.reaped", JOB).add(3, "control", "job.failed", JOB);
        assert_kept(LogsFollowed::default(), &followed(reaped, "11", "true"));
        let silent = Log::new().add(3, "control", "job.canceled", JOB);
        assert_kept(LogsFollowed::default(), &followed(silent, "0", "true"));
    }

    #[test]
    fn broken() {
        let ended = || stored().add(3, "control", "job.completed", JOB);
        assert_broken(LogsFollowed::default(), &followed(ended(), "5", "true"), 3, &["alice", "job#1", "5", "6"]);
        assert_broken(LogsFollowed::default(), &followed(ended(), "6", "false"), 3, &["job#1", "out of turn"]);
        assert_broken(LogsFollowed::default(), &followed(stored(), "6", "true"), 2, &["job#1", "before"]);
    }
}
