//! Heartbeats, and waiting until a flush has been accepted.

use std::time::Duration;

use groundhog_host::Instant;

use super::{RunnerConfig, attempt::Attempt};

/// What a part of the run waits for: that every line queued so far is accepted, by an update begun after the wait.
/// That update's answer also tells whether the job was cancelled meanwhile (J3), before the next phase begins.
#[derive(Clone, Debug)]
pub(super) struct Barrier {
    /// The lines that it waits for.
    pub(super) up_to: u64,
    /// When the wait is over in any case.
    pub(super) give_up_at: Instant,
    /// An update has been accepted that began after the wait.
    pub(super) heard: bool,
}

/// The one update that may be in flight, and when the next is due.
#[derive(Clone, Debug)]
pub(super) struct Updates {
    pub(super) attempt: Attempt,
    interval: Duration,
    /// When an update was last accepted. The job's delivery counts as one.
    accepted_at: Instant,
    /// The last line of the update in flight; 0 if it carries none.
    carried: u64,
    /// The update in flight was begun after the barrier was set.
    serves_barrier: bool,
    pub(super) barrier: Option<Barrier>,
}

impl Updates {
    pub(super) fn new(config: &RunnerConfig, now: Instant) -> Self {
        Self {
            attempt: Attempt::new(config.retry_wait_min, config.retry_wait_max),
            interval: config.update_interval,
            accepted_at: now,
            carried: 0,
            serves_barrier: false,
            barrier: None,
        }
    }

    pub(super) fn set_barrier(&mut self, up_to: u64, give_up_at: Instant) {
        self.barrier = Some(Barrier { up_to, give_up_at, heard: false });
        self.serves_barrier = false;
    }

    /// When the next update is due, given when log lines are. None while one is in flight.
    pub(super) fn due_at(&self, logs_due_at: Option<Instant>) -> Option<Instant> {
        let earliest = self.attempt.earliest()?;
        // A barrier that nothing was heard for wants an update at once, be it an empty one.
        let barrier_due = self.barrier.as_ref().filter(|barrier| !barrier.heard).map(|_| Instant::default());
        let heartbeat_due = Some(self.accepted_at + self.interval);
        [barrier_due, heartbeat_due, logs_due_at].into_iter().flatten().min().map(|due| due.max(earliest))
    }

    /// Whether the update in flight was begun before the present barrier was set, which waits for the next.
    pub(super) fn is_behind(&self) -> bool {
        self.barrier.is_some() && !self.serves_barrier
    }

    /// Whether the last update was lost and not tried again yet.
    pub(super) fn is_retrying(&self) -> bool {
        self.attempt.is_retrying()
    }

    /// An update was begun, with lines up to `carried` if it has any.
    pub(super) fn begun(&mut self, carried: u64) {
        self.attempt.begun();
        self.carried = carried;
        self.serves_barrier = true;
    }

    /// The control plane has taken note of the job by another call of its worker's.
    pub(super) fn heard(&mut self, now: Instant) {
        self.accepted_at = now;
    }

    /// The update in flight was accepted; the number of its last line, 0 if it carried none. Only this postpones
    /// the next heartbeat (J4).
    pub(super) fn accepted(&mut self, now: Instant) -> u64 {
        self.attempt.answered();
        self.accepted_at = now;
        if let Some(barrier) = self.barrier.as_mut().filter(|_| self.serves_barrier) {
            barrier.heard = true;
        }
        std::mem::take(&mut self.carried)
    }
}
