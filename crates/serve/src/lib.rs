//! The platform's components as programs on a real machine: `groundhog serve …`.
//!
//! Each makes a live machine, hands its component a host of it, and takes care of what a program has that a component
//! has not: a command line, signals, an exit status, a log, a page that tells whether all is well.
//!
//! Reading order:
//!
//! - [`arguments`]: what can be asked for. [`serve`] (here): from that to an [`Exit`]. [`error`]: why a program could not run.
//! - [`control`], [`provisioner`], [`agent`], [`tools`]: a component each.
//! - [`machine`]: the program that makes and deletes agents' machines, where all of them are one real machine.
//! - [`secret`], [`place`]: reading what is given. [`signals`]: when to end. [`log`]: what is told on the way.
//! - [`pages`]: health and metrics, over HTTP. [`metrics`]: what is shown of a control plane, and of any program.
//!
//! Architecture invariant: nothing is decided here about workspaces, jobs or agents; what a component does on a real
//! machine it does in a simulation.

#![allow(
    clippy::disallowed_methods,
    reason = "the bans send components to the seam; a program's entry is what stands before it on a real machine"
)]

pub mod agent;
pub mod arguments;
pub mod control;
pub mod error;
pub mod exit;
pub mod log;
pub mod machine;
pub mod metrics;
pub mod pages;
pub mod place;
pub mod provisioner;
pub mod secret;
pub mod signals;
pub mod tools;

use crate::arguments::{Component, MachineArguments, ServeArguments};
pub use crate::{error::Error, exit::Exit};

/// Runs a component until it ends: by a signal as a rule. `version` is the program's, as it tells others.
pub fn serve(arguments: &ServeArguments, version: &str) -> Exit {
    log::install(arguments.log);
    let ended = match &arguments.component {
        Component::Control(arguments) => control::run(arguments, version),
        Component::Provisioner(arguments) => provisioner::run(arguments, version),
        Component::Agent(arguments) => agent::run(arguments, version),
        Component::Tools(arguments) => tools::run(arguments),
        Component::Machine(arguments) => return make_machine(arguments),
    };
    match ended {
        Ok(()) => Exit::Clean,
        Err(error) => {
            tracing::error!("{error}");
            error.exit()
        }
    }
}

/// What it complains about is shown to whoever has asked for the build, so it is the bare text.
fn make_machine(arguments: &MachineArguments) -> Exit {
    match machine::run(arguments) {
        Ok(()) => Exit::Clean,
        Err(error) => {
            eprintln!("{error}");
            Exit::Broken
        }
    }
}
