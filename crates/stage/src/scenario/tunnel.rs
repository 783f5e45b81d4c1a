//! Tunnels from people's laptops into their workspaces.

use std::time::Duration;

/// A tunnel: a program on a laptop that keeps a workspace's agent within reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// What it and its laptop are called: the laptop is a host.
    pub name: String,
    /// The workspace's name.
    pub workspace: String,
    /// Whose it is.
    pub owner: String,
    /// Who opens the tunnel: the owner, an administrator, or somebody who should be refused.
    pub by: String,
    /// The agent's name; empty for the only one.
    pub agent: String,
    /// What it is for.
    pub application: TunnelApplication,
    /// It starts a workspace that is stopped.
    pub autostart: bool,
    /// It is not up before the agent's start scripts have ended well.
    pub wait_for_scripts: bool,
    /// After how long its user has had enough; never if left out.
    pub stays: Option<Duration>,
}

/// What runs over a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelApplication {
    /// A port on the laptop that leads to one on the agent's machine. Its user asks over it for a page now and then.
    Forward {
        /// The port on the agent's machine.
        port: u16,
        /// How often the user asks.
        every: Duration,
    },
    /// A terminal on the agent's machine.
    Terminal {
        /// What the session is called: who names the same one sees the same one.
        session: String,
        /// What is typed, a line each.
        sends: Vec<String>,
    },
}
