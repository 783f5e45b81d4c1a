//! A value that others wait for.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A value, and a word to those who wait whenever it changes. They are woken in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Watched<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Watched<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// The value as it is now.
    pub(super) fn get(&self) -> MutexGuard<'_, T> {
        // Never left half changed: a panic under it would have to be one of the allocator's.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes it.
    pub(super) fn set(&self, value: T) {
        *self.get() = value;
        self.changed.notify_waiters();
    }

    /// Waits until `find` finds something in it, and returns that. Cancel safe.
    pub(super) async fn until<R>(&self, find: impl Fn(&T) -> Option<R>) -> R {
        loop {
            // Listening before looking: a change in between is not missed.
            let changed = self.changed.notified();
            let found = find(&self.get());
            match found {
                Some(found) => return found,
                None => changed.await,
            }
        }
    }
}
