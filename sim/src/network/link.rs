//! The path from one host to another, in one direction.

use std::{rc::Rc, time::Duration};

use super::Event;
use crate::{
    clock::micros,
    hosts::HostId,
    streams::{Stream, below, chance, probability},
    trace::{
        Step,
        recorder::{self, Source},
    },
};

/// How a path behaves when nothing is wrong with it. Each direction has its own.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// The shortest time that a packet takes.
    pub latency_min: Duration,
    /// The longest. Each packet's time is drawn evenly between the two.
    pub latency_max: Duration,
    /// Bytes per second; `None` without a limit.
    pub bandwidth: Option<u64>,
    /// How likely a packet is lost, 0 to 1. To a stream a loss is a delay.
    pub loss: f64,
    /// How likely a datagram arrives twice, 0 to 1.
    pub duplication: f64,
    /// How likely a read returns less than has arrived, 0 to 1: networks promise bytes, not messages.
    pub short_reads: f64,
}

/// A good network between the machines of one site, with reads cut short now and then.
impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(5),
            bandwidth: None,
            loss: 0.0,
            duplication: 0.0,
            short_reads: 1.0 / 16.0,
        }
    }
}

impl LinkConfig {
    /// What a host's path to itself is like: ten microseconds, and nothing goes wrong.
    pub(crate) fn loopback() -> Self {
        let latency = Duration::from_micros(10);
        Self { latency_min: latency, latency_max: latency, short_reads: 0.0, ..Self::default() }
    }
}

/// The faults on a link.
#[derive(Default)]
pub(crate) struct Trouble {
    /// How many faults cut it at present; faults may overlap.
    pub(crate) cuts: u32,
    /// How many faults hold it at present.
    pub(crate) holds: u32,
    /// Latency multiplier of each fault that slows it, most recent last.
    pub(crate) slowed: Vec<f64>,
    /// Loss of each fault that makes it lossy.
    pub(crate) lossy: Vec<f64>,
    /// What has arrived meanwhile and waits for the release.
    pub(crate) held: Vec<Event>,
}

/// A [`LinkConfig`] in the units of the simulation. Shared by all links that behave alike.
#[derive(Debug)]
struct Behaviour {
    latency_min: u64,
    /// One more than the widest spread, so that both ends are included.
    latency_spread: u32,
    bandwidth: Option<u64>,
    loss: u64,
    duplication: u64,
    short_reads: u64,
}

/// How a link behaves while nothing is wrong with it.
#[derive(Clone, Debug)]
pub(crate) struct Nature(Rc<Behaviour>);

impl Nature {
    pub(crate) fn new(config: &LinkConfig) -> Self {
        let latency_min = micros(config.latency_min).min(LATENCY_MAX);
        let spread = micros(config.latency_max).saturating_sub(latency_min);
        Self(Rc::new(Behaviour {
            latency_min,
            latency_spread: u32::try_from(spread).unwrap_or(u32::MAX - 1) + 1,
            bandwidth: config.bandwidth.filter(|bandwidth| *bandwidth > 0),
            loss: probability(config.loss),
            duplication: probability(config.duplication),
            short_reads: probability(config.short_reads),
        }))
    }
}

/// One direction between two hosts.
///
/// Small on purpose, as are the lanes of a connection: in a world of ten thousand hosts a round trip costs as
/// much as the cache lines that it fetches.
pub(crate) struct Link {
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    nature: Rc<Behaviour>,
    /// What is wrong with it. Nothing, for nearly every link of a large world.
    trouble: Option<Box<Trouble>>,
    /// When the last byte handed to it will have left the sender.
    busy_until: u64,
    draws: Stream,
}

impl Link {
    pub(crate) fn new(from: HostId, to: HostId, nature: &Nature, draws: Stream) -> Self {
        Self { from, to, nature: nature.0.clone(), trouble: None, busy_until: 0, draws }
    }

    /// It behaves otherwise from now on.
    pub(crate) fn change(&mut self, nature: &Nature) {
        self.nature = nature.0.clone();
    }

    /// What a recording knows this link by, and what is drawn on it.
    #[inline]
    pub(crate) fn source(&self, drawn: Option<&'static str>) -> Source {
        Source::Link { from: self.from, to: self.to, drawn }
    }

    #[inline]
    fn draw(&mut self, what: &'static str) -> u32 {
        let draw = self.draws.draw();
        if recorder::is_on() {
            self.record(what, draw);
        }
        draw
    }

    /// Apart from the draw, which every round trip makes several times.
    #[cold]
    #[inline(never)]
    fn record(&self, what: &'static str, draw: u32) {
        recorder::with(|recorder| recorder.step(Step::Draw, u64::from(draw), Some(self.source(Some(what)))));
    }

    /// How long the next packet travels.
    #[inline]
    pub(crate) fn latency(&mut self) -> u64 {
        let drawn = self.nature.latency_min + u64::from(below(self.draw("latency"), self.nature.latency_spread));
        match self.trouble.as_ref().and_then(|trouble| trouble.slowed.last()) {
            None => drawn,
            Some(factor) => ((drawn as f64 * factor) as u64).min(LATENCY_MAX),
        }
    }

    /// When a packet of `bytes` that is sent now arrives.
    #[inline]
    pub(crate) fn arrival(&mut self, now: u64, bytes: usize) -> u64 {
        let leaves = match self.nature.bandwidth {
            None => now,
            Some(bandwidth) => {
                let takes = (bytes as u64).saturating_mul(1_000_000) / bandwidth;
                self.busy_until = self.busy_until.max(now).saturating_add(takes);
                self.busy_until
            }
        };
        leaves.saturating_add(self.latency())
    }

    /// Whether a packet that arrives now is lost on the way.
    #[inline]
    pub(crate) fn loses(&mut self) -> bool {
        let loss = match &self.trouble {
            None => self.nature.loss,
            Some(trouble) if trouble.cuts > 0 => return true,
            Some(trouble) => trouble.lossy.last().map_or(0, |fraction| probability(*fraction)).max(self.nature.loss),
        };
        loss > 0 && chance(self.draw("loss"), loss)
    }

    /// Puts `event`, which arrives now, aside if the link is held.
    #[inline]
    pub(crate) fn holds(&mut self, event: Event) -> bool {
        match &mut self.trouble {
            Some(trouble) if trouble.holds > 0 => {
                trouble.held.push(event);
                true
            }
            _ => false,
        }
    }

    /// The faults on this link, to be changed.
    pub(crate) fn trouble_mut(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    /// Whether a datagram arrives twice.
    pub(crate) fn doubles(&mut self) -> bool {
        self.nature.duplication > 0 && chance(self.draw("duplication"), self.nature.duplication)
    }

    /// How many of `available` bytes a read returns: at least one.
    #[inline]
    pub(crate) fn read_size(&mut self, available: usize) -> usize {
        let short_reads = self.nature.short_reads;
        if available <= 1 || short_reads == 0 || !chance(self.draw("short read"), short_reads) {
            return available;
        }
        self.short_read(available)
    }

    /// Apart, because it is rare.
    #[cold]
    fn short_read(&mut self, available: usize) -> usize {
        1 + below(self.draw("read size"), u32::try_from(available - 1).unwrap_or(u32::MAX)) as usize
    }

    /// The time after which a sender that heard nothing sends again, for the `attempt`-th time (from 1).
    ///
    /// As Linux does: at least 200 ms, doubled each time, at most two minutes (RFC 6298).
    pub(crate) fn retransmission_delay(&self, attempt: u32) -> u64 {
        const FIRST_MIN: u64 = 200_000;
        const MAX: u64 = 120_000_000;
        let first = FIRST_MIN.max(4 * (self.nature.latency_min + u64::from(self.nature.latency_spread)));
        first.saturating_mul(1 << (attempt.saturating_sub(1)).min(20)).min(MAX)
    }
}

/// The longest that a packet travels, whatever slows it, in microseconds: a day. No real path holds one for longer
/// than minutes.
const LATENCY_MAX: u64 = 24 * 60 * 60 * 1_000_000;

/// How often a segment is sent again before its connection is given up, as Linux's `tcp_retries2`: with the
/// delays above, a quarter of an hour.
pub(crate) const RETRANSMISSIONS_MAX: u32 = 15;

/// How often the opening of a connection is tried again, as Linux's `tcp_syn_retries`: with the delays below it is given
/// up after 127 s.
pub(crate) const OPENING_RETRIES_MAX: u32 = 6;

/// The time after which an unanswered opening is tried again, for the `attempt`-th time (from 1): a second,
/// doubled each time.
pub(crate) fn opening_retry_delay(attempt: u32) -> u64 {
    1_000_000 << attempt.saturating_sub(1).min(10)
}

/// A link's number, in the order in which links were first used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkId(pub(crate) u32);
