//! A file per command.

pub mod check;
pub mod diff;
pub mod events;
pub mod fsm;
pub mod fuzz;
pub mod invariants;
pub mod list;
pub mod merge;
pub mod plan;
pub mod replay;
pub mod run;
mod scenarios;
pub mod serve;
pub mod shrink;
mod table;
pub mod tools;
pub mod user;
