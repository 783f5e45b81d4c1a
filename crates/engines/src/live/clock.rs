//! What time it is in a live run.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// The time since a run began, which is when it is first told to go on: what comes before, such as setting a database
/// up, takes none of the story's. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    origin: Arc<OnceLock<Instant>>,
    /// The log's time, in microseconds.
    told: Arc<AtomicU64>,
    epoch: Timestamp,
}

impl Clock {
    /// A clock that stands at zero.
    pub(super) fn new() -> Self {
        Self { origin: Arc::default(), told: Arc::default(), epoch: Timestamp::now() }
    }

    /// The run begins, if it has not.
    pub(super) fn begin(&self) {
        self.origin.get_or_init(Instant::now);
    }

    /// Time since the run began.
    pub(super) fn now(&self) -> Duration {
        self.origin.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// The time at which what is told now happens.
    ///
    /// In the simulator time stands still as long as anything is ready to run, and what follows from one thing without
    /// any waiting happens in one instant. What is said about a log counts on that. So it is here, as far as the log
    /// goes: an instant is what runs between two waits of the thread.
    pub(super) fn instant(&self) -> Duration {
        Duration::from_micros(self.told.load(Ordering::Relaxed))
    }

    /// The thread has waited: another instant begins.
    pub(super) fn tick(&self) {
        self.told.store(self.now().as_micros().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What the real wall clock showed when this was made.
    pub(super) fn epoch(&self) -> Timestamp {
        self.epoch
    }

    /// Waits until `at` since the run began.
    pub(super) async fn reach(&self, at: Duration) {
        let origin = *self.origin.get_or_init(Instant::now);
        match origin.checked_add(at) {
            Some(instant) => tokio::time::sleep_until(instant.into()).await,
            // Further off than the clock can count.
            None => std::future::pending().await,
        }
    }
}
