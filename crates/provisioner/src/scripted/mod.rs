//! A provisioner that acts out a script held in the template's source.
//!
//! It provisions nothing. It takes the time, writes the lines, declares, costs, fails, hangs, misbehaves and takes a
//! cancel exactly as its [`Script`] says, which is what a scenario needs of a provisioner.
//!
//! - [`script`]: how each phase goes. [`template`]: what the source declares.
//! - `answers`: what a phase reports. `act`: a session, acted out.

mod act;
mod answers;
pub mod script;
pub mod template;

use groundhog_host::Host;

pub use self::{
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
}

impl Provisioner for Scripted {
    fn open(&self, host: &Host) -> Result<Session, SessionError> {
        if let Some(why) = &self.refuses {
            return Err(SessionError::Open(why.clone()));
        }
        let (session, peer) = Session::pair();
        host.spawn("scripted session", act::serve(host.clone(), peer)).detach();
        Ok(session)
    }
}
