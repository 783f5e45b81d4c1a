//! The control plane's tests.
//!
//! - `support`: a machine whose clock the test turns, and a world on it: a database, a store, people, daemons, agents,
//!   and control planes whose services are called in memory.
//! - pure decisions: `status`, `tags`, `names`, `agent_rules`, `connection_rules`,
//!   `relay_rules`, `permissions`, `core` (and `core_reference`, a second acquirer to hold
//!   it against).
//! - operations on a real database: `queue`, `logs`, `quota`, `finish`, `cancel`, `reaper`, `workspaces`, `templates`,
//!   `sessions`, `audit`, `daemons`, `agents`, `agent_logs`, `agent_reports`, `claims`, `claiming` and `claim_race` (people are given what was built ahead), `template_life`, `autobuild`
//!   (its pure decision too).
//! - shells: `store`, `database_away`, `acquirer`, `follow`, `replicas` (several over one database), `identity` (every call, by who
//!   calls), `rpc` (over real sockets), `presence`, `coordination` and `coordination_faults` (agents' calls that stay open),
//!   `connection_watches` (people's), `relay` (both).
//! - `chats`: people's chats, the workspace that each has, and what is asked for on the way to it.
//! - `prebuilds`: workspaces that are built ahead, by replicas that take turns.
//! - `conformance`: that the table in `CONFORMANCE.md` is true.

mod acquirer;
mod agent_logs;
mod agent_reports;
mod agent_rules;
mod agents;
mod audit;
mod autobuild;
mod cancel;
mod chats;
mod claim_race;
mod claiming;
mod claims;
mod conformance;
mod connection_rules;
mod connection_watches;
mod coordination;
mod coordination_faults;
mod core;
mod core_reference;
mod daemons;
mod database_away;
mod finish;
mod follow;
mod identity;
mod logs;
mod names;
mod permissions;
mod prebuilds;
mod presence;
mod queue;
mod quota;
mod reaper;
mod relay;
mod relay_rules;
mod replicas;
mod rpc;
mod sessions;
mod status;
mod store;
mod support;
mod tags;
mod template_life;
mod templates;
mod workspaces;
