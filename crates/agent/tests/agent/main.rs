//! The crate as others use it, in a simulated world.
//!
//! - `control`: a control plane of a few lines. `shell`: what scripts can do.
//! - `world`: an agent, that control plane, and what happens to them.
//! - `life`: connecting, and connecting again. `scripts`: what an agent runs. `close`: how it ends. `claim`: how it begins
//!   anew. `reports`: what it finds out and tells. `reach`: who reaches it. `streams`: what outlives their
//!   paths to it.
//! - `weather`: whatever happens to the path between the two.
//! - `terminals`, `services`: what it serves, each by itself on a machine without an agent.
//! - `documents`: what the crate's documents promise.

mod claim;
mod close;
mod control;
mod documents;
mod life;
mod reach;
mod reports;
mod scripts;
mod services;
mod shell;
mod streams;
mod terminals;
mod weather;
mod world;
