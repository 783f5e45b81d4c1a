//! What an expectation is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Record;
use crate::scenario::units::show_duration;

/// One thing that a run must, or must not, show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The line of the scenario file on which it begins.
    pub line: usize,
    /// Which records are meant.
    pub pattern: Pattern,
    /// When they must have happened; at any time if left out.
    pub between: Option<Window>,
    /// How many there must be.
    pub count: Count,
    /// The first of them must come before the first match of this.
    pub before: Option<Pattern>,
    /// The first of them must come after the first match of this.
    pub after: Option<Pattern>,
    /// Whether it holds whatever else happens, so that a campaign judges it too.
    pub always: bool,
}

/// Describes records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The event's name.
    pub event: String,
    /// Fields that must have exactly this text; the other fields are free.
    pub with: BTreeMap<String, String>,
    /// On which host; on any if left out.
    pub host: Option<String>,
}

impl Pattern {
    /// Whether a record is meant.
    pub fn matches(&self, record: &Record) -> bool {
        record.event == self.event
            && self.host.as_ref().is_none_or(|host| *host == record.host)
            && self.with.iter().all(|(field, value)| record.field(field) == Some(value))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.event)?;
        for (index, (field, value)) in self.with.iter().enumerate() {
            write!(f, "{} {field}={value:?}", if index == 0 { " with" } else { "," })?;
        }
        match &self.host {
            Some(host) => write!(f, " on {host}"),
            None => Ok(()),
        }
    }
}

/// A stretch of virtual time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first instant.
    pub start: Duration,
    /// Its last instant.
    pub end: Duration,
}

impl Window {
    /// Whether an instant lies in it.
    pub fn contains(&self, at: Duration) -> bool {
        self.start <= at && at <= self.end
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "between {} and {}", show_duration(self.start), show_duration(self.end))
    }
}

/// How many matches there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// One or more: what is meant when nothing is said.
    AtLeastOnce,
    /// From so many to so many, both included.
    Times {
        /// The fewest.
        min: u64,
        /// The most.
        max: u64,
    },
    /// None at all.
    Never,
}

impl Count {
    /// Whether a number of matches is right.
    pub fn allows(&self, found: u64) -> bool {
        match *self {
            Self::AtLeastOnce => found >= 1,
            Self::Times { min, max } => (min..=max).contains(&found),
            Self::Never => found == 0,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeastOnce => f.write_str("at least once"),
            Self::Times { min: 1, max: 1 } => f.write_str("exactly once"),
            Self::Times { min, max } if min == max => write!(f, "exactly {min} times"),
            Self::Times { min, max } => write!(f, "{min} to {max} times"),
            Self::Never => f.write_str("never"),
        }
    }
}
