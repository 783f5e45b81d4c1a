//! A platform of programs on this machine, and the people who use it: `groundhog serve` and `groundhog user`.
//!
//! - `newcomer`: what the README says, done as it is said. `readme`: reads the commands from there.
//! - `restarts`: the control plane starts again. `killed`: a program is killed in the middle of a build.
//! - `people`: what people ask, what they are refused, and what programs are told.
//! - `child`: a program that goes on. `place`: where a platform is.

#![allow(
    clippy::disallowed_methods,
    reason = "what is tested are processes, seen from outside any simulation: they are waited for on a real clock"
)]

mod child;
mod killed;
mod newcomer;
mod people;
mod place;
mod readme;
mod restarts;
