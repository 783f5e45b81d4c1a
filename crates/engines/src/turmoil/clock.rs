//! What time it is.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// The run's clock. All hosts of turmoil's go through their ticks side by side, so their clocks are one clock.
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Timestamp,
    /// When the tick that goes on began, in microseconds since the run began.
    tick_began: AtomicU64,
    is_stopped: AtomicBool,
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Clock {
    pub(crate) fn new(epoch: Timestamp) -> Self {
        Self { epoch, tick_began: AtomicU64::new(0), is_stopped: AtomicBool::new(false) }
    }

    /// What wall clocks showed when the run began.
    pub(crate) fn epoch(&self) -> Timestamp {
        self.epoch
    }

    /// A tick begins now.
    pub(crate) fn set(&self, now: Duration) {
        self.tick_began.store(micros(now), Ordering::Relaxed);
    }

    /// Time does not go on after this tick.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Whether time does not go on.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// When the tick that goes on began: the time that the log tells, because hosts run one after the other, each through
    /// the whole tick, and the log must not go back in time from one to the next.
    pub(crate) fn tick_began(&self) -> Duration {
        Duration::from_micros(self.tick_began.load(Ordering::Relaxed))
    }

    /// The time on the host that runs, or else the world's: microseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        turmoil::sim_elapsed().map_or_else(|| self.tick_began.load(Ordering::Relaxed), micros)
    }

    /// The wall clock of a host whose clock is ahead by so many microseconds. A clock that was stepped out of the calendar
    /// shows its last day rather than nothing.
    pub(crate) fn wall(&self, ahead: i64) -> Timestamp {
        let elapsed = i64::try_from(self.now()).unwrap_or(i64::MAX);
        let since = SignedDuration::from_micros(elapsed.saturating_add(ahead));
        self.epoch.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}
