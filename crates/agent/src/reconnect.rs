//! When to connect again: the rule, as a pure value (A2).

use std::time::Duration;

use groundhog_host::{Backoff, Instant, Random};

/// The waits between connections, and what is told of them.
///
/// The back-off begins anew once a connection has lived for a while, and not before: a control plane that lets an agent
/// in and drops it at once would be asked without end.
#[derive(Clone, Debug)]
pub(crate) struct Reconnect {
    backoff: Backoff,
    good_after: Duration,
    /// Tries since the last connection.
    attempts: u64,
    /// Since when there is no connection.
    cut_off_since: Instant,
    /// Since when there is one.
    connected_since: Option<Instant>,
    /// Whether a try has failed since the last connection.
    told: bool,
}

impl Reconnect {
    /// For an agent that begins `now`. `floor` and `ceiling` are those of the back-off.
    pub(crate) fn new(floor: Duration, ceiling: Duration, good_after: Duration, now: Instant) -> Self {
        Self {
            backoff: Backoff::new(floor, ceiling),
            good_after,
            attempts: 0,
            cut_off_since: now,
            connected_since: None,
            told: false,
        }
    }

    /// A try begins.
    pub(crate) fn trying(&mut self) {
        self.attempts += 1;
    }

    /// There is a connection. How many tries it took, and how long there was none.
    pub(crate) fn connected(&mut self, now: Instant) -> (u64, Duration) {
        self.connected_since = Some(now);
        self.told = false;
        (std::mem::take(&mut self.attempts), now - self.cut_off_since)
    }

    /// Whether there is a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected_since.is_some()
    }

    /// The try or the connection is over. How long to wait before the next one, drawn from the back-off's range, so
    /// that agents which lost their connection together do not come back together.
    pub(crate) fn ended(&mut self, now: Instant, random: &mut Random) -> Duration {
        if let Some(since) = self.connected_since.take() {
            self.cut_off_since = now;
            if now - since >= self.good_after {
                self.backoff.reset();
            }
        }
        self.backoff.next_wait_drawn(random)
    }

    /// Whether this is the first try to fail since there was a connection.
    pub(crate) fn first_failure(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn rule() -> (Reconnect, Random) {
        let reconnect =
            Reconnect::new(Duration::from_millis(100), Duration::from_secs(10), Duration::from_secs(10), at(0));
        (reconnect, Random::from_seed([7; 32]))
    }

    /// Whether `wait` is between half of `whole_ms` and the whole of it.
    fn drawn_from(wait: Duration, whole_ms: u128) -> bool {
        (whole_ms / 2..=whole_ms).contains(&wait.as_millis())
    }

    #[test]
    fn a_connection_that_has_lived_makes_the_waits_short_again() {
        let (mut rule, mut random) = rule();
        for _ in 0..20 {
            rule.trying();
            rule.ended(at(0), &mut random);
        }
        rule.trying();
        assert_eq!(rule.connected(at(100)), (21, Duration::from_secs(100)));
        // Short of ten seconds it counts for nothing.
        assert!(drawn_from(rule.ended(at(109), &mut random), 10_000));
        rule.trying();
        assert_eq!(rule.connected(at(119)), (1, Duration::from_secs(10)));
        assert_eq!(rule.ended(at(129), &mut random), Duration::ZERO);
        rule.trying();
        assert!(drawn_from(rule.ended(at(129), &mut random), 161));
    }

    #[test]
    fn the_first_failure_of_a_row_is_told_apart() {
        let (mut rule, mut random) = rule();
        assert!(rule.first_failure());
        assert!(!rule.first_failure());
        rule.connected(at(1));
        rule.ended(at(2), &mut random);
        assert!(rule.first_failure());
    }
}
