//! One line of an event log.

use std::time::Duration;

/// How much a record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Seen by observers and the full trace only; never in the log's text.
    Quiet,
    /// A line of the log.
    Logged,
    /// An error-level event of a component or a library: a line of the log, and a reason to fail the run.
    Error,
}

/// One domain event, fault or error, as it happened.
///
/// Ids in it are already in their readable form (`job#1`), by order of first appearance in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Counts the run's records from 0, quiet ones included.
    pub ordinal: u64,
    /// Virtual time since the run began.
    pub at: Duration,
    /// The host on which it happened; `-` for the world itself, which causes faults.
    pub host: String,
    /// How much it matters.
    pub loudness: Loudness,
    /// The dotted name, such as `job.acquired`; `error` for error-level events that are not domain events.
    pub event: String,
    /// Name and value of each field, in the order in which the event declares them.
    pub fields: Vec<(&'static str, String)>,
}

impl Record {
    /// The value of the field `name`, if the event has it.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }
}
