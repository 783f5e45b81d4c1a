//! What the world will do by itself, and when.

use std::{collections::BTreeMap, time::Duration};

use groundhog_sim::{Fault, Outage};

/// Something that the world will do.
#[derive(Clone, Debug)]
pub(crate) enum Planned {
    /// This host starts.
    Start(String),
    Begin(Fault),
    End(Fault),
    BeginOutage(Outage),
    EndOutage(Outage),
}

/// What is planned, in the order of time; at one instant in the order in which it was planned.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    planned: BTreeMap<(Duration, u64), Planned>,
    given: u64,
}

impl Timeline {
    /// Plans `planned` for `at` since the run began.
    pub(crate) fn add(&mut self, at: Duration, planned: Planned) {
        self.planned.insert((at, self.given), planned);
        self.given += 1;
    }

    /// Plans that a fault begins at `at`, and ends after `lasts`.
    pub(crate) fn add_fault(&mut self, at: Duration, lasts: Option<Duration>, fault: &Fault) {
        self.add(at, Planned::Begin(fault.clone()));
        if let Some(lasts) = lasts {
            self.add(at.saturating_add(lasts), Planned::End(fault.clone()));
        }
    }

    /// Plans that something is away from `at` on, and is back after `lasts`.
    pub(crate) fn add_outage(&mut self, at: Duration, lasts: Option<Duration>, outage: &Outage) {
        self.add(at, Planned::BeginOutage(outage.clone()));
        if let Some(lasts) = lasts {
            self.add(at.saturating_add(lasts), Planned::EndOutage(outage.clone()));
        }
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.planned.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next thing that was to happen by `now`.
    pub(crate) fn take_due(&mut self, now: Duration) -> Option<Planned> {
        let entry = self.planned.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planned_happens_in_its_order() {
        let start = |name: &str| Planned::Start(name.to_owned());
        let second = Duration::from_secs;
        let mut timeline = Timeline::default();
        timeline.add(second(2), start("late"));
        timeline.add(second(1), start("first"));
        timeline.add(second(1), start("second"));
        assert_eq!(timeline.next_at(), Some(second(1)));
        let mut due = |now| match timeline.take_due(now) {
            Some(Planned::Start(name)) => name,
            other => format!("{other:?}"),
        };
        assert_eq!(due(second(1)), "first");
        assert_eq!(due(second(1)), "second");
        assert_eq!(due(second(1)), "None");
        assert_eq!(due(second(2)), "late");
        assert_eq!(timeline.next_at(), None);
    }
}
