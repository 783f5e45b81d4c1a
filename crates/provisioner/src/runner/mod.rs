//! What runs one job, from its acquisition to its terminal message.
//!
//! - [`core`]: [`Runner`], which decides everything, as a value: an event in, effects out, no I/O and no clock.
//! - [`event`]: those events and effects.
//! - `phases`: the order of a build, an import and a dry run. `ending`: cancels, the ways in which a job ends, and its
//!   terminal message.
//! - `log_queue`: when log lines are sent, in what portions, and what becomes of a flood of them.
//! - `updates`: heartbeats, and waiting until a flush has been accepted. `attempt`: one call at a time, tried
//!   again with back-off.
//! - `texts`: stage names, error texts and error codes.
//! - [`transitions`](mod@transitions): what every event does in every state, read off the core.
//! - `shell`: carries the effects out and feeds the results back.
//!
//! Architecture invariant: the shell decides nothing. Whatever can go wrong in the order of things goes wrong in
//! the core, where property tests look for it.

mod attempt;
pub mod core;
mod ending;
pub mod event;
mod log_queue;
#[cfg(test)]
mod log_queue_reference;
mod phases;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;
pub(crate) mod shell;
#[cfg(test)]
mod stories;
mod texts;
pub mod transitions;
mod updates;

use std::time::Duration;

pub use self::{
    core::Runner,
    log_queue::{BATCH_BYTES_MAX, BATCH_LINES_MAX, LINE_BYTES_MAX, QUEUE_BYTES_MAX, QUEUE_LINES_MAX},
    transitions::{Row, transitions},
};

/// A runner's times and limits. The defaults are this platform's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunnerConfig {
    /// How long after an accepted update the next one is due, log lines or none: the heartbeat. 5 s. The control
    /// plane gives up a job that it has not heard of for 5 min, so it should stay far below that. Must not be zero.
    pub update_interval: Duration,
    /// How long a cancelled job may take to end gracefully. 10 min.
    pub force_cancel_interval: Duration,
    /// How long after the last log line the lines are sent (J1). 250 ms.
    pub log_debounce: Duration,
    /// How long a log line waits at most (J1), so that a steady stream of lines is sent too. 5 s.
    pub log_age_max: Duration,
    /// How many log lines wait at most before they are sent at once (J1). 100; at least 1.
    pub log_lines_max: usize,
    /// How long one try of a call about the job may take before it counts as lost. Also how long a phase waits
    /// for the flush before it: a job goes on while the control plane is away. 30 s.
    pub update_timeout: Duration,
    /// How long the last flush may hold the terminal message back, after which unsent lines are given up. 2 min:
    /// long enough for a short cut to heal, short enough that the message comes before the control plane takes
    /// the job for lost (5 min).
    pub last_flush_max: Duration,
    /// Floor of the back-off between two tries of a call. 25 ms. Must not be zero.
    pub retry_wait_min: Duration,
    /// Ceiling of the back-off between two tries of a call. 5 s.
    pub retry_wait_max: Duration,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self {
            update_interval: Duration::from_secs(5),
            force_cancel_interval: Duration::from_secs(10 * 60),
            log_debounce: Duration::from_millis(250),
            log_age_max: Duration::from_secs(5),
            log_lines_max: 100,
            update_timeout: Duration::from_secs(30),
            last_flush_max: Duration::from_secs(2 * 60),
            retry_wait_min: Duration::from_millis(25),
            retry_wait_max: Duration::from_secs(5),
        }
    }
}
