//! The programs' parts in one process. That they start, end and come back as programs is shown by the tests of the crate
//! that makes the program.

#![allow(
    clippy::disallowed_methods,
    reason = "these tests are about a real machine: its processes, its clock, its files"
)]
#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod arguments;
mod bring_up;
mod lines;
mod log;
mod machine_plan;
mod machines;
mod pages;
mod secrets;
mod setup_file;
mod starts;
