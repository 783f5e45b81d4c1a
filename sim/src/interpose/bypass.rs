//! What was asked of the C library instead of a host, and who asked.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BypassKind {
    /// The time since some beginning: it was answered with the host's clock.
    MonotonicClock,
    /// The time of day: it was answered with the host's clock.
    WallClock,
    /// Randomness: it was answered from the run's own stream.
    Entropy,
    /// A thread was started. It is a real one: nothing simulates what it does, nor when.
    Thread,
}

impl BypassKind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::MonotonicClock => "monotonic-clock",
            Self::WallClock => "wall-clock",
            Self::Entropy => "entropy",
            Self::Thread => "thread",
        }
    }
}

impl fmt::Display for BypassKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MonotonicClock => "monotonic clock",
            Self::WallClock => "wall clock",
            Self::Entropy => "entropy",
            Self::Thread => "thread",
        })
    }
}

/// The function that a call past the seam is laid at: the nearest one to it that is neither the standard library's,
/// nor of a crate that does nothing but hand out clocks and randomness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Culprit {
    /// The crate, as it is called in code. `None` if it is not Rust, or not known.
    pub crate_name: Option<String>,
    /// The function.
    pub function: String,
    /// Its source file: within this project, or within its own crate's folder. Empty if it is not known.
    pub file: String,
    /// The line of the call.
    pub line: u32,
    /// Whether the file is that of a library from elsewhere.
    pub library: bool,
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        if self.file.is_empty() { Ok(()) } else { write!(f, " ({}:{})", self.file, self.line) }
    }
}

/// Calls past the seam, of one kind and through one culprit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// What was asked for.
    pub kind: BypassKind,
    /// Who asked.
    pub culprit: Culprit,
    /// How often.
    pub count: u64,
    /// How many steps the run had taken at the first call.
    pub step: u64,
    /// Virtual time of the first call since the run began.
    #[serde(rename = "at_us", with = "at_us")]
    pub at: Duration,
    /// The host whose task made the first call; `-` if no task ran.
    pub host: String,
    /// That task's name.
    pub task: Option<String>,
    /// The first call's stack, innermost function first, as far as the task that ran.
    pub stack: Vec<String>,
    /// The serial numbers of tasks that made such calls; not all if there are many.
    pub(crate) tasks: Vec<u32>,
}

impl Bypass {
    /// Whether a library made it and it was answered from the simulation: the run stays what it was.
    pub fn is_harmless(&self) -> bool {
        self.culprit.library && self.kind != BypassKind::Thread
    }
}

/// A duration as a number of microseconds.
mod at_us {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(at.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_micros)
    }
}
