//! What the control plane does, each thing as one function over one transaction.
//!
//! - [`create`]: a person asks for a workspace; [`claim`]: one that was built ahead becomes theirs. [`workspace`]: builds
//!   are made.
//!   [`orphan`]: one is deleted without what it has. [`workspace_view`]: they are looked at. [`clock`]: when they start,
//!   stop and go by themselves; [`autobuild`]: they do. [`version`] and [`dry_run`]: versions of templates are made, and tried.
//! - [`cancel`]: a job's end is asked for. [`view`]: builds and their logs are read. [`follow`]: jobs of any kind are,
//!   and their logs as they grow.
//! - [`acquire`]: a waiting job is locked for a worker, or put back; [`payload`] is what the worker is sent.
//! - [`update`]: a worker is heard of and hands over log lines. [`quota`]: it asks whether the budget bears a plan.
//!   [`import`]: it reports what a version declares and has.
//! - [`finish`]: a worker ends a job. [`reap`]: a job ends that nothing is heard of. [`ended`]: what belongs to every
//!   end.
//! - [`template`]: templates as wholes change, and end; [`template_view`]: they are looked at. [`notify`]: whoever looks
//!   after them is told.
//! - [`prebuild`]: workspaces are built ahead, withdrawn and deleted. [`metrics`]: what is counted of them.
//! - [`chat`]: people's chats, and what they go on with; `chat_workspace`: a workspace is made for one.
//! - [`owned`]: the checks that a worker's calls have in common.
//! - [`administration`]: daemons, their keys, the audit trail.
//! - [`agent`]: workspace agents come to be, and do what they do. [`coordination`]: they and their clients find each
//!   other. [`relay`]: whether a client may reach an agent over one. [`connection`]: what a connection to an agent has to know of is read.
//!
//! The functions check, write rows, and leave events for after the commit. A function that is refused has written
//! nothing that outlives its transaction.

pub mod acquire;
pub mod administration;
pub mod agent;
pub mod autobuild;
pub mod cancel;
pub mod chat;
mod chat_workspace;
pub mod claim;
pub mod clock;
pub mod connection;
pub mod coordination;
pub mod create;
pub mod dry_run;
pub mod ended;
pub mod finish;
pub mod follow;
pub mod import;
pub mod metrics;
pub mod notify;
mod organization;
pub mod orphan;
pub mod owned;
pub mod payload;
pub mod prebuild;
pub mod quota;
pub mod reap;
pub mod relay;
pub mod template;
pub mod template_view;
pub mod update;
pub mod version;
pub mod view;
pub mod workspace;
pub mod workspace_view;

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
