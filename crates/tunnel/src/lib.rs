//! The tunnel client: follows a workspace, starts it if need be, connects to its agent and runs an application over that.
//!
//! - [`machine`]: the decisions, as a pure function.
//! - [`tunnel`]: a tunnel as its person sees it; [`config`], [`ending`], [`events`]: what it is opened with, how it ends,
//!   what it tells. [`starter`]: how it asks for a start of the workspace.
//!   `run`: its life; `message`: what comes to it; `jobs`: what it has under way; `watch`, `news`: what it is told of the
//!   workspace; `progress`: what its person is shown.
//! - [`connection`]: a connection to an agent, past the control plane or over its relay.
//! - [`applications`]: what runs over it.
//!
//! [`conformance`] tells which test shows what.
//!
//! It rests on three things. Everything that comes to a tunnel comes over one queue, and any order is possible: the machine
//! is a function, and every order was tried. A tunnel holds one thing of each kind, and what it gives up is gone: a dial, a
//! connection, an application. And a stream to an agent outlives the paths that it takes.
//!
//! Codes such as T4 name the platform's recorded decisions on tunnels; such as D5 and F23, faults that were found in it or
//! seen in the field.
//!
//! Architecture invariant: a tunnel knows its control plane by `groundhog-wire` alone, and the machine that it runs on by
//! its host alone.
//!
//! Architecture invariant: `machine` waits for nothing, asks nothing and is told everything.

pub mod applications;
pub mod config;
#[doc = include_str!("../CONFORMANCE.md")]
pub mod conformance {}
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
