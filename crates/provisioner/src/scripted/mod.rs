//! A provisioner that acts out a script held in the template's source.
//!
//! It provisions nothing. It takes the time, writes the lines, declares, costs, fails, hangs, misbehaves and takes a
//! cancel exactly as its [`Script`] says, which is what a scenario needs of a provisioner.
//!
//! - [`script`]: how each phase goes. [`template`], [`agent`]: what the source declares.
//! - [`machines`]: what agents run on.
//! - `answers`: what a phase reports. `act`: a session, acted out.

mod act;
pub mod agent;
mod answers;
pub mod machines;
pub mod script;
pub mod template;

use groundhog_host::Host;

pub use self::{
    agent::{Agent, AgentScript, App, Metadata},
    script::{LogLevel, Logs, Misbehaviour, OnCancel, Phase, Phases, Replacement, Resource, Script, ScriptError},
    template::{ExternalAuth, Parameter, Prebuilds, Preset, Schedule, Variable},
};
use crate::session::{Provisioner, Session, SessionError};

/// The provisioner type under which scripted jobs are queued.
pub const TYPE: &str = "scripted";

/// What an obeyed cancel ends a phase with.
pub const CANCELED: &str = "provisioning was canceled";

/// Opens sessions that act out their template's script.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    /// Why it opens none, if it doesn't.
    pub refuses: Option<String>,
    /// The program that makes and deletes machines, if it is not [`machines::MACHINE`].
    pub machine: Option<String>,
}

impl Provisioner for Scripted {
    fn open(&self, host: &Host) -> Result<Session, SessionError> {
        if let Some(why) = &self.refuses {
            return Err(SessionError::Open(why.clone()));
        }
        let (session, peer) = Session::pair();
        let machine = self.machine.clone().unwrap_or_else(|| machines::MACHINE.to_owned());
        host.spawn("scripted session", act::serve(host.clone(), machine, peer)).detach();
        Ok(session)
    }
}
