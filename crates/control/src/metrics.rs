//! What is counted and measured.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::prebuilds::Outcome;

/// What a process keeps in memory of what it measured. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    reconciliations: Vec<Duration>,
    paused: bool,
    last_updated_ms: i64,
}

impl Metrics {
    /// Notes that a look at all pools has ended at `now_ms` (milliseconds since 1970), after so long, whatever came of it.
    pub fn cycle_ended(&self, elapsed: Duration, outcome: Outcome, now_ms: i64) {
        let mut inner = self.inner();
        inner.reconciliations = vec![elapsed];
        inner.paused = outcome == Outcome::Paused;
        inner.last_updated_ms = now_ms;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
