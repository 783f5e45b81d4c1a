//! A connection to an agent, past the control plane or over its relay.
//!
//! A connection is a peer in coordination and one stream to the agent that only keeps alive: by it is known whether the
//! agent is there, and which way is good. The application's streams follow that way. Streams outlive their paths, so a
//! way that breaks costs time and no bytes.
//!
//! - [`Dialer`], [`AgentConnection`] (here): making one, and having one. [`error`]: why there is none.
//! - `coordination`: hearing from the control plane where the agent is.
//! - `route`: what is tried next, when a path is dead, when there was none for too long: as a pure value.
//! - `keep_alive`: the shell around it. `path`: making a path. `streams`: the application's streams.
//! - `shared`, `watched`: what these have in common.

mod coordination;
pub mod error;
mod keep_alive;
mod path;
mod route;
mod shared;
mod streams;
mod watched;

use std::{future::pending, io, sync::Arc};

use groundhog_host::{Address, Host};
use groundhog_wire::{Channel, ChannelConfig, Endpoints, Identity, Secret, id::AgentId, resumable::ResumableStream};
use tokio::select;

pub use self::error::{DialError, Lost};
use self::{
    route::Way,
    shared::{Progress, Shared},
};

/// Makes connections to agents. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dialer {
    host: Host,
    control: Endpoints,
    token: Secret,
    config: ChannelConfig,
}

/// A connection to an agent. Cheap to clone. Dropping the last clone closes it in the background (T6).
#[derive(Clone, Debug)]
pub struct AgentConnection {
    owner: Arc<Owner>,
}

/// Closes the connection with its last handle.
#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
}

/// The way that a connection goes right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// None: it is being looked for.
    None,
    /// Straight to the agent, which listens here.
    Direct(Address),
    /// Over the control plane's relay of this number.
    Relay(u32),
}

impl Path {
    fn of(way: Option<&Way>) -> Self {
        match way {
            None => Self::None,
            Some(Way::Direct(address)) => Self::Direct(address.clone()),
            Some(Way::Relay(relay)) => Self::Relay(*relay),
        }
    }

    /// As events name it: `none`, `direct` or `relay`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Direct(_) => "direct",
            Self::Relay(_) => "relay",
        }
    }
}

impl Dialer {
    /// One that asks the control plane at `control`, with a person's `token`; `config` is for every channel that it makes:
    /// one to the control plane for each connection, one to a relay for each stream that goes over it.
    pub fn new(host: &Host, control: Endpoints, token: Secret, config: ChannelConfig) -> Self {
        Self { host: host.clone(), control, token, config }
    }

    /// Connects to an agent: fails when the control plane won't have it, when the agent has gone, and after a minute
    /// without a path. Cancel safe: dropping the future leaves nothing behind (T5, T6).
    pub async fn dial(&self, agent: AgentId) -> Result<AgentConnection, DialError> {
        let (token, config) = (self.token.clone(), self.config.clone());
        // Of its own, because it holds a call for as long as it lives, and a channel has only so many.
        let control = Channel::new(&self.host, self.control.clone(), Identity::user(token.clone()), config.clone());
        let shared = Arc::new(Shared::new(&self.host, control, token, config, agent));
        let connection = AgentConnection { owner: Arc::new(Owner { shared: shared.clone() }) };
        let living = shared.clone();
        self.host.spawn("agent connection", async move { live(&living).await }).detach();
        let dialled = shared.progress.until(|progress| match progress {
            Progress::Dialling => None,
            Progress::Up | Progress::Lost(_) => Some(Ok(())),
            Progress::Failed(error) => Some(Err(error.clone())),
        });
        dialled.await.map(|()| connection)
    }
}

impl AgentConnection {
    /// The agent that it goes to.
    pub fn agent(&self) -> AgentId {
        self.owner.shared.agent
    }

    /// The way that it goes right now.
    pub fn path(&self) -> Path {
        Path::of(self.owner.shared.current.get().way.as_ref())
    }

    /// Opens a stream to what is behind a port of the agent's (see [`agent_port`](groundhog_wire::agent_port)). Waits
    /// while there is no path. Fails with [`PermissionDenied`](io::ErrorKind::PermissionDenied) if the agent won't have
    /// it, and says why; with [`NotConnected`](io::ErrorKind::NotConnected) once the connection is lost or closed; with
    /// [`QuotaExceeded`](io::ErrorKind::QuotaExceeded) if it has 1,024 already. Cancel safe.
    pub async fn open(&self, port: u32) -> io::Result<ResumableStream> {
        let shared = &self.owner.shared;
        if shared.closing.is_cancelled() {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the connection was closed"));
        }
        if let Progress::Lost(lost) = *shared.progress.get() {
            return Err(io::Error::new(io::ErrorKind::NotConnected, format!("the connection is lost: {lost}")));
        }
        streams::open(shared, port).await
    }

    /// Waits until the connection is lost. Pending while it is up, and for ever once it was closed. Cancel safe.
    pub async fn lost(&self) -> Lost {
        let shared = &self.owner.shared;
        let lost = shared.progress.until(|progress| match progress {
            Progress::Lost(lost) => Some(*lost),
            Progress::Dialling | Progress::Up | Progress::Failed(_) => None,
        });
        let lost = lost.await;
        if shared.closing.is_cancelled() { pending().await } else { lost }
    }

    /// Closes it: its streams are reset, and the control plane hears that this end goes. Takes 5 s at most. Cancel safe:
    /// it goes on in the background.
    pub async fn close(&self) {
        self.owner.shared.close();
        self.owner.shared.closed.cancelled().await;
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// A connection's life, from the dial to the good-bye.
async fn live(shared: &Arc<Shared>) {
    let search = async {
        let (lost, error) = keep_alive::find_paths(shared).await;
        shared.lose(lost, &error);
        pending().await
    };
    let search = async {
        select! {
            biased;
            // The order first: no other way is found after it.
            () = shared.closing.cancelled() => {}
            () = search => {}
        }
        // The good-bye ends the connection.
        pending::<()>().await;
    };
    select! {
        biased;
        // What is heard comes before what is done upon it.
        () = coordination::coordinate(shared) => {}
        () = search => {}
    }
    shared.closed.cancel();
}
