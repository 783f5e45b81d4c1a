//! How tunnels end.

use std::{fmt, time::Duration};

use crate::machine::Told;

/// Why a tunnel has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Somebody asked for it.
    Interrupted,
    /// The control plane tells nothing more, for this reason (T2).
    WatchOver(String),
    /// Something happened that the person was told of.
    Told {
        /// What.
        told: Told,
        /// More of it, in the words of whoever noticed; may be empty.
        detail: String,
    },
    /// It was not down in time, or nobody waited for it any more.
    Forced,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::WatchOver(why) => f.write_str(why),
            Self::Told { told, detail } if detail.is_empty() => told.fmt(f),
            Self::Told { told, detail } => write!(f, "{told} ({detail})"),
            Self::Forced => f.write_str("forced"),
        }
    }
}

/// A tunnel was not down when the time for that was up. What was under way was dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tunnel was not down within {within:?}: what was under way was dropped")]
pub struct ShutdownTimeout {
    /// How long it had.
    pub within: Duration,
}
