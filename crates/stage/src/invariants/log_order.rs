//! `log-order`: a log is told in order, without a gap and without an echo.
//!
//! What is stored of a job begins with line 1 and goes on where the last batch ended, up to where the job's log
//! overflows. The overflow is told first, and in the same instant the batch that brought it, up to the line that
//! says so; after that nothing is stored.
//!
//! A runner tells at its end how many lines it had. On a clean run, one in which nothing has gone wrong so far and
//! whose network is sound and whose calls are quick, all of them are stored by then unless the log overflowed. In trouble some may be lost:
//! a job's end does not wait for its last lines for ever.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Bounds, Invariant, Violation};
use crate::Record;
use crate::scenario::WORLD;

/// See the module.
pub(super) struct LogOrder {
    jobs: BTreeMap<String, Stored>,
    /// Nothing has gone wrong so far.
    clean: bool,
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
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { jobs: BTreeMap::new(), clean: bounds.network_is_sound && bounds.calls_are_quick }
    }

    /// A runner that was heard out has ended: none of its lines may be missing.
    fn ended(&self, record: &Record) -> Option<String> {
        if !self.clean || !matches!(record.field("outcome")?, "completed" | "failed") {
            return None;
        }
        let job = record.field("job")?;
        let lines: u64 = record.field("lines")?.parse().ok()?;
        let stored = self.jobs.get(job);
        let last = stored.map_or(0, |stored| stored.last);
        let overflowed = stored.is_some_and(|stored| stored.overflow.is_some());
        (last < lines && !overflowed)
            .then(|| format!("{job}: its runner had {lines} log lines, of which the last {} were lost", lines - last))
    }

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
        "a job's log lines are stored in order, none twice; none lost on a clean run"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let breaks = |message| Violation { id: "log-order", message, ordinal: record.ordinal };
        // Hosts that start are the beginning of every run, and machines come and go; everything else that the world does
        // is trouble.
        self.clean &= record.host != WORLD || matches!(record.event.as_str(), "host.started" | "host.removed");
        // A daemon that has a second left has no time to be heard out.
        self.clean &= record.event != "daemon.told_to_close";
        match record.event.as_str() {
            "runner.ended" => self.ended(record).map(breaks),
            "job.logs_stored" => {
                let job = record.field("job")?;
                self.stored(job, record).err().map(breaks)
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
        assert_kept(LogOrder::new(&Bounds::default()), &log.add(3, "control", "job.logs_stored", &other));
    }

    #[test]
    fn broken_by_a_gap() {
        assert_broken(
            LogOrder::new(&Bounds::default()),
            &stored(begun(), "5", "5", "1"),
            1,
            &["job#1", "line 5", "gap"],
        );
        assert_broken(LogOrder::new(&Bounds::default()), &stored(Log::new(), "2", "2", "1"), 0, &["job#1", "gap"]);
    }

    #[test]
    fn broken_by_an_overlap() {
        assert_broken(
            LogOrder::new(&Bounds::default()),
            &stored(begun(), "3", "5", "3"),
            1,
            &["job#1", "line 3", "again"],
        );
        assert_broken(LogOrder::new(&Bounds::default()), &stored(begun(), "1", "3", "3"), 1, &["job#1", "again"]);
    }

    #[test]
    fn broken_by_a_count_that_is_wrong() {
        assert_broken(LogOrder::new(&Bounds::default()), &stored(begun(), "4", "6", "2"), 1, &["job#1", "they were 2"]);
        assert_broken(LogOrder::new(&Bounds::default()), &stored(begun(), "4", "3", "1"), 1, &["job#1"]);
        assert_broken(
            LogOrder::new(&Bounds::default()),
            &stored(begun(), "4", "x", "1"),
            1,
            &["job#1", "not a number"],
        );
    }

    #[test]
    fn broken_after_an_overflow() {
        let overflow = |at| begun().add(at, "control", "job.log_overflow", &[("job", "job#1")]);
        let later = stored(overflow(0), "4", "4", "1");
        assert_broken(LogOrder::new(&Bounds::default()), &later, 2, &["job#1", "overflowed"]);
        let twice = stored(stored(overflow(1), "4", "4", "1"), "5", "5", "1");
        assert_broken(LogOrder::new(&Bounds::default()), &twice, 3, &["job#1", "overflowed"]);
    }

    /// A log of three stored lines whose runner says that it had `lines`.
    fn ended(log: Log, lines: &'static str) -> Log {
        log.add(
            2,
            "prov-1",
            "runner.ended",
            &[("job", "job#1"), ("outcome", "completed"), ("lines", lines), ("error", "")],
        )
    }

    #[test]
    fn broken_by_lines_that_never_came() {
        assert_kept(LogOrder::new(&Bounds::default()), &ended(begun(), "3"));
        assert_broken(LogOrder::new(&Bounds::default()), &ended(begun(), "5"), 1, &["job#1", "5", "2"]);
        assert_broken(LogOrder::new(&Bounds::default()), &ended(Log::new(), "1"), 0, &["job#1"]);
    }

    #[test]
    fn lines_may_be_lost_in_trouble_and_after_an_overflow() {
        let trouble = begun().add(1, "-", "fault.cut", &[("from", "prov-1"), ("to", "control"), ("ways", "both")]);
        assert_kept(LogOrder::new(&Bounds::default()), &ended(trouble, "5"));
        let overflow = begun().add(1, "control", "job.log_overflow", &[("job", "job#1")]);
        assert_kept(LogOrder::new(&Bounds::default()), &ended(stored(overflow, "4", "4", "1"), "9"));
        let unsound = Bounds { network_is_sound: false, ..Bounds::default() };
        assert_kept(LogOrder::new(&unsound), &ended(begun(), "5"));
    }
}
