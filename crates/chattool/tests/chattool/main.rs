//! Tests of the tools.
//!
//! - `rules`: what is decided, as functions: arguments, names, what a chat has, what is answered.
//! - `create`: calls, on simulated hosts, of a control plane of a few lines. `world`: those hosts and that control plane.
//! - `documents`: what the crate's documents promise.

mod create;
mod documents;
mod rules;
mod world;
