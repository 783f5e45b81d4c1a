//! How many jobs have not ended: the reaper takes a mass of hung ones batch by batch, so bounds depend on it.

use super::{begins, is_terminal};
use crate::Record;

/// Counts jobs from being queued to their end.
#[derive(Default)]
pub(super) struct OpenJobs {
    now: u64,
    max: u64,
}

impl OpenJobs {
    pub(super) fn observe(&mut self, record: &Record) {
        if record.field("job").is_none() {
            return;
        }
        if begins(&record.event) {
            self.now += 1;
            self.max = self.max.max(self.now);
        } else if is_terminal(&record.event) {
            self.now = self.now.saturating_sub(1);
        }
    }

    /// The most that there were at once.
    pub(super) fn max(&self) -> u64 {
        self.max
    }
}
