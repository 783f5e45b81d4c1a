//! The log queue against a reference written from J1 and J2: the same lines in the same portions at the same times.
//!
//! The reference keeps no texts, only how they are made up, so that a failing case is short. Whatever a run did, at
//! its end the queue is emptied: nothing may be missing, doubled or out of its place.

use std::collections::VecDeque;

use groundhog_host::Instant;
use groundhog_wire::v1::{LogLevel, LogLine, LogSource};
use proptest::{prelude::*, strategy::Union, test_runner::RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use prost::Message;

use super::{RunnerConfig, event::Moment, log_queue::LogQueue};

const STAGE: &str = "stage";

/// J1, and the bounds that are told to others.
const LINES_DUE: usize = 100;
const LAST_LINE_DUE_MS: u64 = 250;
const OLDEST_LINE_DUE_MS: u64 = 5_000;
const LINE_BYTES: usize = 65_536;
const MESSAGE_LINES: usize = 1_000;
const MESSAGE_BYTES: usize = 1_048_576;
const WAITING_LINES: usize = 10_000;
const WAITING_BYTES: usize = 8_388_608;

/// The queue's time zero by the wall clock.
const WALL_MS: i64 = 1_700_000_000_000;

fn moment(now_ms: u64) -> Moment {
    Moment { now: Instant::from_micros(now_ms * 1_000), wall_ms: WALL_MS + now_ms as i64 }
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
enum Text {
    /// The daemon's own.
    Own,
    /// A provisioner's: a letter, so many times.
    Letters(char, usize),
    /// That so many lines are missing here.
    Missing(usize),
}

#[derive(Clone, Copy, Debug)]
struct Line {
    sequence: u64,
    text: Text,
    at_ms: u64,
    bytes: usize,
}

impl Line {
    fn written(&self) -> LogLine {
        let (source, level, output) = match self.text {
            Text::Own => (LogSource::ProvisionerDaemon, LogLevel::Info, "own".to_owned()),
            Text::Letters(letter, count) => (LogSource::Provisioner, LogLevel::Debug, letter.to_string().repeat(count)),
            Text::Missing(count) => (
                LogSource::ProvisionerDaemon,
                LogLevel::Warn,
                format!("{count} log lines were dropped: too many were waiting to be sent."),
            ),
        };
        LogLine {
            sequence: self.sequence,
            source: source.into(),
            level: level.into(),
            created_at_ms: WALL_MS + self.at_ms as i64,
            stage: STAGE.to_owned(),
            output,
        }
    }
}

/// What the queue should hold.
#[derive(Clone, Debug, Default)]
struct Reference {
    now_ms: u64,
    waiting: VecDeque<Line>,
    waiting_bytes: usize,
    /// How many lines were ever numbered.
    numbered: u64,
    /// How many were dropped since.
    missing: usize,
    /// Lines up to this number belong to a flush that was begun.
    flushed: u64,
    /// How many lines the flush in flight carries (J2: there is one at most).
    in_flight: Option<usize>,
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Own,
    Write {
        letter: char,
        count: usize,
        times: usize,
    },
    /// A flush is begun.
    Send,
    /// It is stored.
    Accept,
    /// It is not, as far as is known: it must be sent again.
    Lose,
    /// What waits is wanted now.
    Want,
}

impl Reference {
    fn queue(&mut self, text: Text) {
        self.numbered += 1;
        let mut line = Line { sequence: self.numbered, text, at_ms: self.now_ms, bytes: 0 };
        line.bytes = line.written().encoded_len();
        self.waiting_bytes += line.bytes;
        self.waiting.push_back(line);
    }

    fn tell_missing(&mut self) {
        let missing = std::mem::take(&mut self.missing);
        if missing > 0 {
            self.queue(Text::Missing(missing));
        }
    }

    fn write(&mut self, letter: char, count: usize) {
        let longest = LINE_BYTES / letter.len_utf8();
        let mut left = count;
        loop {
            let piece = left.min(longest);
            // A line is taken while the longest one would be.
            if self.waiting.len() < WAITING_LINES && self.waiting_bytes + LINE_BYTES <= WAITING_BYTES {
                self.tell_missing();
                self.queue(Text::Letters(letter, piece));
            } else {
                self.missing += 1;
            }
            left -= piece;
            if left == 0 {
                return;
            }
        }
    }

    /// How many lines the next message carries: the longest beginning of what waits that it can.
    fn portion(&self) -> usize {
        let sizes = self.waiting.iter().take(MESSAGE_LINES).scan(0, |bytes, line| {
            *bytes += line.bytes;
            Some(*bytes)
        });
        sizes.filter(|bytes| *bytes <= MESSAGE_BYTES).count()
    }

    fn accept(&mut self, count: usize) {
        self.waiting_bytes -= self.waiting.drain(..count).map(|line| line.bytes).sum::<usize>();
    }

    /// When what waits is due; now at the earliest.
    fn due_ms(&self) -> Option<u64> {
        let (oldest, last) = (self.waiting.front()?, self.waiting.back()?);
        let begun = oldest.sequence <= self.flushed;
        if begun || self.waiting.len() >= LINES_DUE {
            return Some(self.now_ms);
        }
        let due = (last.at_ms + LAST_LINE_DUE_MS).min(oldest.at_ms + OLDEST_LINE_DUE_MS);
        Some(due.max(self.now_ms))
    }
}

fn write() -> impl Strategy<Value = Step> {
    let letter = || prop_oneof![3 => Just('x'), 1 => Just('é'), 1 => Just('語'), 1 => Just('😀')];
    let write = |(letter, count, times)| Step::Write { letter, count, times };
    prop_oneof![
        16 => (letter(), 0_usize..100, 1_usize..5).prop_map(write),
        6 => (letter(), 0_usize..100, 90_usize..110).prop_map(write),
        // Around the longest line's length, and well above it.
        4 => (letter(), 65_530_usize..65_540, 1_usize..3).prop_map(write),
        4 => (letter(), 1_usize..200_000, 1_usize..4).prop_map(write),
        // Around the bounds of a message and of the queue.
        1 => (letter(), 0_usize..10, 900_usize..1_100).prop_map(write),
        2 => (letter(), 0_usize..10, 3_000_usize..11_000).prop_map(write),
        2 => (Just('x'), 60_000_usize..65_536, 10_usize..140).prop_map(write),
    ]
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let flush = match state.in_flight {
            None => Just(Step::Send).boxed(),
            Some(_) => prop_oneof![3 => Just(Step::Accept), 1 => Just(Step::Lose)].boxed(),
        };
        Union::new_weighted(vec![
            (4, prop_oneof![3 => 0_u64..300, 1 => 0_u64..6_000].prop_map(Step::Pass).boxed()),
            (1, Just(Step::Own).boxed()),
            (6, write().boxed()),
            (5, flush),
            (1, Just(Step::Want).boxed()),
        ])
        .boxed()
    }

    fn preconditions(state: &Self, step: &Step) -> bool {
        match step {
            Step::Send => state.in_flight.is_none(),
            Step::Accept | Step::Lose => state.in_flight.is_some(),
            _ => true,
        }
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        match *step {
            Step::Pass(millis) => state.now_ms += millis,
            Step::Own => {
                state.tell_missing();
                state.queue(Text::Own);
            }
            Step::Write { letter, count, times } => (0..times).for_each(|_| state.write(letter, count)),
            Step::Send => {
                state.flushed = state.numbered;
                state.in_flight = Some(state.portion());
            }
            Step::Accept => {
                let count = state.in_flight.take().unwrap_or(0);
                state.accept(count);
            }
            Step::Lose => state.in_flight = None,
            Step::Want => state.flushed = state.numbered,
        }
        state
    }
}

/// The queue, and the last number of the flush in flight.
struct Tested {
    queue: LogQueue,
    in_flight: u64,
}

impl Tested {
    /// Takes a batch, which must be the beginning of what should wait.
    fn send(&mut self, reference: &Reference, count: usize) {
        let batch = self.queue.batch();
        assert_eq!(batch.len(), count, "lines in a message");
        for (line, expected) in batch.iter().zip(&reference.waiting) {
            assert!(*line == expected.written(), "number {}, not {expected:?}", line.sequence);
        }
        self.in_flight = batch.last().map_or(0, |line| line.sequence);
    }
}

impl StateMachineTest for Tested {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(_reference: &Reference) -> Self {
        Self { queue: LogQueue::new(&RunnerConfig::default()), in_flight: 0 }
    }

    fn apply(mut tested: Self, reference: &Reference, step: Step) -> Self {
        let at = moment(reference.now_ms);
        match step {
            Step::Pass(_) | Step::Lose => {}
            Step::Own => tested.queue.push_own(at, LogLevel::Info, STAGE, "own"),
            Step::Write { letter, count, times } => {
                let output = letter.to_string().repeat(count);
                (0..times).for_each(|_| tested.queue.push_provisioner(at, LogLevel::Debug, STAGE, &output));
            }
            Step::Send => tested.send(reference, reference.in_flight.unwrap_or(0)),
            Step::Accept => tested.queue.accepted(tested.in_flight),
            Step::Want => tested.queue.make_due(),
        }
        tested
    }

    fn check_invariants(tested: &Self, reference: &Reference) {
        let queue = &tested.queue;
        let now = moment(reference.now_ms).now;
        let due = reference.due_ms().map(|due| moment(due).now);
        assert_eq!(queue.due_at().map(|due| due.max(now)), due, "when the lines are due");
        assert_eq!(queue.last_sequence(), reference.numbered);
        let accepted = reference.waiting.front().map_or(reference.numbered, |line| line.sequence - 1);
        assert!(queue.is_accepted(accepted) && !(accepted < reference.numbered && queue.is_accepted(accepted + 1)));
    }

    fn teardown(mut tested: Self, mut reference: Reference) {
        // One line more tells what is missing at the end.
        reference = Reference::apply(reference, &Step::Own);
        tested = Self::apply(tested, &reference, Step::Own);
        while !reference.waiting.is_empty() {
            let count = reference.portion();
            tested.send(&reference, count);
            tested.queue.accepted(tested.in_flight);
            reference.accept(count);
        }
        assert!(tested.queue.batch().is_empty(), "lines that nobody wrote");
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn lines_are_sent_once_in_order_in_time_and_in_bounds(sequential 1..25 => Tested);
}
