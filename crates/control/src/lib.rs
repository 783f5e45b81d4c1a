//! The control plane: templates, people's workspaces, the job queue, quota, the reaper, over one relational database.
//!
//! Everything that it knows is in the database; a control plane that dies is started again over the same one and
//! goes on, and several may run over it at the same time. What each keeps in memory is who waits for a job or follows
//! a log, and they come again.
//!
//! Reading order:
//!
//! - [`server`]: [`run`], which puts the parts together. [`config`] and [`setup`]: what it is given. [`mod@bring_up`]: how what it
//!   is given is held against what the database knows.
//! - Pure decisions: [`job_status`] (where a job stands), [`daemon_status`] (is a daemon there), [`tags`] (which
//!   daemon may run which job), [`quota`] (does a budget bear a plan), [`log_limit`] (is a line kept), [`variables`]
//!   (what value has a template's variable), [`limits`] and [`names`] (what can be taken), [`job_kind`],
//!   [`permission`] (who may do what about templates and workspaces), [`pool_terms`] and [`preset_status`] (what a preset
//!   says of what is built ahead), [`transition`], [`build_reason`], [`autobuild::decide`] and [`autobuild::schedule`] (what the clock wants of a
//!   workspace), [`acquirer::core`] (who asks for a job, and when); about agents, [`agent_status`] (is an agent
//!   there), [`outdated`] (has it anything to come back for), [`lifecycle`] (which step comes after which),
//!   [`agent_report`] (what becomes of what it reports), [`claim_state`] (what it is told of a claim), [`peer_status`]
//!   (what peers are told of each other); about connections to agents, [`connection_watch`] (what a watch tells next) and
//!   [`relay::table`] (who visits whom over a relay); about chats, [`chat_standing`] (is anything left of a chat's
//!   workspace).
//! - [`operations`]: what can be done, each thing as a function over one transaction.
//! - [`store`]: the database, its pool, and every SQL statement; [`store::notices`]: what replicas tell each other.
//! - The shells: [`workspaces`], [`templates`], [`chats`], [`jobs`], [`administration`], [`daemons`], [`agents`] and
//!   [`workspace_agents`] are the services; [`delivery`] brings a job to a daemon, and [`heartbeat`] notes the daemon
//!   as seen while it waits; `presence` is an agent's call by which it is there, and `coordination` a peer's; `watch`
//!   answers a call that grows, and [`followers`] are woken when it may; `connection_watcher` is such a call, by which a
//!   person's connection learns what it has to know of, and [`relay`] passes its bytes where there is no direct path;
//!   [`acquirer`], [`reaper`], [`autobuild`] and [`notices`] run in the background, and `coordinator` does while there are
//!   peers.
//! - [`prebuilds`]: workspaces are built ahead, in the background too. [`metrics`]: what is measured.
//! - [`identity`]: who calls. [`refusal`]: how a call ends that is not carried out. [`secret_hash`]: how tokens
//!   are kept. [`millis`]: how spans of time are counted. [`events`]: what is told.
//! - [`conformance`]: which test shows each behaviour that is expected of such a server.
//!
//! Three habits hold the crate together. A call is one transaction, its caller's identity included. What is told
//! of a transaction, events and wake-ups alike, is told in the instant of its commit, whether or not the caller
//! still waits; only other replicas hear of it later, or not at all, and look for themselves from time to time. And a
//! job changes hands by one conditional update, never by a read and a write that trust each other.
//!
//! Architecture invariant: only [`store`] has SQL; nothing decides by a clock but the reaper, [`autobuild`], what
//! expires, and whether somebody is there; nothing here knows what a template's source or a build's state means.

pub mod acquirer;
pub mod administration;
pub mod agent_report;
pub mod agent_status;
pub mod agents;
pub mod autobuild;
pub mod bring_up;
pub mod build_reason;
pub mod chat_standing;
pub mod chats;
pub mod claim_state;
pub mod config;
#[doc = include_str!("../CONFORMANCE.md")]
pub mod conformance {}
pub mod connection_watch;
mod connection_watcher;
mod coordination;
mod coordinator;
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
pub mod lifecycle;
pub mod limits;
pub mod log_limit;
pub mod messages;
pub mod metrics;
pub mod millis;
pub mod names;
pub mod notices;
pub mod operations;
pub mod outdated;
pub mod peer_status;
pub mod permission;
pub mod pool_terms;
pub mod prebuilds;
mod presence;
pub mod preset_status;
pub mod quota;
pub mod reaper;
pub mod refusal;
pub mod relay;
mod rpc;
pub mod secret_hash;
pub mod server;
pub mod setup;
pub mod store;
pub mod tags;
pub mod templates;
pub mod transition;
pub mod variables;
mod watch;
pub mod workspace_agents;
pub mod workspaces;

pub use crate::{
    bring_up::{BringUpError, BroughtUp, OtherSecret},
    config::{
        AcquireConfig, AgentsConfig, AutobuildConfig, Config, DaemonsConfig, LogConfig, NoticeConfig, PeersConfig,
        PrebuildsConfig, ReaperConfig, WatchConfig,
    },
    events::{CHAT_EVENTS, EVENTS, PREBUILD_EVENTS},
    server::{Error, run},
    setup::{
        ChatSetup, DaemonKeySetup, GroupSetup, OrganizationSetup, Role, Setup, SetupError, TemplateSetup, UserSetup,
    },
    store::{Database, Store, StoreConfig, StoreError},
};
