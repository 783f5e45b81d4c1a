//! One call at a time, tried again with back-off until it is answered.

use std::time::Duration;

use groundhog_host::{Backoff, Instant};

/// Whether a call is in flight, and when it may be tried again if it was lost.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    backoff: Backoff,
    in_flight: bool,
    retry_at: Option<Instant>,
}

impl Attempt {
    /// Nothing in flight, and free to begin at once. Waits between tries grow from `wait_min` to `wait_max`.
    pub(super) fn new(wait_min: Duration, wait_max: Duration) -> Self {
        let mut backoff = Backoff::new(wait_min, wait_max);
        // A back-off's first wait is none at all: that is the first try, made without asking.
        backoff.next_wait();
        Self { backoff, in_flight: false, retry_at: None }
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight
    }

    /// Whether the last call was lost and not tried again yet.
    pub(super) fn is_retrying(&self) -> bool {
        self.retry_at.is_some()
    }

    /// Whether a call may begin now.
    pub(super) fn may_begin(&self, now: Instant) -> bool {
        !self.in_flight && self.retry_at.is_none_or(|at| at <= now)
    }

    /// The time before which none may begin. None if one is in flight, as its end comes by itself.
    pub(super) fn earliest(&self) -> Option<Instant> {
        (!self.in_flight).then(|| self.retry_at.unwrap_or_default())
    }

    pub(super) fn begun(&mut self) {
        self.in_flight = true;
        self.retry_at = None;
    }

    /// The call was answered: the next one begins afresh.
    pub(super) fn answered(&mut self) {
        self.in_flight = false;
        self.retry_at = None;
        self.backoff.reset();
        self.backoff.next_wait();
    }

    /// The call had no answer: the next try has to wait.
    pub(super) fn lost(&mut self, now: Instant) {
        self.in_flight = false;
        self.retry_at = Some(now + self.backoff.next_wait());
    }

    /// The call in flight is dropped, and nobody will tell its end.
    pub(super) fn abandoned(&mut self) {
        self.in_flight = false;
    }
}
