//! The control plane's memory: one relational database behind a pool.
//!
//! - [`Database`]: the database itself, which outlives a control plane's crash.
//! - [`Store`]: what a running control plane has of it: so many connections at once, each transaction taking time.
//! - [`Tx`]: one transaction, a closure that runs at one instant.
//! - [`notices`]: what a commit tells, and the mailboxes in which other replicas find it.
//! - a module per group of tables, with every SQL statement of the crate: [`users`], [`templates`], [`dry_runs`],
//!   [`organizations`], [`presets`], [`notifications`], [`settings`], [`workspaces`], [`builds`], [`jobs`], [`logs`], [`quota`], [`daemons`], [`audit`], [`tokens`], [`agents`],
//!   [`agent_reports`], [`agent_logs`], [`agent_connections`], [`peers`],
//!   [`chats`], [`claims`], [`clock`], [`leases`], [`memberships`], [`pools`], [`counts`]. They read and write rows and
//!   decide nothing.
//!
//! Architecture invariant: there is no SQL elsewhere; no statement reads a clock, draws a number, or leaves the
//! order of its rows open.

pub mod agent_connections;
pub mod agent_logs;
pub mod agent_reports;
pub mod agents;
pub mod audit;
pub mod builds;
pub mod chats;
pub mod claims;
pub mod clock;
pub mod counts;
pub mod daemons;
mod database;
pub mod dry_runs;
mod error;
pub mod jobs;
pub mod leases;
pub mod logs;
pub mod memberships;
pub mod notices;
pub mod notifications;
pub mod organizations;
pub mod peers;
mod pool;
pub mod pools;
pub mod presets;
pub mod quota;
mod schema;
pub mod settings;
pub mod templates;
pub mod tokens;
mod tx;
mod unit;
pub mod users;
pub mod workspaces;

pub(crate) use self::pool::drawn;
pub use self::{
    database::Database,
    error::StoreError,
    pool::{Store, StoreConfig},
    tx::Tx,
};
