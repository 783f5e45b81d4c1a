//! The control plane's tests.
//!
//! - `support`: a machine whose clock the test turns, and a world on it: a database, a store, people, daemons.
//! - pure decisions: `status`, `tags`, `names`, `core`.
//! - operations on a real database: `queue`, `logs`, `quota`, `finish`, `cancel`, `reaper`, `workspaces`.
//! - shells: `store`, `acquirer`, `identity` (every unary call, by who calls), `rpc` (over real sockets).

#[path = "control/acquirer.rs"]
mod acquirer;
#[path = "control/cancel.rs"]
mod cancel;
#[path = "control/core.rs"]
mod core;
#[path = "control/finish.rs"]
mod finish;
#[path = "control/identity.rs"]
mod identity;
#[path = "control/logs.rs"]
mod logs;
#[path = "control/names.rs"]
mod names;
#[path = "control/queue.rs"]
mod queue;
#[path = "control/quota.rs"]
mod quota;
#[path = "control/reaper.rs"]
mod reaper;
#[path = "control/rpc.rs"]
mod rpc;
#[path = "control/status.rs"]
mod status;
#[path = "control/store.rs"]
mod store;
#[path = "control/support/mod.rs"]
mod support;
#[path = "control/tags.rs"]
mod tags;
#[path = "control/workspaces.rs"]
mod workspaces;
