//! The provisioner daemon: takes jobs from the control plane and runs them in provisioner sessions.
//!
//! Reading order:
//!
//! - [`session`]: the conversation between a runner and a provisioner, and its contract.
//! - [`scripted`]: a provisioner that acts out a script held in the template's source.
//! - [`runner`]: what runs one job. Its core decides everything and does nothing; its shell does and decides
//!   nothing.
//! - [`daemon`]: what keeps a connection, asks for jobs, has them run, and ends well.
//! - [`events`]: what all of this tells the world. [`metrics`]: what a daemon counts.
//! - [`conformance`]: which test here shows which behaviour of the platform's own daemon.
//!
//! It rests on one promise: after a job's terminal message was accepted or refused for good, or the runner was
//! stopped, nothing more is said about that job; and until then it is said, retried and in order.
//!
//! Codes such as J5 name the platform's recorded decisions on jobs.
//!
//! Architecture invariant: a provisioner knows no job, and a session no control plane. Only the runner's shell and
//! the daemon speak to the control plane, and both through `groundhog-wire` alone.

#[doc = include_str!("../CONFORMANCE.md")]
pub mod conformance {}
pub mod daemon;
pub mod events;
pub mod metrics;
pub mod runner;
pub mod scripted;
pub mod session;

pub use crate::{
    daemon::{CLOSE_TIMEOUT, Daemon, DaemonConfig, Ending},
    runner::RunnerConfig,
    scripted::Scripted,
    session::{Provisioner, Session, SessionError},
};
