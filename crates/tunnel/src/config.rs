//! What a tunnel is opened with.

use std::{fmt, sync::Arc};

use groundhog_wire::{ChannelConfig, Endpoints, Secret, id::WorkspaceId};

use crate::machine::Options;

/// Where a tunnel writes what a person may want to read: a line at a time, without its end. It is called from the
/// tunnel's tasks, one line after the other, and must not block.
pub type LogWriter = Arc<dyn Fn(&str) + Send + Sync>;

/// Which workspace a tunnel is to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workspace {
    /// The one of this name among those of whose token it is.
    Name(String),
    /// This one.
    Id(WorkspaceId),
}

impl fmt::Display for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// What a tunnel is opened with.
#[derive(Clone)]
pub struct TunnelConfig {
    /// The control plane.
    pub control: Endpoints,
    /// The session token of the person.
    pub token: Secret,
    /// The workspace.
    pub workspace: Workspace,
    /// The agent's name; may be empty if the workspace has one agent only, which is the default.
    pub agent_name: String,
    /// What the tunnel is told not to do. By default it starts the workspace, and waits for its scripts.
    pub options: Options,
    /// How it calls the control plane.
    pub channel: ChannelConfig,
    /// Where progress is written: the log of the build and of the agent that are waited for, and why the tunnel waits or
    /// ends. By default nowhere.
    pub log: Option<LogWriter>,
}

impl TunnelConfig {
    /// A tunnel to the only agent of `workspace`, with everything else as is usual.
    pub fn new(control: impl Into<Endpoints>, token: Secret, workspace: Workspace) -> Self {
        Self {
            control: control.into(),
            token,
            workspace,
            agent_name: String::new(),
            options: Options::default(),
            channel: ChannelConfig::default(),
            log: None,
        }
    }
}

impl fmt::Debug for TunnelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelConfig")
            .field("control", &self.control)
            .field("workspace", &self.workspace)
            .field("agent_name", &self.agent_name)
            .field("options", &self.options)
            .field("channel", &self.channel)
            .field("log", &self.log.is_some())
            .finish_non_exhaustive()
    }
}
