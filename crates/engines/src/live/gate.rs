//! A path in one direction, which faults shut for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How a path is shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// What is sent is lost. A stream sends it again until it gets through, so to streams this is no different from the
    /// other.
    Cut,
    /// What is sent waits.
    Held,
}

/// A path in one direction. It is open again when everything that has shut it has ended.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    cuts: u32,
    holds: u32,
}

impl Gate {
    /// One thing more keeps it shut.
    pub(super) fn shut(&self, how: Shut) {
        *self.lock().count(how) += 1;
    }

    /// One thing less does.
    pub(super) fn release(&self, how: Shut) {
        let mut state = self.lock();
        let count = state.count(how);
        *count = count.saturating_sub(1);
        drop(state);
        self.changed.notify_waiters();
    }

    /// How it is shut; none if it is open.
    pub(super) fn is_shut(&self) -> Option<Shut> {
        let state = self.lock();
        match (state.cuts, state.holds) {
            (0, 0) => None,
            (0, _) => Some(Shut::Held),
            _ => Some(Shut::Cut),
        }
    }

    /// Waits until it is open.
    pub(super) async fn opened(&self) {
        loop {
            // Listening before looking: what changes in between is not missed.
            let changed = self.changed.notified();
            if self.is_shut().is_none() {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, how: Shut) -> &mut u32 {
        match how {
            Shut::Cut => &mut self.cuts,
            Shut::Held => &mut self.holds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_open_when_all_that_shut_it_has_ended() {
        let gate = Gate::default();
        assert_eq!(gate.is_shut(), None);
        gate.shut(Shut::Held);
        assert_eq!(gate.is_shut(), Some(Shut::Held));
        gate.shut(Shut::Cut);
        gate.shut(Shut::Cut);
        gate.release(Shut::Cut);
        assert_eq!(gate.is_shut(), Some(Shut::Cut));
        gate.release(Shut::Cut);
        assert_eq!(gate.is_shut(), Some(Shut::Held));
        gate.release(Shut::Held);
        gate.release(Shut::Held);
        assert_eq!(gate.is_shut(), None);
    }
}
