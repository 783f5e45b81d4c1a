//! Logs written by hand, for unit tests.

use std::time::Duration;

use crate::invariants::{Invariant, Violation};
use crate::{Loudness, Record};

/// A log that grows.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) records: Vec<Record>,
    pub(crate) end: Option<Duration>,
}

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { records: Vec::new(), end: None }
    }

    /// Adds a record, at so many seconds.
    #[must_use]
    pub(crate) fn add(mut self, at_s: u64, host: &str, event: &str, fields: &[(&'static str, &str)]) -> Self {
        self.records.push(Record {
            ordinal: self.records.len() as u64,
            at: secs(at_s),
            host: host.to_owned(),
            loudness: Loudness::Logged,
            event: event.to_owned(),
            fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        });
        self
    }

    /// Ends the run at so many seconds instead of with its last record.
    #[must_use]
    pub(crate) fn end(mut self, at_s: u64) -> Self {
        self.end = Some(secs(at_s));
        self
    }
}

fn violations(mut invariant: impl Invariant, log: &Log) -> Vec<Violation> {
    let mut found: Vec<Violation> = log.records.iter().filter_map(|record| invariant.observe(record)).collect();
    let last = log.records.last().map_or(Duration::ZERO, |record| record.at);
    found.extend(invariant.finish(log.end.unwrap_or(last)));
    found
}

#[track_caller]
pub(crate) fn assert_kept(invariant: impl Invariant, log: &Log) {
    assert_eq!(violations(invariant, log), []);
}

/// The log breaks the invariant, once, at this record, and the message names these things.
#[track_caller]
pub(crate) fn assert_broken(invariant: impl Invariant, log: &Log, ordinal: u64, names: &[&str]) {
    let id = invariant.id();
    let found = violations(invariant, log);
    let [violation] = found.as_slice() else { panic!("broken {} times: {found:?}", found.len()) };
    assert_eq!((violation.id, violation.ordinal), (id, ordinal), "{}", violation.message);
    for name in names {
        assert!(violation.message.contains(name), "{name:?} is not in {:?}", violation.message);
    }
}
