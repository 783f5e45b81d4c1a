//! Byte streams against the simplest model of one: a queue of bytes for each direction, first in, first out.
//!
//! Two hosts write and read portions of random sizes at random times, each direction on its own, while the path
//! between them is cut, held, slowed, made lossy or reset. Whatever happens, what is read is what the model's queue
//! gives; once every fault has ended everything arrives, and the end of the stream after it, unless there was a
//! reset.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_host::Host;
use groundhog_sim::{Config, Fault, LinkConfig, Ways, simulate};
use proptest::{prelude::*, test_runner::RngSeed};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{connect, cut, millis, seconds};

/// How many bytes a stream takes that were not read, at most: the seam promises back-pressure.
const UNREAD_MAX: usize = 256 * 1024;

/// Something that a program does with its end, a while after what it did before.
#[derive(Clone, Copy, Debug)]
struct Portion {
    after_ms: u64,
    bytes: usize,
}

/// One direction of a stream: what is written before the writer closes its side, and how the reader begins. When
/// it has come to the end of its portions, it reads whatever comes.
#[derive(Clone, Debug)]
struct Direction {
    writes: Vec<Portion>,
    reads: Vec<Portion>,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Cut(Way),
    Hold(Way),
    Slow(u32),
    LossyPercent(u32),
    Reset,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    There,
    Back,
    Both,
}

/// A trouble on the path, and when.
#[derive(Clone, Copy, Debug)]
struct Spell {
    at_ms: u64,
    lasts_ms: u64,
    trouble: Trouble,
}

#[derive(Clone, Debug)]
struct Story {
    seed: u64,
    short_reads: bool,
    bandwidth: Option<u64>,
    there: Direction,
    back: Direction,
    weather: Vec<Spell>,
}

fn portions(count: usize) -> impl Strategy<Value = Vec<Portion>> {
    let bytes = prop_oneof![
        8 => 1_usize..2_000,
        2 => 1_usize..100_000,
        1 => 200_000_usize..600_000,
    ];
    let after_ms = prop_oneof![1 => Just(0), 1 => 0_u64..20, 1 => 0_u64..8_000];
    let portion = (after_ms, bytes).prop_map(|(after_ms, bytes)| Portion { after_ms, bytes });
    proptest::collection::vec(portion, 0..count)
}

fn direction() -> impl Strategy<Value = Direction> {
    (portions(12), portions(12)).prop_map(|(writes, reads)| Direction { writes, reads })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let way = prop_oneof![Just(Way::There), Just(Way::Back), Just(Way::Both)];
    prop_oneof![
        4 => way.clone().prop_map(Trouble::Cut),
        4 => way.prop_map(Trouble::Hold),
        2 => (0_u32..200).prop_map(Trouble::Slow),
        3 => (0_u32..90).prop_map(Trouble::LossyPercent),
        1 => Just(Trouble::Reset),
    ]
}

fn story() -> impl Strategy<Value = Story> {
    // The first second is calm, so that the connection is there.
    let spell = (1_000_u64..30_000, 0_u64..60_000, trouble());
    let spell = spell.prop_map(|(at_ms, lasts_ms, trouble)| Spell { at_ms, lasts_ms, trouble });
    let weather = proptest::collection::vec(spell, 0..6);
    let bandwidth = proptest::option::weighted(0.2, 20_000_u64..1_000_000);
    (any::<u64>(), any::<bool>(), bandwidth, direction(), direction(), weather).prop_map(
        |(seed, short_reads, bandwidth, there, back, weather)| Story {
            seed,
            short_reads,
            bandwidth,
            there,
            back,
            weather,
        },
    )
}

impl Spell {
    fn faults(self) -> Vec<Fault> {
        let (from, to) = ("client".to_owned(), "server".to_owned());
        let one_way = |from: &str, to: &str, held: bool| match held {
            true => Fault::Hold { from: from.into(), to: to.into(), ways: Ways::One },
            false => cut(from, to, Ways::One),
        };
        let ways = |way: Way, held: bool| match way {
            Way::There => vec![one_way("client", "server", held)],
            Way::Back => vec![one_way("server", "client", held)],
            Way::Both => vec![one_way("client", "server", held), one_way("server", "client", held)],
        };
        match self.trouble {
            Trouble::Cut(way) => ways(way, false),
            Trouble::Hold(way) => ways(way, true),
            Trouble::Slow(factor) => vec![Fault::Slow { from, to, factor: f64::from(factor) }],
            Trouble::LossyPercent(percent) => {
                vec![Fault::Lossy { from, to, probability: f64::from(percent) / 100.0 }]
            }
            Trouble::Reset => vec![Fault::Reset { from, to }],
        }
    }
}

/// How a program's work on one direction ended, and when: the writer has closed its side and the reader was told
/// so, or something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ended {
    at: Duration,
    failure: Option<io::ErrorKind>,
}

/// The model of one direction: all bytes that the stream has taken, and how many of them it has given.
#[derive(Debug, Default)]
struct Queue {
    taken: Vec<u8>,
    given: usize,
    closed: bool,
    writer: Option<Ended>,
    reader: Option<Ended>,
}

type Shared = Arc<Mutex<Queue>>;

fn lock(queue: &Shared) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended(host: &Host, failure: Option<&io::Error>) -> Option<Ended> {
    let at = Duration::from_micros(host.now().as_micros());
    Some(Ended { at, failure: failure.map(io::Error::kind) })
}

/// The byte at `place`: no two stretches of a stream look alike, so that a wrong one is noticed.
fn byte_at(place: usize) -> u8 {
    ((place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

async fn write_portions(host: Host, mut to: impl AsyncWrite + Unpin, portions: Vec<Portion>, queue: Shared) {
    for portion in portions {
        host.sleep(millis(portion.after_ms)).await;
        let begin = lock(&queue).taken.len();
        let bytes: Vec<u8> = (begin..begin + portion.bytes).map(byte_at).collect();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match to.write(rest).await {
                Ok(size) => {
                    assert!(size > 0, "a stream with room takes something");
                    let mut queue = lock(&queue);
                    queue.taken.extend(&rest[..size]);
                    let unread = queue.taken.len() - queue.given;
                    assert!(unread <= UNREAD_MAX, "{unread} bytes were taken and not read");
                    rest = &rest[size..];
                }
                Err(error) => {
                    lock(&queue).writer = ended(&host, Some(&error));
                    return;
                }
            }
        }
    }
    let result = to.shutdown().await;
    let mut queue = lock(&queue);
    queue.closed = true;
    queue.writer = ended(&host, result.as_ref().err());
}

async fn read_portions(host: Host, mut from: impl AsyncRead + Unpin, portions: Vec<Portion>, queue: Shared) {
    let greedy = std::iter::repeat(Portion { after_ms: 0, bytes: 65_536 });
    for portion in portions.into_iter().chain(greedy) {
        if portion.after_ms > 0 {
            host.sleep(millis(portion.after_ms)).await;
        }
        let mut bytes = vec![0; portion.bytes];
        let result = from.read(&mut bytes).await;
        let mut queue = lock(&queue);
        match result {
            Ok(0) => {
                let unread = queue.taken.len() - queue.given;
                assert!(queue.closed && unread == 0, "the stream ended {unread} bytes early");
                queue.reader = ended(&host, None);
                return;
            }
            Ok(size) => {
                let next = queue.taken.get(queue.given..queue.given + size);
                assert!(next.is_some_and(|next| next == &bytes[..size]), "at {}: not what was written", queue.given);
                queue.given += size;
            }
            Err(error) => {
                queue.reader = ended(&host, Some(&error));
                return;
            }
        }
    }
}

/// Both directions, once the story is over: there and back.
fn play(story: &Story) -> [Queue; 2] {
    let short_reads = if story.short_reads { 0.5 } else { 0.0 };
    let network = LinkConfig { short_reads, bandwidth: story.bandwidth, ..LinkConfig::default() };
    simulate(Config { network, ..Config::new(story.seed) }, |world| {
        let (there, back) = (Shared::default(), Shared::default());
        let (shared, script) = ((there.clone(), back.clone()), story.clone());
        world.host("server", move |host| {
            let ((there, back), script) = (shared.clone(), script.clone());
            async move {
                let mut listener = host.listen(7).await.expect("the port is free");
                let stream = listener.accept().await.expect("the client comes");
                let (from, to) = tokio::io::split(stream);
                host.spawn("write", write_portions(host.clone(), to, script.back.writes, back)).detach();
                read_portions(host, from, script.there.reads, there).await;
            }
        });
        let (shared, script) = ((there.clone(), back.clone()), story.clone());
        world.host("client", move |host| {
            let ((there, back), script) = (shared.clone(), script.clone());
            async move {
                let stream = connect(&host, "server").await.expect("the first second is calm");
                let (from, to) = tokio::io::split(stream);
                host.spawn("write", write_portions(host.clone(), to, script.there.writes, there)).detach();
                read_portions(host, from, script.back.reads, back).await;
            }
        });
        for spell in &story.weather {
            for fault in spell.faults() {
                world.plan(millis(spell.at_ms), Some(millis(spell.lasts_ms)), &fault).expect("both hosts exist");
            }
        }
        // The last fault ends after a minute and a half, and no retransmission waits longer than that again.
        world.run_until(seconds(3_600));
        assert_eq!(world.violations(), []);
        [there, back].map(|queue| std::mem::take(&mut *lock(&queue)))
    })
}

/// When the first reset came.
fn reset_at(story: &Story) -> Option<Duration> {
    let resets = story.weather.iter().filter(|spell| matches!(spell.trouble, Trouble::Reset));
    resets.map(|spell| millis(spell.at_ms)).min()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        // A story has many parts, and each is tried without.
        max_shrink_iters: 5_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_is_a_queue_of_bytes_whatever_the_path_does(story in story()) {
        let reset = reset_at(&story);
        for (queue, direction) in play(&story).iter().zip([&story.there, &story.back]) {
            let (Some(writer), Some(reader)) = (queue.writer, queue.reader) else {
                return Err(TestCaseError::fail(format!("hangs: {:?}, {:?}", queue.writer, queue.reader)));
            };
            for ended in [writer, reader] {
                let is_reset = ended.failure == Some(io::ErrorKind::ConnectionReset);
                let is_due = reset.is_some_and(|reset| reset <= ended.at);
                prop_assert!(ended.failure.is_none() || (is_reset && is_due), "{ended:?}, reset: {reset:?}");
            }
            if reader.failure.is_none() {
                prop_assert!(reset.is_none_or(|reset| reader.at <= reset), "{reader:?} outlived a reset: {reset:?}");
                let all: usize = direction.writes.iter().map(|portion| portion.bytes).sum();
                prop_assert_eq!(queue.given, all);
            }
        }
    }
}
