//! A host's clock, as a function of virtual time.

use std::time::Duration;

/// How a machine's monotonic clock behaves while the machine is suspended. Wall clocks always go on: they are
/// kept by a battery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendedClock {
    /// It stands still, as Linux's does: a timer set before takes its full time after.
    Stops,
    /// It goes on: timers are long overdue on wake-up.
    Runs,
}

/// One host's two clocks. Both run at the same rate, which may differ from virtual time's.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// Virtual time at which the two readings below were taken.
    anchor: u64,
    monotonic: u64,
    /// Microseconds since 1970.
    wall: i64,
    /// How much too fast, in parts per million.
    drift_ppm: i64,
}

/// The fastest and slowest that a clock may run. Real crystals stay within 200 ppm, broken virtual machines
/// within a few percent.
pub(crate) const DRIFT_PPM_MAX: i64 = 100_000;

impl Clock {
    /// A clock whose monotonic side begins to count at virtual time `now`.
    pub(crate) fn new(now: u64, wall: i64) -> Self {
        Self { anchor: now, monotonic: 0, wall, drift_ppm: 0 }
    }

    /// How much this clock advances while virtual time advances by `elapsed`.
    #[inline]
    fn scaled(&self, elapsed: u64) -> u64 {
        if self.drift_ppm == 0 {
            return elapsed;
        }
        (u128::from(elapsed) * (1_000_000 + self.drift_ppm) as u128 / 1_000_000) as u64
    }

    #[inline]
    pub(crate) fn monotonic(&self, now: u64) -> u64 {
        self.monotonic + self.scaled(now - self.anchor)
    }

    pub(crate) fn wall(&self, now: u64) -> i64 {
        self.wall + self.scaled(now - self.anchor) as i64
    }

    /// The first virtual time at which the monotonic clock shows `reading` or more. Now, if it does already.
    #[inline]
    pub(crate) fn virtual_time_of(&self, reading: u64, now: u64) -> u64 {
        let remaining = reading.saturating_sub(self.monotonic);
        let elapsed = if self.drift_ppm == 0 {
            remaining
        } else {
            // Rounded up: the clock must show the reading, not nearly so.
            let rate = (1_000_000 + self.drift_ppm) as u128;
            u64::try_from((u128::from(remaining) * 1_000_000).div_ceil(rate)).unwrap_or(u64::MAX)
        };
        self.anchor.saturating_add(elapsed).max(now)
    }

    fn move_anchor(&mut self, now: u64) {
        (self.monotonic, self.wall) = (self.monotonic(now), self.wall(now));
        self.anchor = now;
    }

    /// Sets the wall clock forwards or backwards.
    pub(crate) fn step(&mut self, micros: i64) {
        self.wall = self.wall.saturating_add(micros);
    }

    /// Changes how fast both clocks run from now on.
    pub(crate) fn set_drift(&mut self, now: u64, drift_ppm: i64) {
        self.move_anchor(now);
        self.drift_ppm = drift_ppm.clamp(-DRIFT_PPM_MAX, DRIFT_PPM_MAX);
    }

    /// Sets the monotonic clock back to `reading`, because it stood still since it showed that.
    pub(crate) fn stood_still_at(&mut self, reading: u64, now: u64) {
        self.move_anchor(now);
        self.monotonic = reading;
    }

    /// A reboot: the monotonic clock begins anew, the wall clock and the crystal stay what they were.
    pub(crate) fn reboot(&mut self, now: u64) {
        self.move_anchor(now);
        self.monotonic = 0;
    }
}

/// A duration in whole microseconds, at most as many as fit.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A timer fires exactly when the clock first shows its deadline: not a microsecond early or late.
        #[test]
        fn deadlines_are_exact(drift in -DRIFT_PPM_MAX..=DRIFT_PPM_MAX, since in 0u64..1 << 40, ahead in 1u64..1 << 40) {
            let mut clock = Clock::new(17, 0);
            clock.set_drift(1_000, drift);
            let now = 1_000 + since;
            let deadline = clock.monotonic(now) + ahead;
            let fires = clock.virtual_time_of(deadline, now);
            prop_assert!(clock.monotonic(fires) >= deadline);
            prop_assert!(clock.monotonic(fires - 1) < deadline);
        }
    }

    #[test]
    fn a_step_moves_the_wall_clock_only() {
        let mut clock = Clock::new(0, 1_000);
        clock.step(-500);
        assert_eq!((clock.monotonic(10), clock.wall(10)), (10, 510));
    }

    #[test]
    fn a_clock_that_stood_still_goes_on_where_it_stopped() {
        let mut clock = Clock::new(0, 0);
        clock.stood_still_at(100, 400);
        assert_eq!((clock.monotonic(450), clock.wall(450)), (150, 450));
        // Its speed may have changed meanwhile.
        clock.set_drift(500, 100_000);
        clock.stood_still_at(150, 600);
        assert_eq!(clock.monotonic(700), 260);
    }

    #[test]
    fn a_reboot_begins_to_count_anew() {
        let mut clock = Clock::new(0, 0);
        clock.reboot(400);
        assert_eq!((clock.monotonic(450), clock.wall(450)), (50, 450));
    }
}
