//! The platform's side of a campaign: which plans there are, and what is seen in their runs.
//!
//! A plan is a [`Scenario`]: topology, settings, steps and faults with their times. That makes a failing plan a
//! scenario file that a person can read and change.
//!
//! - [`family`]: a scenario file, of which many plans are drawn.
//! - `settings`, `workload`, `faults`: what is drawn for a plan beyond the file's own story.
//! - `rest`: what makes sure that a plan's world can come to rest, and by when.
//! - `moves`: how a plan is made smaller.
//! - `coverage`: what a run showed.
//!
//! [`Scenario`]: crate::scenario::Scenario

mod coverage;
pub mod family;
mod faults;
mod moves;
mod rest;
mod settings;
mod workload;

use std::time::Duration;

use groundhog_host::Random;

pub use self::family::{Stories, plan};
pub(crate) use self::rest::build as build_takes;
use crate::scenario::{CountRange, units::DurationRange};

/// A number within a range.
fn count(random: &mut Random, range: CountRange) -> u64 {
    random.between(range.min, range.max)
}

/// A time from zero to `end`, in whole milliseconds: a plan is read by people.
fn time_until(random: &mut Random, end: Duration) -> Duration {
    Duration::from_millis(random.between(0, millis(end)))
}

/// A span of time within a range, every order of magnitude being as likely as every other.
fn span(random: &mut Random, range: DurationRange) -> Duration {
    let (min, max) = (millis(range.min).max(1), millis(range.max).max(1));
    Duration::from_millis(log_uniform(random, min as f64, max as f64) as u64).clamp(range.min, range.max)
}

/// A number from `min`, which is above zero, to `max`, every order of magnitude being as likely as every other.
fn log_uniform(random: &mut Random, min: f64, max: f64) -> f64 {
    min * (max / min).powf(unit(random))
}

/// A number from 0 to 1.
fn unit(random: &mut Random) -> f64 {
    random.below(UNIT_STEPS) as f64 / UNIT_STEPS as f64
}

/// How fine such a number is: a power of two that doubles hold exactly.
const UNIT_STEPS: u64 = 1 << 32;

/// One of several; none if there is none.
fn one_of<'a, T>(random: &mut Random, items: &'a [T]) -> Option<&'a T> {
    items.get(usize::try_from(random.below(items.len() as u64)).ok()?)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
