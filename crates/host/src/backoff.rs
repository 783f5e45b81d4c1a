//! The one retry rule of the project, as a pure value.

use std::time::Duration;

/// Waits that grow by the golden ratio from a floor to a ceiling: the first try is immediate, the next waits
/// are `floor * phi`, `floor * phi^2`, … and then the ceiling for ever.
///
/// The ratio and the immediate first try are what this platform's daemons and agents have always used; one
/// widely deployed version multiplied twice per step and overflowed, so the arithmetic here saturates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    floor: Duration,
    ceiling: Duration,
    last: Duration,
}

impl Backoff {
    /// From `floor` (which must be above zero for the waits to grow) up to `ceiling`.
    pub const fn new(floor: Duration, ceiling: Duration) -> Self {
        Self { floor, ceiling, last: Duration::ZERO }
    }

    /// How long to wait before the next try.
    pub fn next_wait(&mut self) -> Duration {
        const PHI_NANOS: u128 = 1_618_033_989;
        let grown = self.last.as_nanos().saturating_mul(PHI_NANOS) / 1_000_000_000;
        let wait = Duration::from_nanos(u64::try_from(grown).unwrap_or(u64::MAX)).min(self.ceiling);
        self.last = wait.max(self.floor);
        wait
    }

    /// Success: the next try is immediate again.
    pub fn reset(&mut self) {
        self.last = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_by_the_golden_ratio_and_stays_at_the_ceiling() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        let waits: Vec<_> = (0..13).map(|_| backoff.next_wait().as_millis()).collect();
        assert_eq!(waits, [0, 161, 261, 423, 685, 1109, 1794, 2903, 4697, 7601, 10_000, 10_000, 10_000]);
    }

    #[test]
    fn a_success_makes_the_next_try_immediate() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        for _ in 0..5 {
            backoff.next_wait();
        }
        backoff.reset();
        assert_eq!(backoff.next_wait(), Duration::ZERO);
        assert_eq!(backoff.next_wait().as_millis(), 161);
    }

    #[test]
    fn the_largest_ceiling_does_not_overflow() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::MAX);
        let mut last = Duration::ZERO;
        for _ in 0..1_000 {
            let wait = backoff.next_wait();
            assert!(wait >= last);
            last = wait;
        }
    }
}
