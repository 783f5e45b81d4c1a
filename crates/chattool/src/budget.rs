//! What is left of a call's time-outs.
//!
//! A call may wait for the same kind of thing more than once: for a stop that is under way, and then for a build of its
//! own. Each kind has one time-out over all of them, so that a call's end does not depend on how often it looks anew.

use std::time::Duration;

use groundhog_host::Instant;

use crate::timing;

/// What is left of one time-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    left: Duration,
}

impl Budget {
    pub(crate) const fn new(left: Duration) -> Self {
        Self { left }
    }

    /// What is left.
    pub(crate) const fn left(self) -> Duration {
        self.left
    }

    /// When a wait that begins now is over at the latest.
    pub(crate) fn until(self, now: Instant) -> Instant {
        now + self.left
    }

    /// Takes off what was waited from `began` until `now`.
    pub(crate) fn spend(&mut self, began: Instant, now: Instant) {
        self.left = self.left.saturating_sub(now.since(began));
    }
}

/// What is left of a call's time-outs, one for each kind of thing that it waits for. Their sum, with two binds of
/// [`timing::BIND_TIMEOUT`] and a ping, is [`timing::CALL_MAX`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    /// For others of its chat.
    pub(crate) turn: Budget,
    /// To look, to decide and to ask.
    pub(crate) decide: Budget,
    /// For builds.
    pub(crate) build: Budget,
    /// For an agent; or, where there will be none, to find out why.
    pub(crate) agent: Budget,
    /// For its start scripts.
    pub(crate) scripts: Budget,
}

impl Budgets {
    pub(crate) const fn whole() -> Self {
        Self {
            turn: Budget::new(timing::TURN_TIMEOUT),
            decide: Budget::new(timing::DECIDE_TIMEOUT),
            build: Budget::new(timing::BUILD_TIMEOUT),
            agent: Budget::new(timing::AGENT_CONNECT_TIMEOUT),
            scripts: Budget::new(timing::SCRIPTS_TIMEOUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_waited_is_taken_off_and_no_more_than_there_is() {
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        let mut budget = Budget::new(Duration::from_secs(10));
        assert_eq!(budget.until(at(5)), at(15));
        budget.spend(at(5), at(9));
        assert_eq!((budget.left(), budget.until(at(20))), (Duration::from_secs(6), at(26)));
        budget.spend(at(20), at(40));
        assert_eq!((budget.left(), budget.until(at(40))), (Duration::ZERO, at(40)));
    }

    #[test]
    fn together_they_are_what_a_call_takes_at_most() {
        let Budgets { turn, decide, build, agent, scripts } = Budgets::whole();
        let waits: Duration = [turn, decide, build, agent, scripts].map(Budget::left).iter().sum();
        assert_eq!(waits + 2 * timing::BIND_TIMEOUT + timing::AGENT_PING_TIMEOUT, timing::CALL_MAX);
    }
}
