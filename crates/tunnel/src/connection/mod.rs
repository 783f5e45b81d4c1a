//! A connection to an agent, past the control plane or over its relay.

use std::{io, time::Duration};

use groundhog_host::{Address, Host};
use groundhog_wire::{ChannelConfig, Endpoints, Secret, id::AgentId, resumable::ResumableStream};

/// How long a dial is tried before it fails.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(60);

/// Makes connections to agents. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dialer {
    #[allow(dead_code)]
    host: Host,
}

/// A connection to an agent. Cheap to clone. Dropping the last clone closes it in the background (T6).
#[derive(Clone, Debug)]
pub struct AgentConnection {
    agent: AgentId,
}

/// The way that a connection goes right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// None: it is being looked for.
    None,
    /// Straight to the agent.
    Direct(Address),
    /// Over the control plane's relay of this number.
    Relay(u32),
}

/// Why a connection that was up is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// There was no path for too long.
    #[error("no path to the agent for 1 min")]
    NoPath,
    /// The agent is another process than the one that was connected to.
    #[error("the agent was started anew")]
    StartedAnew,
    /// The control plane says that the agent has gone for good.
    #[error("the agent has gone")]
    Gone,
}

/// Why an agent could not be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The control plane won't have it.
    #[error("the control plane refuses a tunnel to agent {agent}: {error}")]
    Refused {
        /// The agent.
        agent: AgentId,
        /// In the control plane's words.
        error: String,
    },
    /// No path was found in [`DIAL_TIMEOUT`].
    #[error("no path to agent {agent} within {DIAL_TIMEOUT:?}: {error}")]
    NoPath {
        /// The agent.
        agent: AgentId,
        /// What came of the last try.
        error: String,
    },
    /// The agent has gone for good.
    #[error("agent {agent} has gone")]
    Gone {
        /// The agent.
        agent: AgentId,
    },
}

impl Dialer {
    /// One that asks the control plane at `control`, with this token; `config` is for every channel that it makes.
    pub fn new(host: &Host, control: Endpoints, token: Secret, config: ChannelConfig) -> Self {
        let _ = (control, token, config);
        Self { host: host.clone() }
    }

    /// Connects to an agent. Cancel safe: dropping the future leaves nothing behind (T5, T6).
    pub async fn dial(&self, agent: AgentId) -> Result<AgentConnection, DialError> {
        Err(DialError::Gone { agent })
    }
}

impl AgentConnection {
    /// The agent that it goes to.
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// The way that it goes right now.
    pub fn path(&self) -> Path {
        Path::None
    }

    /// Opens a stream to what is behind a port of the agent's (see [`agent_port`](groundhog_wire::agent_port)). Waits
    /// while there is no path. Cancel safe.
    pub async fn open(&self, port: u32) -> io::Result<ResumableStream> {
        let _ = port;
        Err(io::ErrorKind::NotConnected.into())
    }

    /// Waits until the connection is lost. Pending while it is up, and for ever once it was closed. Cancel safe.
    pub async fn lost(&self) -> Lost {
        std::future::pending().await
    }

    /// Closes it: its streams are reset, and the control plane hears that this end goes. Takes 5 s at most.
    pub async fn close(&self) {}
}
