//! A file per command.

pub mod check;
pub mod diff;
pub mod events;
pub mod invariants;
pub mod list;
pub mod run;
mod scenarios;
mod table;
