//! `log-order`: a log is told in order, without a gap and without an echo.
//!
//! What is stored of a job begins with line 1 and goes on where the last batch ended, up to where the job's log
//! overflows. The overflow is told first, and in the same instant the batch that brought it, up to the line that
//! says so; after that nothing is stored. How many lines a runner had to tell is in no record, so that none is
//! lost at the end cannot be seen here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct LogOrder {
    jobs: BTreeMap<String, Stored>,
}

#[derive(Default)]
struct Stored {
    last: u64,
    overflow: Option<Overflow>,
}

struct Overflow {
    at: Duration,
    /// The batch that brought it has been told.
    batch_told: bool,
}

impl Overflow {
    fn takes_batch(&mut self, at: Duration) -> bool {
        !std::mem::replace(&mut self.batch_told, true) && at == self.at
    }
}

impl LogOrder {
    fn stored(&mut self, job: &str, record: &Record) -> Result<(), String> {
        let number = |field: &str| {
            let text = record.field(field).unwrap_or_default();
            text.parse::<u64>().map_err(|_| format!("{job}: {field} of stored lines is {text:?}, not a number"))
        };
        let (first, last, count) = (number("first")?, number("last")?, number("count")?);
        if count == 0 {
            return Ok(());
        }
        let stored = self.jobs.entry(job.to_owned()).or_default();
        let previous = stored.last;
        stored.last = last.max(previous);
        if stored.overflow.as_mut().is_some_and(|overflow| !overflow.takes_batch(record.at)) {
            return Err(format!("{job}: lines {first} to {last} were stored although its log had overflowed"));
        }
        if first <= previous {
            return Err(format!("{job}: line {first} was stored again after line {previous}"));
        }
        if first > previous.saturating_add(1) {
            return Err(format!("{job}: line {first} was stored after line {previous}, with a gap between them"));
        }
        if last.checked_sub(first).and_then(|more| more.checked_add(1)) != Some(count) {
            return Err(format!("{job}: lines {first} to {last} were stored, but they were {count}"));
        }
        Ok(())
    }
}

impl Invariant for LogOrder {
    fn id(&self) -> &'static str {
        "log-order"
    }

    fn about(&self) -> &'static str {
        "a job's and an agent's log lines are stored in order, none twice; none lost on a clean run"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        match record.event.as_str() {
            "job.logs_stored" => {
                let job = record.field("job")?;
                self.stored(job, record).err().map(|message| Violation {
                    id: self.id(),
                    message,
                    ordinal: record.ordinal,
                })
            }
            "job.log_overflow" => {
                let stored = self.jobs.entry(record.field("job")?.to_owned()).or_default();
                stored.overflow.get_or_insert(Overflow { at: record.at, batch_told: false });
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    fn stored(log: Log, first: &'static str, last: &'static str, count: &'static str) -> Log {
        let fields = [("job", "job#1"), ("first", first), ("last", last), ("count", count)];
        log.add(1, "control", "job.logs_stored", &fields)
    }

    fn begun() -> Log {
        stored(Log::new(), "1", "3", "3")
    }

    #[test]
    fn kept() {
        let log = stored(stored(begun(), "4", "4", "1"), "0", "0", "0");
        let log = log.add(1, "control", "job.log_overflow", &[("job", "job#1")]);
        let log = stored(log, "5", "9", "5");
        let other = [("job", "job#2"), ("first", "1"), ("last", "1"), ("count", "1")];
        assert_kept(LogOrder::default(), &log.add(3, "control", "job.logs_stored", &other));
    }

    #[test]
    fn broken_by_a_gap() {
        assert_broken(LogOrder::default(), &stored(begun(), "5", "5", "1"), 1, &["job#1", "line 5", "gap"]);
        assert_broken(LogOrder::default(), &stored(Log::new(), "2", "2", "1"), 0, &["job#1", "gap"]);
    }

    #[test]
    fn broken_by_an_overlap() {
        assert_broken(LogOrder::default(), &stored(begun(), "3", "5", "3"), 1, &["job#1", "line 3", "again"]);
        assert_broken(LogOrder::default(), &stored(begun(), "1", "3", "3"), 1, &["job#1", "again"]);
    }

    #[test]
    fn broken_by_a_count_that_is_wrong() {
        assert_broken(LogOrder::default(), &stored(begun(), "4", "6", "2"), 1, &["job#1", "they were 2"]);
        assert_broken(LogOrder::default(), &stored(begun(), "4", "3", "1"), 1, &["job#1"]);
        assert_broken(LogOrder::default(), &stored(begun(), "4", "x", "1"), 1, &["job#1", "not a number"]);
    }

    #[test]
    fn broken_after_an_overflow() {
        let overflow = |at| begun().add(at, "control", "job.log_overflow", &[("job", "job#1")]);
        let later = stored(overflow(0), "4", "4", "1");
        assert_broken(LogOrder::default(), &later, 2, &["job#1", "overflowed"]);
        let twice = stored(stored(overflow(1), "4", "4", "1"), "5", "5", "1");
        assert_broken(LogOrder::default(), &twice, 3, &["job#1", "overflowed"]);
    }
}
