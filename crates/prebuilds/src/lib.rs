//! What is to be done about workspaces that are built ahead, as pure decisions: no clock, no database, no network.
//!
//! A preset of a template may say how many workspaces are to stand ready for whoever asks for one. What is known of them
//! is a [`Pool`]; what is wanted, what is there and what is to be done about it are functions of the pool and of the
//! time. The control plane reads pools from its store, asks here, and does what it is told.
//!
//! In reading order:
//!
//! - [`Pool`], [`Preset`] and what they consist of: all that a decision depends on.
//! - [`desired_instances`]: how many are wanted now, by [schedules](schedule) that are [cron expressions](cron) in a time
//!   zone.
//! - [`is_expired`], [`claimable`], [`ready`]: what one workspace is good for. A person is given a workspace by the same
//!   function that counts those which can be given (P16).
//! - [`state`]: the pool in numbers.
//! - [`actions`] and [`can_skip`]: what is to be done.
//! - [`failures`]: when builds fail so often that fewer are tried, or none.
//! - [`cases`]: all of it as data, in and out, and in words.
//! - [`concurrency`], [`find_matching_preset`], [`workspace_name`]: small ones.
//!
//! Architecture invariant: everything here is a function of its arguments. Where the order of things that are equal is
//! not said elsewhere, it is: oldest first, then by id (P15).

pub mod cases;
#[doc = include_str!("../CONFORMANCE.md")]
pub mod conformance {}
pub mod cron;
pub mod failures;
pub mod schedule;

mod action;
mod concurrency;
mod decide;
mod desired;
mod expiry;
mod matching;
mod name;
mod pool;
mod state;

pub use action::{Action, DeleteCause};
pub use concurrency::{AT_ONCE_AT_MOST, concurrency};
pub use decide::{actions, backs_off_until, can_skip};
pub use desired::{Because, Desired, desired_instances};
pub use expiry::{claimable, is_expired, ready};
pub use matching::{Mismatched, find_matching_preset};
pub use name::workspace_name;
pub use pool::{Backoff, InProgress, Lingering, Pool, Prebuilt, Preset, Schedule, Settings};
pub use state::{State, state};
