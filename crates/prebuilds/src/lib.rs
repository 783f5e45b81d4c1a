//! What is to be done about workspaces that are built ahead, as pure decisions: no clock, no database, no network.

mod action;
mod pool;

pub use action::{Action, DeleteCause};
pub use pool::{Backoff, InProgress, Lingering, Pool, Prebuilt, Preset, Schedule, Settings};
