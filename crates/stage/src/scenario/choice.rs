//! What a range in a file comes to.

use std::time::Duration;

use groundhog_sim::campaign::Draws;

use super::units::DurationRange;

/// Decides where a file leaves something open: `count = "1..4"`, `at = "1m..3m"`.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// The least: the file as it is run by itself.
    Least,
    /// The most: with the least, it tells whether both ends of every range make sense.
    Most,
    /// Whatever is drawn: one of the file's family.
    Drawn(Draws),
}

/// Drawn spans of time are whole multiples of this, as far as the range allows: a plan is read by people.
const GRAIN_US: u64 = 1_000;

impl Choice {
    /// A number from `min` to `max`. `place` is where the range stands in the file: each has a stream of its own.
    pub(super) fn number(&self, place: usize, min: u64, max: u64) -> u64 {
        match self {
            Self::Least => min,
            Self::Most => max,
            Self::Drawn(draws) => draws.stream(&["range", &place.to_string()]).between(min, max),
        }
    }

    /// A span of time within `range`.
    pub(super) fn duration(&self, place: usize, range: DurationRange) -> Duration {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let (min, max) = (micros(range.min), micros(range.max));
        let drawn = self.number(place, min, max);
        let round = drawn - drawn % GRAIN_US;
        Duration::from_micros(if round >= min && drawn < max { round } else { drawn })
    }
}
