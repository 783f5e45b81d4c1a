//! What reaches an agent past the control plane.
//!
//! - [`peers`]: who may reach it. [`coordination`]: hearing of them. [`relay_map`]: the relays.
//! - [`visitor`]: one path, from its hello to its end. [`relay`]: those that come over a relay.
//! - [`streams`]: what goes on over paths that come and go. [`service`]: what a stream is for.
//! - [`Network`] (here): the listener.

mod coordination;
pub(crate) mod peers;
mod relay;
mod relay_map;
mod service;
mod streams;
mod visitor;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use groundhog_host::{Backoff, Listener};
use tokio::sync::{Notify, Semaphore};

use self::{peers::Peers, streams::Streams, visitor::Way};
use crate::shared::Shared;

/// How many paths there may be at a time; more are closed at once. As many as there may be streams.
const PATHS_MAX: usize = streams::STREAMS_MAX;
/// The waits after accepts that failed: soon enough to ask again, seldom enough not to burn a core.
const ACCEPT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));

/// How an agent can be reached. It outlives every connection.
#[derive(Debug)]
pub(crate) struct Network {
    peers: Mutex<Peers>,
    /// Set once there is a listener.
    port: OnceLock<u16>,
    paths: Arc<Semaphore>,
    streams: Streams,
    /// The relay that is listened at; 0 for none.
    relay: Mutex<u32>,
    relay_changed: Notify,
    coordinating: Mutex<bool>,
    changed: Notify,
}

/// The agent coordinates, as long as this is there.
#[derive(Debug)]
pub(crate) struct Coordinating<'a> {
    network: &'a Network,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            peers: Mutex::default(),
            port: OnceLock::new(),
            paths: Arc::new(Semaphore::new(PATHS_MAX)),
            streams: Streams::default(),
            relay: Mutex::new(0),
            relay_changed: Notify::new(),
            coordinating: Mutex::new(false),
            changed: Notify::new(),
        }
    }

    /// Who may reach the agent.
    pub(crate) fn peers(&self) -> MutexGuard<'_, Peers> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The port that is listened on, once there is one.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port.get().copied()
    }

    /// Waits until there is no coordination whose good-bye has not been heard. Cancel safe.
    pub(crate) async fn left(&self) {
        loop {
            let changed = self.changed.notified();
            if !*self.coordinating_now() {
                return;
            }
            changed.await;
        }
    }

    /// The relay that is listened at; 0 for none.
    fn relay_now(&self) -> MutexGuard<'_, u32> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn coordinating(&self) -> Coordinating<'_> {
        *self.coordinating_now() = true;
        Coordinating { network: self }
    }

    fn coordinating_now(&self) -> MutexGuard<'_, bool> {
        self.coordinating.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Coordinating<'_> {
    fn drop(&mut self) {
        *self.network.coordinating_now() = false;
        self.network.changed.notify_waiters();
    }
}

/// Listens for peers, unless it does already. Fails if the port is taken.
pub(crate) async fn listen(shared: &Arc<Shared>) -> io::Result<()> {
    if shared.network.port().is_some() {
        return Ok(());
    }
    let listener = shared.host.listen(shared.config().listen_port).await?;
    // Nobody else sets it: an agent has one connection at a time.
    let _ = shared.network.port.set(listener.port());
    let accepting = shared.clone();
    shared.host.spawn("agent listener", async move { accept(&accepting, listener).await }).detach();
    Ok(())
}

/// Takes paths until the agent has closed.
async fn accept(shared: &Arc<Shared>, mut listener: Listener) {
    let mut backoff = ACCEPT_BACKOFF;
    let hard = &shared.orders.hard;
    loop {
        let accepted = tokio::select! {
            biased;
            // The order first: no path is begun after it.
            () = hard.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match (accepted, shared.network.paths.clone().try_acquire_owned()) {
            (Ok(stream), Ok(permit)) => {
                backoff.reset();
                let visited = shared.clone();
                let visit = async move {
                    visitor::serve(&visited, stream, Way::Direct).await;
                    drop(permit);
                };
                shared.host.spawn("agent path", visit).detach();
            }
            (Ok(stream), Err(_)) => {
                backoff.reset();
                tracing::debug!(peer = stream.peer(), "a path was refused: too many are open");
            }
            (Err(error), _) => {
                tracing::debug!(%error, "an accept failed");
                shared.host.sleep(backoff.next_wait()).await;
            }
        }
    }
}
