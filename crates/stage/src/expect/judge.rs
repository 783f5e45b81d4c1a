//! Whether an expectation holds, and if not, why in words.

use std::fmt;
use std::time::Duration;

use super::{Count, Expectation, Pattern, Window};
use crate::Record;
use crate::scenario::units::show_duration;

/// An expectation that a run did not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The line of the scenario file on which the expectation begins.
    pub line: usize,
    /// What was expected and what was found instead.
    pub reason: String,
    /// The index, among the judged records, of the one to look at: the one too many, the one out of order, or
    /// the one that nearly matched. None if nothing comes close.
    pub nearest: Option<usize>,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

/// Judges one expectation over a whole run's records, in their order.
pub fn judge(expectation: &Expectation, records: &[Record]) -> Result<(), Unmet> {
    let unmet = |reason: String, nearest: Option<usize>| Err(Unmet { line: expectation.line, reason, nearest });
    let orders = match orders(expectation, records) {
        Ok(orders) => orders,
        Err(reason) => return unmet(reason, None),
    };

    // With `never`, an order narrows what is looked at instead of comparing first matches.
    let narrows = expectation.count == Count::Never;
    let found: Vec<usize> = records
        .iter()
        .enumerate()
        .filter(|(_, record)| is_meant(expectation, record))
        .filter(|(index, _)| !narrows || orders.iter().all(|order| order.is_kept_by(*index)))
        .map(|(index, _)| index)
        .collect();

    if !expectation.count.allows(found.len() as u64) {
        let nearest = match expectation.count {
            Count::Never => found.first().copied(),
            Count::Times { max, .. } if found.len() as u64 > max => {
                usize::try_from(max).ok().and_then(|index| found.get(index)).copied()
            }
            _ => nearest(expectation, records, &found),
        };
        return unmet(count_reason(expectation, records, found.len(), nearest), nearest);
    }
    let Some(first) = found.first().copied() else { return Ok(()) };
    match orders.iter().find(|order| !order.is_kept_by(first)) {
        None => Ok(()),
        Some(broken) => {
            let reason = format!(
                "expected the first {} {} the first {}, but the one came at {} and the other at {}",
                expectation.pattern,
                broken.side.word(),
                broken.other,
                show_duration(records[first].at),
                show_duration(records[broken.index].at),
            );
            unmet(reason, Some(first))
        }
    }
}

fn is_meant(expectation: &Expectation, record: &Record) -> bool {
    expectation.pattern.matches(record) && expectation.between.is_none_or(|window| window.contains(record.at))
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// An order that must be kept, against a record that is there.
struct Order<'a> {
    side: Side,
    other: &'a Pattern,
    index: usize,
}

impl Order<'_> {
    fn is_kept_by(&self, index: usize) -> bool {
        match self.side {
            Side::Before => index < self.index,
            Side::After => index > self.index,
        }
    }
}

fn orders<'a>(expectation: &'a Expectation, records: &[Record]) -> Result<Vec<Order<'a>>, String> {
    let sides = [(Side::Before, &expectation.before), (Side::After, &expectation.after)];
    sides
        .into_iter()
        .filter_map(|(side, other)| other.as_ref().map(|other| (side, other)))
        .map(|(side, other)| match records.iter().position(|record| other.matches(record)) {
            Some(index) => Ok(Order { side, other, index }),
            None => {
                Err(format!("expected {} {} {other}, but the latter never happened", expectation.pattern, side.word(),))
            }
        })
        .collect()
}

fn count_reason(expectation: &Expectation, records: &[Record], found: usize, nearest: Option<usize>) -> String {
    let mut reason = format!("expected {} {}", expectation.pattern, expectation.count);
    if let Some(window) = &expectation.between {
        reason.push_str(&format!(" {window}"));
    }
    for (word, other) in [("before", &expectation.before), ("after", &expectation.after)] {
        if let Some(other) = other {
            reason.push_str(&format!(" {word} {other}"));
        }
    }
    reason.push_str(&match found {
        0 => ", but it did not happen".to_owned(),
        1 => ", but it happened once".to_owned(),
        times => format!(", but it happened {times} times"),
    });
    let Some(record) = nearest.map(|index| &records[index]) else {
        if found == 0 && !records.iter().any(|record| record.event == expectation.pattern.event) {
            reason.push_str(": the event does not occur at all");
        }
        return reason;
    };
    let differences = differences(expectation, record);
    if differences.is_empty() {
        reason.push_str(&format!(", at {} for one", show_duration(record.at)));
    } else {
        reason.push_str(&format!("; the nearest differs in {}", differences.join(", ")));
    }
    reason
}

/// In what a record differs from what is meant, in words.
fn differences(expectation: &Expectation, record: &Record) -> Vec<String> {
    let pattern = &expectation.pattern;
    let mut list = Vec::new();
    for (field, value) in &pattern.with {
        match record.field(field) {
            Some(actual) if actual == value => {}
            Some(actual) => list.push(format!("{field}={actual:?}")),
            None => list.push(format!("having no {field}")),
        }
    }
    if pattern.host.as_ref().is_some_and(|host| *host != record.host) {
        list.push(format!("host {}", record.host));
    }
    if expectation.between.is_some_and(|window| !window.contains(record.at)) {
        list.push(format!("time {}", show_duration(record.at)));
    }
    list
}

/// The record of the same event that differs least and, among those, is nearest in time; a full match is not one.
fn nearest(expectation: &Expectation, records: &[Record], found: &[usize]) -> Option<usize> {
    records
        .iter()
        .enumerate()
        .filter(|(index, record)| record.event == expectation.pattern.event && !found.contains(index))
        .min_by_key(|(_, record)| {
            (differences(expectation, record).len(), distance(expectation.between, record.at), record.ordinal)
        })
        .map(|(index, _)| index)
}

fn distance(window: Option<Window>, at: Duration) -> Duration {
    window.map_or(Duration::ZERO, |window| window.start.saturating_sub(at).max(at.saturating_sub(window.end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, secs};

    fn pattern(event: &str, with: &[(&str, &str)]) -> Pattern {
        let with = with.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect();
        Pattern { event: event.to_owned(), with, host: None }
    }

    fn expectation(event: &str, with: &[(&str, &str)]) -> Expectation {
        Expectation {
            line: 7,
            pattern: pattern(event, with),
            between: None,
            count: Count::AtLeastOnce,
            before: None,
            after: None,
            always: false,
        }
    }

    /// Two jobs; the second fails.
    fn run() -> Vec<Record> {
        Log::new()
            .add(1, "control", "build.queued", &[("job", "job#1")])
            .add(2, "control", "job.acquired", &[("job", "job#1"), ("worker", "prov-1")])
            .add(3, "control", "job.acquired", &[("job", "job#2"), ("worker", "prov-2")])
            .add(60, "control", "job.completed", &[("job", "job#1"), ("by", "prov-1")])
            .add(90, "control", "job.failed", &[("job", "job#2"), ("error", "no disk")])
            .records
    }

    fn reason(expectation: &Expectation) -> (String, Option<usize>) {
        let unmet = judge(expectation, &run()).expect_err("this is not met");
        assert_eq!(unmet.line, 7);
        (unmet.reason, unmet.nearest)
    }

    #[test]
    fn at_least_once_is_what_is_meant_without_a_word() {
        assert_eq!(judge(&expectation("job.acquired", &[]), &run()), Ok(()));
        assert_eq!(judge(&expectation("job.failed", &[("error", "no disk")]), &run()), Ok(()));
        assert_eq!(
            reason(&expectation("job.reaped", &[])),
            (
                "expected `job.reaped` at least once, but it did not happen: the event does not occur at all".into(),
                None
            )
        );
        assert_eq!(
            reason(&expectation("job.failed", &[("error", "timed out"), ("job", "job#2")])),
            (
                "expected `job.failed` with error=\"timed out\", job=\"job#2\" at least once, but it did not happen; \
                 the nearest differs in error=\"no disk\""
                    .into(),
                Some(4)
            )
        );
    }

    #[test]
    fn a_host_narrows() {
        let mut on_control = expectation("job.failed", &[]);
        on_control.pattern.host = Some("control".to_owned());
        assert_eq!(judge(&on_control, &run()), Ok(()));
        on_control.pattern.host = Some("prov-1".to_owned());
        assert!(reason(&on_control).0.ends_with("the nearest differs in host control"));
    }

    #[test]
    fn a_window_has_both_its_ends() {
        let mut late = expectation("job.failed", &[]);
        for (start, end, held) in [(90, 95, true), (80, 90, true), (80, 89, false), (91, 95, false)] {
            late.between = Some(Window { start: secs(start), end: secs(end) });
            assert_eq!(judge(&late, &run()).is_ok(), held, "{start}..{end}");
        }
        assert!(reason(&late).0.ends_with("but it did not happen; the nearest differs in time 1m30s"));
    }

    #[test]
    fn times_count() {
        let mut times = expectation("job.acquired", &[]);
        for (min, max, held) in [(2, 2, true), (1, 3, true), (3, 4, false), (0, 1, false)] {
            times.count = Count::Times { min, max };
            assert_eq!(judge(&times, &run()).is_ok(), held, "{min}..{max}");
        }
        assert_eq!(
            reason(&times),
            ("expected `job.acquired` 0 to 1 times, but it happened 2 times, at 3s for one".into(), Some(2))
        );
    }

    #[test]
    fn never_is_broken_by_one() {
        let mut never = expectation("job.failed", &[]);
        never.count = Count::Never;
        assert_eq!(
            reason(&never),
            ("expected `job.failed` never, but it happened once, at 1m30s for one".into(), Some(4))
        );
        never.pattern = pattern("job.reaped", &[]);
        assert_eq!(judge(&never, &run()), Ok(()));
    }

    #[test]
    fn order_compares_first_matches() {
        let mut ordered = expectation("job.acquired", &[("job", "job#2")]);
        ordered.before = Some(pattern("job.completed", &[]));
        ordered.after = Some(pattern("job.acquired", &[]));
        assert_eq!(judge(&ordered, &run()), Ok(()));
        ordered.before = Some(pattern("job.acquired", &[]));
        ordered.after = None;
        assert_eq!(
            reason(&ordered),
            (
                "expected the first `job.acquired` with job=\"job#2\" before the first `job.acquired`, but the one \
                 came at 3s and the other at 2s"
                    .into(),
                Some(2)
            )
        );
        ordered.before = Some(pattern("job.reaped", &[]));
        assert!(reason(&ordered).0.ends_with("but the latter never happened"));
    }

    #[test]
    fn never_with_an_order_narrows() {
        let mut never = expectation("job.acquired", &[]);
        never.count = Count::Never;
        never.after = Some(pattern("job.completed", &[]));
        assert_eq!(judge(&never, &run()), Ok(()));
        never.after = Some(pattern("build.queued", &[]));
        assert_eq!(reason(&never).1, Some(1));
        never.after = None;
        never.before = Some(pattern("build.queued", &[]));
        assert_eq!(judge(&never, &run()), Ok(()));
    }
}
