//! What the control plane does, each thing as one function over one transaction.
//!
//! - [`workspace`]: workspaces and builds are made. [`cancel`]: a build's end is asked for. [`view`]: builds and
//!   their logs are read.
//! - [`acquire`]: a waiting job is locked for a worker, or put back.
//! - [`update`]: a worker is heard of and hands over log lines. [`quota`]: it asks whether the budget bears a plan.
//! - [`finish`]: a worker ends a job. [`reap`]: a job ends that nothing is heard of.
//! - [`owned`]: the checks that a worker's calls have in common.
//!
//! The functions check, write rows, and leave events for after the commit. A function that is refused has written
//! nothing that outlives its transaction.

pub mod acquire;
pub mod cancel;
pub mod finish;
pub mod owned;
pub mod quota;
pub mod reap;
pub mod update;
pub mod view;
pub mod workspace;

use crate::tags::Tags;

/// What is said of a job that has begun to wait, so that daemons which may run it are woken. It is said after the
/// commit (J14): before it, they would look and find nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// What kind of provisioner runs it.
    pub provisioner_type: String,
    /// What it asks of a daemon.
    pub tags: Tags,
}
