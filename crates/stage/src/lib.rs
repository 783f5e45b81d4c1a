//! The stage: from a scenario file to a judged run.
//!
//! Reading order, and a map of the code:
//!
//! - [`diagnostic`] holds a mistake in a file as data, and shows it to a person or a machine;
//! - [`scenario`] is the scenario file, its keys, and the validated [`Scenario`](scenario::Scenario);
//! - [`campaign`] draws many plans of one scenario file, and makes a failing one small;
//! - [`expect`] is what a scenario expects of a run, judged over the run's records;
//! - [`invariants`] is what holds on every run of every scenario, one file each;
//! - [`orders`] is where two logs of one story differ, whatever the clock says.
//!
//! Architecture invariant: judging reads records and nothing else. Neither an expectation nor an invariant looks
//! into a running component, so a log that was written yesterday can be judged today.

pub mod campaign;
pub mod case;
pub mod cast;
pub mod catalogue;
pub mod diagnostic;
pub mod expect;
pub mod invariants;
pub mod orders;
pub mod run;
pub mod scenario;
mod settle;
pub mod snapshot;
pub mod suite;
#[cfg(test)]
mod testing;

pub use groundhog_sim::{Loudness, Record};
