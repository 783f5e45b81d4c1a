//! A replica's part in coordination: while peers' calls are open at it, it says that it lives.
//!
//! A replica that dies takes the calls of its peers with it and can't say so. So each one that has peers notes every
//! few seconds that it lives, and looks after the peers of those that do not: they are lost, and after a while gone (T10).
//! In the same round it finds out whether others have changed anything, and if so has its own peers look: their notices
//! may have been lost. A replica without peers does nothing.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_host::Host;
use tokio::select;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{config::PeersConfig, followers::Followers, operations::coordination, store::Store};

/// A replica's part in coordination. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(crate) struct Coordinator {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    store: Store,
    followers: Followers,
    config: PeersConfig,
    shutdown: CancellationToken,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What other replicas know this one by; drawn when the first peer comes.
    id: Option<Uuid>,
    /// Open calls.
    calls: usize,
    /// Whether rounds are made.
    runs: bool,
}

/// A peer's call at this replica. Dropping it ends that.
pub(crate) struct Place {
    inner: Arc<Inner>,
    /// What other replicas know this one by.
    pub(crate) coordinator: Uuid,
}

impl Coordinator {
    pub(crate) fn new(
        host: &Host,
        store: &Store,
        followers: &Followers,
        config: PeersConfig,
        shutdown: &CancellationToken,
    ) -> Self {
        let (host, store, followers, shutdown) = (host.clone(), store.clone(), followers.clone(), shutdown.clone());
        Self { inner: Arc::new(Inner { host, store, followers, config, shutdown, state: Mutex::default() }) }
    }

    /// A place for a peer's call, to be taken before the call is noted.
    pub(crate) fn join(&self) -> Place {
        let Inner { host, .. } = &*self.inner;
        let mut state = self.inner.state();
        let coordinator = *state.id.get_or_insert_with(|| host.new_id("coordinator"));
        state.calls += 1;
        let begins = !std::mem::replace(&mut state.runs, true);
        drop(state);
        if begins {
            host.spawn("coordination", rounds(self.inner.clone(), coordinator)).detach();
        }
        Place { inner: self.inner.clone(), coordinator }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a reason for another round.
    fn goes_on(&self) -> bool {
        let mut state = self.state();
        state.runs = state.calls > 0;
        state.runs
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        state.calls = state.calls.saturating_sub(1);
    }
}

/// Rounds, until the last call has ended or the control plane stops.
async fn rounds(inner: Arc<Inner>, coordinator: Uuid) {
    let Inner { host, store, followers, config, shutdown, .. } = &*inner;
    let mut interval = host.interval(config.beat_interval);
    let mut seen = None;
    loop {
        select! {
            biased;
            // First the shutdown: nothing is begun after it.
            () = shutdown.cancelled() => return,
            _ = interval.tick() => {}
        }
        if !inner.goes_on() {
            return;
        }
        let round = store.transact("coordination", |tx| coordination::round(tx, coordinator, config));
        match host.timeout(config.beat_interval, round).await {
            Ok(Ok(changes)) => {
                // What changed before the first round is not known, so it counts as a change.
                if seen.replace(changes) != Some(changes) {
                    followers.hear_of_peers();
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "a round of coordination failed"),
            Err(error) => tracing::warn!(%error, "a round of coordination failed"),
        }
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator").field("calls", &self.inner.state().calls).finish_non_exhaustive()
    }
}
