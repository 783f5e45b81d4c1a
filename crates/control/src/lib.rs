//! The control plane: people's workspaces, the job queue, quota, the reaper, over one relational database.
//!
//! Everything that it knows is in the database; a control plane that dies is started again over the same one and
//! goes on. What it keeps in memory is who waits for a job, and they come again.
//!
//! Reading order:
//!
//! - [`server`]: [`run`], which puts the parts together. [`config`] and [`setup`]: what it is given.
//! - Pure decisions: [`job_status`] (where a job stands), [`tags`] (which daemon may run which job), [`quota`]
//!   (does a budget bear a plan), [`log_limit`] (is a line kept), [`names`], [`transition`], and
//!   [`acquirer::core`] (who asks for a job, and when).
//! - [`operations`]: what can be done, each thing as a function over one transaction.
//! - [`store`]: the database, its pool, and every SQL statement.
//! - The shells: [`workspaces`] and [`daemons`] are the two services; [`delivery`] brings a job to a daemon;
//!   [`acquirer`] and [`reaper`] run in the background.
//! - [`identity`]: who calls. [`refusal`]: how a call ends that is not carried out. [`secret_hash`]: how tokens
//!   are kept. [`events`]: what is told.
//!
//! Three habits hold the crate together. A call is one transaction, its caller's identity included. What is told
//! of a transaction, events and wake-ups alike, is told in the instant of its commit, whether or not the caller
//! still waits. And a job changes hands by one conditional update, never by a read and a write that trust each
//! other.
//!
//! Architecture invariant: only [`store`] has SQL; nothing decides by a clock but the reaper; nothing here knows
//! what a template's source or a build's state means.

pub mod acquirer;
pub mod administration;
pub mod config;
pub mod daemon_status;
pub mod daemons;
pub mod delivery;
pub mod events;
pub mod followers;
pub mod heartbeat;
pub mod identity;
pub mod job_kind;
pub mod job_status;
pub mod jobs;
pub mod limits;
pub mod log_limit;
pub mod names;
pub mod notices;
pub mod operations;
pub mod quota;
pub mod reaper;
pub mod refusal;
mod rpc;
pub mod secret_hash;
pub mod server;
pub mod setup;
pub mod store;
pub mod tags;
pub mod templates;
pub mod transition;
pub mod variables;
pub mod workspaces;

pub use crate::{
    config::{AcquireConfig, Config, DaemonsConfig, LogConfig, NoticeConfig, ReaperConfig},
    events::EVENTS,
    server::{Error, run},
    setup::{DaemonKeySetup, GroupSetup, Role, Setup, SetupError, TemplateSetup, UserSetup},
    store::{Database, Store, StoreConfig, StoreError},
};
