//! A port of the agent's machine on this one.
//!
//! Each connection that comes here gets a stream of its own. A close lets those that are under way finish, for a while;
//! what is left is reset (F23).

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_host::{Host, Listener, Stream, Task};
use tokio::{io::copy_bidirectional, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use super::Application;
use crate::connection::AgentConnection;

/// How many connections are forwarded at once; more wait to be accepted. A browser opens six to one host, and nobody has
/// ten of those.
const CONNECTIONS_MAX: u32 = 64;

/// How long a close waits for connections that are under way: below the 10 s that a tunnel waits for it.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Listens here, and opens a stream to the agent's machine for each connection that comes.
#[derive(Debug)]
pub struct PortForward {
    host: Host,
    local_port: u16,
    remote_port: u16,
    up: Mutex<Option<Up>>,
}

/// A forward that is up.
#[derive(Clone, Debug)]
struct Up {
    port: u16,
    /// Nothing new is accepted.
    stop: CancellationToken,
    /// What is under way is dropped.
    kill: CancellationToken,
    /// Nothing is accepted any more, for this reason if it is one.
    stopped: CancellationToken,
    why: Arc<Mutex<Option<String>>>,
    /// One for each connection that may be under way.
    places: Arc<Semaphore>,
}

impl PortForward {
    /// From `local_port` of `host` (0 for any free one) to `remote_port` of the agent's machine, at least
    /// [`FORWARD_MIN`](groundhog_wire::agent_port::FORWARD_MIN).
    pub fn new(host: &Host, local_port: u16, remote_port: u16) -> Self {
        Self { host: host.clone(), local_port, remote_port, up: Mutex::default() }
    }

    /// The port that it listens on; none while it is not up.
    pub fn local_port(&self) -> Option<u16> {
        self.up().as_ref().map(|up| up.port)
    }

    fn up(&self) -> MutexGuard<'_, Option<Up>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl Application for PortForward {
    async fn start(&self, connection: AgentConnection) -> io::Result<()> {
        let listener = self.host.listen(self.local_port).await?;
        let up = Up {
            port: listener.port(),
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
            stopped: CancellationToken::new(),
            why: Arc::default(),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX as usize)),
        };
        let forwarding = up.clone().forward(self.host.clone(), listener, connection, self.remote_port);
        // It ends by what it is told, and its end is seen by `stopped`.
        Task::detach(self.host.spawn("port forward", forwarding));
        *self.up() = Some(up);
        Ok(())
    }

    async fn close(&self) -> io::Result<()> {
        let Some(up) = self.up().clone() else { return Ok(()) };
        up.stop.cancel();
        up.stopped.cancelled().await;
        // All places are free once no connection is under way.
        let finished = self.host.timeout(FINISH_TIMEOUT, up.places.acquire_many(CONNECTIONS_MAX)).await.is_ok();
        up.kill.cancel();
        if !finished {
            // Each lets go of the connection at its next step.
            let _ = self.host.timeout(FINISH_TIMEOUT, up.places.acquire_many(CONNECTIONS_MAX)).await;
        }
        *self.up() = None;
        Ok(())
    }

    async fn lost(&self) -> String {
        let up = self.up().clone();
        match up {
            Some(up) => {
                up.stopped.cancelled().await;
                let why = up.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match why {
                    Some(why) => why,
                    // It was closed.
                    None => std::future::pending().await,
                }
            }
            None => std::future::pending().await,
        }
    }

    fn abandon(&self) {
        if let Some(up) = self.up().take() {
            up.stop.cancel();
            up.kill.cancel();
        }
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl Up {
    /// Takes what comes, until it is told to stop.
    async fn forward(self, host: Host, mut listener: Listener, connection: AgentConnection, remote_port: u16) {
        // Told in whatever way this ends.
        let _stopped = self.stopped.clone().drop_guard();
        loop {
            let next = async {
                // A place before a connection: one that comes when there is none waits unaccepted, as with any server.
                let place = self.places.clone().acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, stream) = tokio::select! {
                // Who closes it wants nothing new.
                biased;
                () = self.stop.cancelled() => return,
                (place, stream) = next => (place, stream),
            };
            let stream = match stream {
                Ok(stream) => stream,
                Err(error) => {
                    let why = format!("port {} is not listened on any more: {error}", self.port);
                    *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                    return;
                }
            };
            let (kill, connection) = (self.kill.clone(), connection.clone());
            let carrying = async move {
                let _place = place;
                tokio::select! {
                    // What is to be dropped is not carried a byte further.
                    biased;
                    () = kill.cancelled() => {}
                    () = carry(stream, &connection, remote_port) => {}
                }
            };
            Task::detach(host.spawn("forwarded connection", carrying));
        }
    }
}

/// Carries one connection to its end. Either end may finish before the other.
async fn carry(mut local: Stream, connection: &AgentConnection, remote_port: u16) {
    let carried = async {
        let mut remote = connection.open(remote_port.into()).await?;
        copy_bidirectional(&mut local, &mut remote).await
    };
    if let Err(error) = carried.await {
        // Whoever connected sees the end of it; it is their business what to make of that.
        tracing::debug!(%error, remote_port, "a forwarded connection broke");
    }
}
