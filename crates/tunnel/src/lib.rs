//! The tunnel client: follows a workspace, starts it if need be, connects to its agent and runs an application over that.
//!
//! - [`machine`]: the decisions, as a pure function.
//! - [`tunnel`]: a tunnel as its person sees it; [`config`], [`ending`], [`events`]: what it is opened with, how it ends,
//!   what it tells. [`starter`]: how it asks for a start of the workspace.
//!   `run`: its life; `message`: what comes to it; `jobs`: what it has under way; `watch`, `news`: what it is told of the
//!   workspace; `progress`: what its person is shown.
//! - [`connection`]: a connection to an agent, past the control plane or over its relay.
//! - [`applications`]: what runs over it.

pub mod applications;
pub mod config;
pub mod connection;
pub mod ending;
pub mod events;
mod jobs;
pub mod machine;
mod message;
mod news;
mod progress;
mod run;
pub mod starter;
pub mod tunnel;
mod watch;

pub use crate::{
    applications::{Application, PortForward, TerminalSession},
    config::{LogWriter, TunnelConfig, Workspace},
    ending::{Ending, ShutdownTimeout},
    events::EVENTS,
    starter::{Answer, ControlStarter, WorkspaceStarter},
    tunnel::Tunnel,
};
