//! The one retry rule of the project, as a pure value.

use std::time::Duration;

use crate::Random;

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

    /// As [`next_wait`](Self::next_wait), but drawn between half of it and the whole. For those of whom there are
    /// hundreds: two hundred agents that lost one control plane in one instant must not come back in step.
    ///
    /// Takes one draw from `random`, even for the first wait, which is none.
    pub fn next_wait_drawn(&mut self, random: &mut Random) -> Duration {
        let nanos = u64::try_from(self.next_wait().as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(random.between(nanos.div_ceil(2), nanos))
    }

    /// Success: the next try is immediate again.
    pub fn reset(&mut self) {
        self.last = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

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

    #[test]
    fn a_drawn_wait_lies_between_half_and_the_whole_and_moves_nothing() {
        let mut random = Random::from_seed([7; 32]);
        let mut drawn = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        let mut plain = drawn.clone();
        let (mut low, mut high) = (1.0_f64, 0.0_f64);
        for step in 0..200 {
            let (wait, whole) = (drawn.next_wait_drawn(&mut random), plain.next_wait());
            assert!(wait <= whole && wait >= whole / 2, "wait {step}: {wait:?} of {whole:?}");
            assert_eq!(drawn, plain, "the next wait grows from the whole one");
            if !whole.is_zero() {
                let part = wait.as_secs_f64() / whole.as_secs_f64();
                (low, high) = (low.min(part), high.max(part));
            }
        }
        assert!(low < 0.52 && high > 0.98, "all of the span is used: {low} to {high}");
    }

    /// What is asked of a back-off: the next wait, or a success in between.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Wait,
        Succeed,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        proptest::collection::vec(prop_oneof![20 => Just(Step::Wait), 1 => Just(Step::Succeed)], 1..120)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() })]

        /// Against the closed form: the wait before the n-th try after a success is `floor * phi^n`, at most the
        /// ceiling, and none at all before the first.
        #[test]
        fn waits_follow_the_closed_form(
            floor in (1_u64..60_000).prop_map(Duration::from_millis),
            ceiling in prop_oneof![
                4 => (1_u64..86_400_000).prop_map(Duration::from_millis),
                1 => Just(Duration::MAX),
            ],
            steps in steps(),
        ) {
            // From the definition, not the constant of the implementation.
            let phi = (1.0 + 5_f64.sqrt()) / 2.0;
            // Waits are whole nanoseconds, rounded at each step, and no longer than 64 bits of them: five
            // hundred years.
            let tolerance = 1e-5;
            let longest = ceiling.as_secs_f64().min(u64::MAX as f64 / 1e9);
            let mut backoff = Backoff::new(floor, ceiling);
            let mut tries = 0;
            for step in steps {
                match step {
                    Step::Succeed => {
                        backoff.reset();
                        tries = 0;
                    }
                    Step::Wait => {
                        let wait = backoff.next_wait();
                        let expected = match tries {
                            0 => 0.0,
                            _ => (floor.as_secs_f64() * phi.powi(tries)).min(longest),
                        };
                        let difference = (wait.as_secs_f64() - expected).abs();
                        prop_assert!(difference <= expected * tolerance, "try {tries}: {wait:?}, not {expected} s");
                        prop_assert!(wait <= ceiling);
                        tries += 1;
                    }
                }
            }
        }
    }
}
