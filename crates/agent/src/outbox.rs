//! Reports that are to reach the control plane one after the other, over one connection or another.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// A bounded queue of reports. The first one stays in it until it is [told](Self::told), whatever becomes of the
/// connection.
pub(crate) struct Outbox<T> {
    room: usize,
    queue: Mutex<VecDeque<T>>,
    changed: Notify,
}

impl<T: Clone> Outbox<T> {
    /// An empty one, for so many reports.
    pub(crate) fn new(room: usize) -> Self {
        Self { room, queue: Mutex::default(), changed: Notify::new() }
    }

    /// Adds a report. False if it was dropped: too many wait.
    #[must_use = "a report that is dropped is worth a word"]
    pub(crate) fn add(&self, report: T) -> bool {
        {
            let mut queue = self.queue();
            if queue.len() >= self.room {
                return false;
            }
            queue.push_back(report);
        }
        self.changed.notify_waiters();
        true
    }

    /// Waits until there is one to tell. Cancel safe.
    pub(crate) async fn due(&self) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(report) = self.queue().front() {
                return report.clone();
            }
            changed.await;
        }
    }

    /// The one that was due has been told, or is not to be told again.
    pub(crate) fn told(&self) {
        self.queue().pop_front();
        self.changed.notify_waiters();
    }

    /// Waits until none waits any more. Cancel safe.
    pub(crate) async fn drained(&self) {
        loop {
            let changed = self.changed.notified();
            if self.queue().is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<T>> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outbox")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn now<F: Future>(future: F) -> Option<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_report_stays_until_it_is_told() {
        let outbox = Outbox::new(2);
        assert_eq!((now(outbox.due()), now(outbox.drained())), (None, Some(())));
        assert!(outbox.add(1) && outbox.add(2));
        assert!(!outbox.add(3), "there is no room");
        assert_eq!((now(outbox.due()), now(outbox.due())), (Some(1), Some(1)));
        outbox.told();
        assert_eq!((now(outbox.due()), now(outbox.drained())), (Some(2), None));
        outbox.told();
        assert_eq!(now(outbox.drained()), Some(()));
    }
}
