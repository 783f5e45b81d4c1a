//! A file per command.

pub mod events;
pub mod fuzz;
pub mod invariants;
pub mod list;
pub mod run;
mod scenarios;
mod table;
