//! What is decided about workspaces that are built ahead.
//!
//! - `cases`: rows of data, the platform's and our own, and what is said of files that are none.
//! - `words`: decisions as people read them.
//! - `cron`: expressions, against another reader of them. `schedules`: which can stand beside each other.
//! - `calendar`: the calendar and the time zones of a model that shares nothing with the code.
//! - `model`: how many are wanted and what is to be done, against that model, over random pools and clocks.
//! - `pools`: random pools.
//! - `consequences`: what follows if decisions are carried out.
//! - `failures`: windows, against a model. `small`: names of workspaces, the fitting preset, how many at once.
//! - `documents`: that `CONFORMANCE.md` is true.

mod calendar;
mod cases;
mod consequences;
mod cron;
mod documents;
mod failures;
mod model;
mod pools;
mod schedules;
mod small;
mod words;
