//! Two ends, and whatever happens between them.

use std::collections::VecDeque;

use proptest::{collection::vec, prelude::*, test_runner::RngSeed};

use super::*;

/// What is done with the two ends, `0` and `1`.
#[derive(Clone, Debug)]
enum Step {
    Write(usize, usize),
    Read(usize, usize),
    Finish(usize),
    Ping(usize),
    /// An end says so many of the things that it has to say.
    Say(usize, usize),
    /// So many frames come to an end.
    Deliver(usize, usize),
    /// The path breaks, and what is under way is lost.
    Cut,
    /// There is another path; unless there is one.
    Attach,
    Reset(usize),
    Abandon(usize),
}

/// Two ends and a path.
#[derive(Default)]
struct Pair {
    ends: [Core; 2],
    /// What is under way to each end; none without a path.
    under_way: Option<[VecDeque<Frame>; 2]>,
    /// How many bytes each has written, and read.
    written: [usize; 2],
    read: [usize; 2],
    /// Whose application has gone.
    abandoned: [bool; 2],
}

/// The bytes that an end writes: each tells its place, as far as it can.
fn byte(end: usize, at: usize) -> u8 {
    (at % 251) as u8 ^ (at / 251) as u8 ^ (end as u8) << 7
}

impl Pair {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Write(end, count) if !self.abandoned[end] => {
                let from = self.written[end];
                let bytes: Vec<u8> = (from..from + count).map(|at| byte(end, at)).collect();
                if let Written::Bytes(taken) = self.ends[end].write(&bytes) {
                    self.written[end] += taken;
                }
            }
            Step::Read(end, count) if !self.abandoned[end] => {
                let mut buffer = vec![0; count.max(1)];
                if let Read::Bytes(taken) = self.ends[end].read(&mut buffer) {
                    let from = self.read[end];
                    let expected: Vec<u8> = (from..from + taken).map(|at| byte(1 - end, at)).collect();
                    assert_eq!(buffer[..taken], expected, "the bytes come as they were written");
                    self.read[end] += taken;
                }
            }
            Step::Write(..) | Step::Read(..) => {}
            Step::Finish(end) => self.ends[end].finish(),
            Step::Ping(end) => self.ends[end].ping(),
            Step::Say(end, count) => {
                for _ in 0..count {
                    let Some(under_way) = &mut self.under_way else { break };
                    let Some(frame) = self.ends[end].next_frame() else { break };
                    under_way[1 - end].push_back(frame);
                }
            }
            Step::Deliver(end, count) => {
                for _ in 0..count {
                    let Some(frame) = self.under_way.as_mut().and_then(|ways| ways[end].pop_front()) else { break };
                    self.ends[end].receive(frame).expect("the other end keeps to the rules");
                }
            }
            Step::Cut => self.under_way = None,
            Step::Attach if self.under_way.is_none() => {
                let received = [self.ends[0].received(), self.ends[1].received()];
                self.ends[0].attach(received[1]).expect("the other end counts as it should");
                self.ends[1].attach(received[0]).expect("the other end counts as it should");
                self.under_way = Some(Default::default());
            }
            Step::Attach => {}
            Step::Reset(end) => self.ends[end].reset("the test wants it"),
            Step::Abandon(end) => {
                self.abandoned[end] = true;
                self.ends[end].abandon();
            }
        }
        for core in &self.ends {
            assert!(core.kept.len() <= WINDOW_BYTES && core.unread.len() <= WINDOW_BYTES);
        }
    }

    /// Everything heals; all is said, heard and read.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.step(&Step::Attach);
            for end in [0, 1] {
                self.step(&Step::Say(end, usize::MAX));
                self.step(&Step::Deliver(1 - end, usize::MAX));
                self.step(&Step::Read(1 - end, WINDOW_BYTES));
            }
        }
        // An end whose last word was lost has forgotten the stream, which the other one hears when it asks.
        for end in [0, 1] {
            if self.ends[1 - end].is_over() {
                self.ends[end].reset("it is not known here");
            }
        }
    }
}

fn steps(ends: bool) -> impl Strategy<Value = Vec<Step>> {
    let end = 0..2_usize;
    let some = prop_oneof![3 => 0..5_usize, 1 => Just(100)];
    let size = || prop_oneof![3 => 0..100_usize, 2 => 0..40_000_usize, 1 => Just(WINDOW_BYTES)];
    let step = prop_oneof![
        6 => (end.clone(), size()).prop_map(|(end, size)| Step::Write(end, size)),
        6 => (end.clone(), size()).prop_map(|(end, size)| Step::Read(end, size)),
        1 => end.clone().prop_map(Step::Ping),
        8 => (end.clone(), some.clone()).prop_map(|(end, some)| Step::Say(end, some)),
        8 => (end.clone(), some).prop_map(|(end, some)| Step::Deliver(end, some)),
        2 => Just(Step::Cut),
        4 => Just(Step::Attach),
        u32::from(ends) => end.clone().prop_map(Step::Finish),
        u32::from(ends) => end.clone().prop_map(Step::Reset),
        u32::from(ends) => end.prop_map(Step::Abandon),
    ];
    vec(step, 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default() })]

    /// Whatever is cut, each direction's bytes come whole, in order and once, and then its end.
    #[test]
    fn no_byte_is_lost_and_none_comes_twice(steps in steps(false), finish in vec(0..150_usize, 2)) {
        let mut pair = Pair::default();
        for (at, step) in steps.iter().enumerate() {
            for end in [0, 1] {
                if finish[end] == at {
                    pair.step(&Step::Finish(end));
                }
            }
            pair.step(step);
        }
        pair.step(&Step::Finish(0));
        pair.step(&Step::Finish(1));
        pair.settle();
        for end in [0, 1] {
            prop_assert_eq!(pair.read[end], pair.written[1 - end]);
            prop_assert_eq!(pair.ends[end].read(&mut [0]), Read::End);
            prop_assert!(pair.ends[end].is_over());
            prop_assert!(pair.ends[end].kept.is_empty());
        }
    }

    /// A stream whose applications end it somehow is over on both ends, and whoever reads gets the end or an error.
    #[test]
    fn a_stream_that_is_ended_is_over(steps in steps(true), who in 0..2_usize) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.step(step);
        }
        pair.step(&Step::Finish(0));
        pair.step(&Step::Finish(1));
        pair.step(&Step::Abandon(who));
        pair.settle();
        for end in [0, 1] {
            prop_assert!(pair.ends[end].is_over() || pair.ends[1 - end].is_over(), "end {end}");
            prop_assert!(pair.read[end] <= pair.written[1 - end]);
            if !pair.abandoned[end] {
                prop_assert!(!matches!(pair.ends[end].read(&mut [0]), Read::Nothing | Read::Bytes(_)));
            }
        }
    }

    /// Whatever the other end says, this one has a word for it, and keeps no more than it may.
    #[test]
    fn any_frames_are_borne(frames in vec(any_frame(), 0..200), written in 0..50_000_usize) {
        let mut core = Core::default();
        core.write(&vec![0; written]);
        for frame in frames {
            if core.receive(frame).is_err() {
                core.reset("it broke the rules");
            }
            while core.next_frame().is_some() {}
            prop_assert!(core.unread.len() <= WINDOW_BYTES);
            prop_assert!(core.consumed() <= core.received);
        }
    }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        4 => (0..DATA_BYTES_MAX + 10).prop_map(|size| Frame::Data(vec![0; size].into())),
        2 => prop_oneof![0..60_000_u64, any::<u64>()].prop_map(Frame::Consumed),
        1 => prop_oneof![Just(0), any::<u64>()].prop_map(Frame::Finished),
        1 => Just(Frame::Ping),
    ]
}

/// Brings all that an end has to say to the other.
fn pass(from: &mut Core, to: &mut Core) {
    while let Some(frame) = from.next_frame() {
        to.receive(frame).expect("it keeps to the rules");
    }
}

#[test]
fn a_lost_end_is_said_again() {
    let (mut one, mut other) = (Core::default(), Core::default());
    one.write(b"all of it");
    pass(&mut one, &mut other);
    assert_eq!(other.read(&mut [0; 20]), Read::Bytes(9));
    one.finish();
    assert_eq!(one.next_frame(), Some(Frame::Finished(9)));
    // It gets lost.
    one.attach(other.received()).expect("it counts");
    other.attach(one.received()).expect("it counts");
    assert_eq!(one.next_frame(), Some(Frame::Finished(9)));
}

#[test]
fn what_breaks_the_rules_is_told_in_words() {
    let check = |frames: &[Frame], expected: &str| {
        let mut core = Core::default();
        let error = frames.iter().find_map(|frame| core.receive(frame.clone()).err());
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected));
    };
    let data = |size: usize| Frame::Data(vec![0; size].into());
    check(&[data(16_385)], "16385 bytes of data in a frame: at most 16384 are allowed");
    check(&vec![data(16_384); 17], "more than 262144 bytes are under way");
    check(&[data(5), Frame::Finished(4)], "the stream was to end after 4 bytes, but 5 have come");
    check(&[Frame::Finished(0), data(1)], "something came after the end of the stream");
    check(&[Frame::Finished(0), Frame::Finished(1)], "something came after the end of the stream");
    check(&[Frame::Consumed(1)], "the other end is at byte 1 of the stream: expected 0 to 0");
    let mut core = Core::default();
    assert!(core.attach(1).is_err(), "nothing was ever sent");
}

#[test]
fn a_reset_is_read_after_what_came_before_it_and_not_after_the_end() {
    let (mut one, mut other) = (Core::default(), Core::default());
    one.write(b"some");
    pass(&mut one, &mut other);
    let mut ended = other.clone();
    one.reset("no more");
    pass(&mut one, &mut other);
    assert_eq!(other.read(&mut [0; 20]), Read::Bytes(4));
    assert_eq!(other.read(&mut [0; 20]), Read::Reset("no more".to_owned()));
    assert_eq!(other.write(b"x"), Written::Reset("no more".to_owned()));
    assert!(one.is_over() && other.is_over());
    ended.receive(Frame::Finished(4)).expect("it is the end");
    ended.receive(Frame::Reset("no more".to_owned())).expect("it is the end");
    assert_eq!(ended.read(&mut [0; 20]), Read::Bytes(4));
    assert_eq!(ended.read(&mut [0; 20]), Read::End);
}

#[test]
fn two_resets_that_cross_need_no_more_words() {
    let (mut one, mut other) = (Core::default(), Core::default());
    one.reset("enough");
    other.reset("no more");
    let said = one.next_frame().expect("it says so");
    other.receive(said).expect("it is a reset");
    assert!(other.is_over());
    assert_eq!(other.next_frame(), None);
    assert_eq!(other.reset_reason(), Some("no more"), "its own reason is the one it knows");
}

#[test]
fn a_long_reason_is_cut_short() {
    let mut core = Core::default();
    core.receive(Frame::Reset("long ".repeat(1_000))).expect("it is a reset");
    assert_eq!(core.reset_reason().map(|reason| reason.chars().count()), Some(REASON_CHARS_MAX));
}
