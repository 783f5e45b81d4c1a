//! The program as a person or a script meets it: the built binary, in folders of its own.
//!
//! - `support`: the folder, the program, and scenarios to run.
//! - `verdicts`: runs that pass and runs that fail. `snapshots`: `--log` and `--bless`.
//! - `mistakes`: what is wrong with a file or a command line, and how that is told.
//! - `lists`: `list`, `invariants`, `events`, `tools` and the help. `fsm`: the state machines.
//! - `prebuilds`: decisions about workspaces that are built ahead.
//! - `campaigns`: `fuzz`, `merge`, `replay`, `shrink`.
//! - `repeatable`: the same again, whoever runs it and on however many threads.
//! - `engines`: `run --engine`, on one engine or on several side by side.
//! - `check`, `diff`: the same runs in two processes; where two logs part.
//! - `platform`: a platform of programs on this machine, and the people who use it.
//! - `output`: a reader that goes away, a disk that is full.

mod campaigns;
mod check;
mod diff;
mod engines;
mod fsm;
mod lists;
mod mistakes;
mod output;
mod platform;
mod prebuilds;
mod repeatable;
mod snapshots;
mod support;
mod tidy;
mod verdicts;
