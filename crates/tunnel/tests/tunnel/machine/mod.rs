//! The machine by itself.
//!
//! - `table`: every cell. `told`: what a person is told.
//! - `model`: a machine among all that can happen to it: a workspace, a watch, jobs, and a shell that does what it says.
//! - `search`: every composite state of that. `weather`: long random runs of it, with finer steps.

mod model;
mod search;
mod table;
mod told;
mod weather;
