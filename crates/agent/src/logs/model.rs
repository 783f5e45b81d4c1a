//! The queue of log lines against a model: nothing is lost, nothing doubled, every limit kept.

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Instant;
use groundhog_wire::v1::LogLevel;
use proptest::{prelude::*, test_runner::RngSeed};

use super::queue::{BATCH_BYTES_MAX, Batch, Due, LINE_OVERHEAD_BYTES, Pushed, Queue};

const SOURCES: [&str; 3] = ["a", "b", "c"];
const QUEUE_BYTES_MAX: usize = 1 << 20;

/// What happens to a queue.
#[derive(Clone, Debug)]
enum Event {
    /// A source writes a line of so many bytes.
    Write {
        source: usize,
        bytes: usize,
    },
    /// Time passes.
    Pass(Duration),
    /// What is due is sent. The control plane hears it or not, and its answer comes or not, if it did; meanwhile so many
    /// lines are written.
    Send {
        heard: bool,
        answered: bool,
        meanwhile: usize,
    },
    Flush,
}

/// A control plane that stores each number once, as all of them do.
#[derive(Default)]
struct Store {
    stored: BTreeMap<&'static str, Vec<String>>,
}

impl Store {
    fn take(&mut self, batch: &Batch) -> Result<(), TestCaseError> {
        let source = SOURCES.into_iter().find(|source| *source == batch.source).expect("a source of the test's");
        let stored = self.stored.entry(source).or_default();
        for line in &batch.lines {
            let have = stored.len() as u64;
            prop_assert!(line.sequence <= have + 1, "line {} comes after {have}", line.sequence);
            match stored.get(line.sequence as usize - 1) {
                Some(known) => prop_assert_eq!(known, &line.output, "a number has one text"),
                None => stored.push(line.output.clone()),
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct World {
    queue: Queue,
    store: Store,
    written: BTreeMap<&'static str, Vec<String>>,
    now: Instant,
    /// The bytes that wait, as the model knows them.
    waiting: BTreeMap<(&'static str, u64), usize>,
    /// When each source was last sent, while it has had lines ever since.
    last_sent: BTreeMap<&'static str, Instant>,
    /// Up to which number each source is not to wait.
    flushed_to: BTreeMap<&'static str, u64>,
}

impl World {
    /// Whether the first line of a source that waits is not to.
    fn is_flushed(&self, source: &str) -> bool {
        let first = self.waiting.keys().find(|(of, _)| *of == source);
        first.is_some_and(|(_, number)| self.flushed_to.get(source).is_some_and(|to| number <= to))
    }

    fn write(&mut self, source: usize, bytes: usize) -> Result<(), TestCaseError> {
        let source = SOURCES[source];
        let lines = self.written.entry(source).or_default();
        // Every line has a text of its own.
        let mut text = format!("{}:", lines.len());
        text.extend(std::iter::repeat_n('x', bytes.saturating_sub(text.len())));
        let length = text.len();
        let waiting: usize = self.waiting.values().sum();
        let expected = if length + LINE_OVERHEAD_BYTES > BATCH_BYTES_MAX {
            Pushed::TooLong
        } else if waiting >= QUEUE_BYTES_MAX {
            Pushed::QueueFull
        } else {
            Pushed::Kept
        };
        prop_assert_eq!(self.queue.push(source, LogLevel::Info, 0, text.clone()), expected);
        if expected == Pushed::Kept {
            lines.push(text);
            self.waiting.insert((source, lines.len() as u64), length);
        }
        Ok(())
    }

    fn send(&mut self, heard: bool, answered: bool, meanwhile: usize) -> Result<(), TestCaseError> {
        match self.queue.due(self.now) {
            Due::Never => prop_assert!(self.waiting.is_empty() && self.queue.is_empty()),
            Due::At(at) => {
                prop_assert!(self.now < at && at <= self.now + Duration::from_secs(1));
                prop_assert!(!self.waiting.is_empty());
                prop_assert!(SOURCES.iter().all(|source| !self.is_flushed(source)));
            }
            Due::Batch(batch) => {
                let bytes: usize = batch.lines.iter().map(|line| line.output.len() + LINE_OVERHEAD_BYTES).sum();
                prop_assert!(!batch.lines.is_empty() && bytes <= BATCH_BYTES_MAX);
                let source = SOURCES.into_iter().find(|source| *source == batch.source).expect("a source");
                if let (Some(last), false) = (self.last_sent.get(source), self.is_flushed(source)) {
                    prop_assert!(self.now >= *last + Duration::from_secs(1), "a source is sent too often");
                }
                if heard {
                    self.store.take(&batch)?;
                }
                for _ in 0..meanwhile {
                    self.write(SOURCES.iter().position(|name| *name == source).expect("a source"), 10)?;
                }
                if heard && answered {
                    self.queue.sent(&batch, self.now);
                    let last = batch.lines[batch.lines.len() - 1].sequence;
                    self.waiting.retain(|(of, number), _| *of != source || *number > last);
                    if self.waiting.keys().any(|(of, _)| *of == source) {
                        self.last_sent.insert(source, self.now);
                    } else {
                        self.last_sent.remove(source);
                    }
                }
            }
        }
        Ok(())
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let bytes = prop_oneof![
        8 => 0_usize..200,
        2 => 100_000_usize..400_000,
        1 => (BATCH_BYTES_MAX - LINE_OVERHEAD_BYTES - 2)..(BATCH_BYTES_MAX - LINE_OVERHEAD_BYTES + 3),
    ];
    let event = prop_oneof![
        6 => (0..SOURCES.len(), bytes).prop_map(|(source, bytes)| Event::Write { source, bytes }),
        2 => (0_u64..1_500).prop_map(|ms| Event::Pass(Duration::from_millis(ms))),
        4 => (any::<bool>(), any::<bool>(), 0_usize..3)
            .prop_map(|(heard, answered, meanwhile)| Event::Send { heard, answered, meanwhile }),
        1 => Just(Event::Flush),
    ];
    proptest::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64, failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_nothing_doubled_and_the_limits_are_kept(events in events()) {
        let mut world = World::default();
        for event in events {
            match event {
                Event::Write { source, bytes } => world.write(source, bytes)?,
                Event::Pass(time) => world.now += time,
                Event::Send { heard, answered, meanwhile } => world.send(heard, answered, meanwhile)?,
                Event::Flush => {
                    world.queue.flush();
                    world.flushed_to = world.waiting.keys().copied().collect();
                }
            }
        }
        // When the network is well, everything arrives, in a bounded number of messages.
        for _ in 0..1_000 {
            if world.queue.is_empty() {
                break;
            }
            world.send(true, true, 0)?;
            world.now += Duration::from_secs(1);
        }
        prop_assert!(world.queue.is_empty() && world.waiting.is_empty());
        world.written.retain(|_, lines| !lines.is_empty());
        prop_assert_eq!(world.store.stored, world.written);
    }
}
