//! Whether somebody who keeps a connection has one, for those who look at them from outside.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// Whether there is a connection at present. Cheap to clone; every clone is the same. At first there is none.
#[derive(Clone, Debug, Default)]
pub struct Connected(Arc<State>);

#[derive(Debug, Default)]
struct State {
    there: AtomicBool,
    changed: Notify,
}

impl Connected {
    /// Whether there is one.
    pub fn get(&self) -> bool {
        self.0.there.load(Ordering::SeqCst)
    }

    /// Says whether there is one.
    pub fn set(&self, there: bool) {
        self.0.there.store(there, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }

    /// Waits until there is one. Cancel safe.
    pub async fn wait(&self) {
        loop {
            // Listening before looking: a change in between is not missed.
            let changed = self.0.changed.notified();
            if self.get() {
                return;
            }
            changed.await;
        }
    }
}
