//! A provisioner that acts out a script held in the template's source.
//!
//! It provisions nothing. It takes the time, writes the lines, costs, fails, hangs and takes a cancel exactly as
//! its [`Script`] says, which is what a scenario needs of a provisioner.

mod act;
mod script;

use groundhog_host::Host;

pub use self::script::{LogLevel, Logs, OnCancel, Phase, Resource, Script, ScriptError};
use crate::session::{Provisioner, Session, SessionError};

/// The provisioner type under which scripted jobs are queued.
pub const TYPE: &str = "scripted";

/// What an obeyed cancel ends a phase with.
pub const CANCELED: &str = "provisioning was canceled";

/// Opens sessions that act out their template's script.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scripted;

impl Provisioner for Scripted {
    fn open(&self, host: &Host) -> Result<Session, SessionError> {
        let (session, peer) = Session::pair();
        host.spawn("scripted session", act::serve(host.clone(), peer)).detach();
        Ok(session)
    }
}
