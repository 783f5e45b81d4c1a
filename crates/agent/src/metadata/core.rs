//! Which metadata are due, as a pure value (A6, A7).

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Instant;
use groundhog_wire::v1::{AgentMetadataDescription, AgentMetadataValue};

/// How long a value that is found out once may take, in ticks, if nothing else is said.
const TIMEOUT_TICKS: u64 = 3;
/// How long, if that is less than a second.
const TIMEOUT_OF_SHORT_TICKS: Duration = Duration::from_secs(5);

/// The metadata of one connection. They are looked at in ticks, counted from when the connection began; a tick in which
/// nothing could be done is not waited for.
#[derive(Debug)]
pub(crate) struct Core {
    began: Instant,
    tick: Duration,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    interval: Duration,
    /// When the last collection began.
    began: Option<Instant>,
    running: bool,
}

impl Core {
    /// These, on a connection that began `now`. `tick` must not be zero.
    pub(crate) fn new(descriptions: &[AgentMetadataDescription], tick: Duration, now: Instant) -> Self {
        let entry = |description: &AgentMetadataDescription| Entry {
            interval: Duration::from_secs(description.interval_s.into()),
            began: None,
            running: false,
        };
        Self { began: now, tick, entries: descriptions.iter().map(entry).collect() }
    }

    /// Begins with those that are due `now`: their places in the list. One that still runs is not begun again.
    pub(crate) fn begin(&mut self, now: Instant) -> Vec<usize> {
        let is_due = |(_, entry): &(usize, &Entry)| entry.due_at().is_some_and(|at| self.tick_at(at) <= now);
        let due: Vec<usize> = self.entries.iter().enumerate().filter(is_due).map(|(index, _)| index).collect();
        for index in &due {
            self.entries[*index].began = Some(now);
            self.entries[*index].running = true;
        }
        due
    }

    /// The one at this place has been found out, in whatever way (A6).
    pub(crate) fn collected(&mut self, index: usize) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.running = false;
        }
    }

    /// The tick at which something will be due; none if nothing will, as things stand.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let at = self.entries.iter().filter_map(Entry::due_at).min()?;
        Some(self.tick_at(at))
    }

    /// The first tick after `at`: when what was found out then is sent. So all that one tick began goes in one message,
    /// however quick it was.
    pub(crate) fn tick_after(&self, at: Instant) -> Instant {
        self.tick_at(at + Duration::from_micros(1))
    }

    /// The first tick that is not before `at`.
    fn tick_at(&self, at: Instant) -> Instant {
        let ticks = (at - self.began).as_nanos().div_ceil(self.tick.as_nanos().max(1));
        self.began + self.tick * u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}

impl Entry {
    /// From when on it is to be collected.
    fn due_at(&self) -> Option<Instant> {
        match self.began {
            _ if self.running => None,
            None => Some(Instant::default()),
            Some(_) if self.interval.is_zero() => None,
            Some(began) => Some(began + self.interval),
        }
    }
}

/// How long a value's script may take.
pub(crate) fn timeout(description: &AgentMetadataDescription, tick: Duration) -> Duration {
    match (description.timeout_s, description.interval_s, TIMEOUT_TICKS * tick.as_secs()) {
        (0, 0, 0) => TIMEOUT_OF_SHORT_TICKS,
        (0, 0, ticks) => Duration::from_secs(ticks),
        (0, interval, _) => Duration::from_secs(interval.into()),
        (timeout, ..) => Duration::from_secs(timeout.into()),
    }
}

/// Values that are to be sent: the newest of each key. They outlive a connection (A7).
#[derive(Debug, Default)]
pub(crate) struct Pending {
    values: BTreeMap<String, AgentMetadataValue>,
}

impl Pending {
    /// A value was found out.
    pub(crate) fn add(&mut self, value: AgentMetadataValue) {
        self.values.insert(value.key.clone(), value);
    }

    /// All of them, to be sent, in the order of their keys.
    pub(crate) fn take(&mut self) -> Vec<AgentMetadataValue> {
        std::mem::take(&mut self.values).into_values().collect()
    }

    /// They were not sent: they go with the next ones, unless there are newer ones by now (A7).
    pub(crate) fn give_back(&mut self, values: Vec<AgentMetadataValue>) {
        for value in values {
            self.values.entry(value.key.clone()).or_insert(value);
        }
    }

    /// Only these keys are known any more.
    pub(crate) fn keep(&mut self, descriptions: &[AgentMetadataDescription]) {
        self.values.retain(|key, _| descriptions.iter().any(|description| description.key == *key));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(1);

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn description(key: &str, interval_s: u32, timeout_s: u32) -> AgentMetadataDescription {
        AgentMetadataDescription { key: key.to_owned(), interval_s, timeout_s, ..AgentMetadataDescription::default() }
    }

    fn value(key: &str, value: &str) -> AgentMetadataValue {
        AgentMetadataValue { key: key.to_owned(), value: value.to_owned(), ..AgentMetadataValue::default() }
    }

    #[test]
    fn without_descriptions_nothing_is_waited_for() {
        assert_eq!(Core::new(&[], TICK, at(0)).next_due(), None);
    }

    #[test]
    fn what_has_no_interval_is_collected_once() {
        let mut core = Core::new(&[description("once", 0, 0)], TICK, at(500));
        assert_eq!(core.next_due(), Some(at(500)));
        assert_eq!(core.begin(at(500)), [0]);
        core.collected(0);
        assert_eq!(core.next_due(), None);
    }

    #[test]
    fn what_has_one_is_collected_by_the_begin_of_the_last_time() {
        let mut core = Core::new(&[description("two", 2, 0), description("three", 3, 0)], TICK, at(500));
        assert_eq!(core.begin(at(500)), [0, 1]);
        // As long as they run, nothing is due, however long that takes.
        assert_eq!(core.next_due(), None);
        core.collected(0);
        assert_eq!(core.next_due(), Some(at(2_500)));
        assert!(core.begin(at(2_499)).is_empty());
        assert_eq!(core.begin(at(2_500)), [0]);
        core.collected(1);
        assert_eq!(core.next_due(), Some(at(3_500)));
        core.collected(0);
        // Whatever kept the agent, it goes on by the tick that comes then.
        assert_eq!(core.begin(at(9_700)), [0, 1]);
        core.collected(0);
        assert_eq!(core.next_due(), Some(at(12_500)));
        assert!(core.begin(at(11_800)).is_empty());
        assert_eq!((core.tick_after(at(12_499)), core.tick_after(at(12_500))), (at(12_500), at(13_500)));
    }

    #[test]
    fn a_script_has_as_long_as_someone_says() {
        let check = |interval, own, tick, expected| {
            assert_eq!(timeout(&description("k", interval, own), tick), Duration::from_secs(expected));
        };
        check(10, 4, TICK, 4);
        check(10, 0, TICK, 10);
        check(0, 0, TICK, 3);
        check(0, 0, Duration::from_millis(100), 5);
    }

    #[test]
    fn what_could_not_be_sent_goes_with_the_next_and_the_newest_wins() {
        let mut pending = Pending::default();
        pending.add(value("b", "1"));
        pending.add(value("a", "1"));
        pending.add(value("a", "2"));
        let batch = pending.take();
        assert_eq!(batch, [value("a", "2"), value("b", "1")]);
        assert!(pending.is_empty());
        pending.add(value("b", "2"));
        pending.give_back(batch);
        assert_eq!(pending.take(), [value("a", "2"), value("b", "2")]);
        pending.add(value("gone", "1"));
        pending.keep(&[description("a", 0, 0)]);
        assert!(pending.is_empty());
    }
}
