//! Spans of time, counted by size.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many spans of time there were of about each size. Two of them can be joined, which a list of quantiles
/// could not.
///
/// The sizes are 1, 2 and 5 times a power of ten seconds: fine enough to see a change, few enough to print.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Upper bounds in milliseconds, themselves included, in ascending order, each with its count.
    up_to_ms: Vec<(u64, u64)>,
    /// The longest.
    longest_ms: u64,
}

/// The upper bound of the class that `ms` falls into.
fn class(ms: u64) -> u64 {
    let mut decade: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            let bound = decade.saturating_mul(step);
            if ms <= bound {
                return bound;
            }
        }
        decade = decade.saturating_mul(10);
    }
}

impl Distribution {
    /// Counts one span of time.
    pub fn add(&mut self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.count_up(class(ms), 1);
        self.longest_ms = self.longest_ms.max(ms);
    }

    /// Counts all that another has counted.
    pub fn join(&mut self, other: &Self) {
        for (bound, count) in &other.up_to_ms {
            self.count_up(*bound, *count);
        }
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }

    fn count_up(&mut self, bound: u64, more: u64) {
        match self.up_to_ms.binary_search_by_key(&bound, |(known, _)| *known) {
            Ok(index) => self.up_to_ms[index].1 += more,
            Err(index) => self.up_to_ms.insert(index, (bound, more)),
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.up_to_ms.iter().map(|(_, count)| count).sum()
    }

    /// A time that `share` of them, from 0 to 1, did not exceed. Zero if there was none.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (share.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64;
        let mut counted = 0;
        let bound = self.up_to_ms.iter().find_map(|(bound, count)| {
            counted += count;
            (counted >= wanted).then_some(*bound)
        });
        // Nothing took longer than the longest, whatever its class says.
        Duration::from_millis(bound.unwrap_or_default().min(self.longest_ms))
    }

    /// The longest; zero if there was none.
    pub fn longest(&self) -> Duration {
        Duration::from_millis(self.longest_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times_ms: &[u64]) -> Distribution {
        let mut distribution = Distribution::default();
        times_ms.iter().for_each(|ms| distribution.add(Duration::from_millis(*ms)));
        distribution
    }

    #[test]
    fn quantiles_are_upper_bounds_and_never_beyond_the_longest() {
        let all = of(&[0, 3, 40, 700, 9_000]);
        assert_eq!(all.count(), 5);
        let ms = |share| all.quantile(share).as_millis();
        assert_eq!([ms(0.2), ms(0.4), ms(0.6), ms(0.8), ms(1.0)], [1, 5, 50, 1_000, 9_000]);
        assert_eq!(of(&[]).quantile(0.5), Duration::ZERO);
        assert_eq!(of(&[u64::MAX]).longest(), Duration::from_millis(u64::MAX));
    }

    #[test]
    fn joined_is_as_if_counted_together() {
        let mut joined = of(&[1, 20, 300]);
        joined.join(&of(&[4_000, 5]));
        assert_eq!(joined, of(&[1, 20, 300, 4_000, 5]));
    }
}
