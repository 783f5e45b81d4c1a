//! A daemon's status, as a pure function of what is known of it.

use std::time::Duration;

use groundhog_wire::v1;

use crate::millis::millis;

/// Whether a daemon is there, and whether it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DaemonStatus {
    /// Nothing was heard of it for long.
    Offline,
    /// It is there and has no job.
    Idle,
    /// It is there and has a job that has not ended.
    Busy,
}

/// What is known of a daemon; times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// When it was last heard of; none if never.
    pub last_seen_at: Option<i64>,
    /// Whether it has a job that has not ended.
    pub has_job: bool,
}

/// The status at `now_ms` of a daemon that counts as offline `stale_after` its last sign of life, and not before.
pub fn status(known: Known, now_ms: i64, stale_after: Duration) -> DaemonStatus {
    let stale_after = millis(stale_after);
    match known {
        Known { last_seen_at: None, .. } => DaemonStatus::Offline,
        Known { last_seen_at: Some(at), .. } if now_ms.saturating_sub(at) > stale_after => DaemonStatus::Offline,
        Known { has_job: true, .. } => DaemonStatus::Busy,
        Known { has_job: false, .. } => DaemonStatus::Idle,
    }
}

impl DaemonStatus {
    /// The status as the protocol writes it.
    pub const fn to_wire(self) -> v1::DaemonStatus {
        match self {
            Self::Offline => v1::DaemonStatus::Offline,
            Self::Idle => v1::DaemonStatus::Idle,
            Self::Busy => v1::DaemonStatus::Busy,
        }
    }
}
