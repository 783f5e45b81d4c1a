//! Workspaces that are built ahead, on a real database.
//!
//! - `reconciliation`: what is done about a workspace in each state that it can be in. `rules`: the other rules, one by one.
//! - `lease`: who does it, of several replicas, and what one that is late may still do.
//! - `membership`: organisations. `metrics`: what is counted. `settles`: from any state the pools come to rest.

mod lease;
mod membership;
mod metrics;
mod reconciliation;
mod rules;
mod settles;
