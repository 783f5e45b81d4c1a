//! The paths between hosts: what is wrong with them, and what turmoil is told of it.

use std::{collections::BTreeMap, time::Duration};

use groundhog_sim::LinkConfig;
use turmoil::Sim;

use super::network::Reach;

/// What turmoil does with the messages between two hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Free,
    /// They wait, and arrive all at once. What a cut is, too: turmoil never sends again what it has lost, so a stream that
    /// has lost something is dead for ever, and says so to nobody; one that had to wait goes on, as over real TCP.
    Held,
    /// They are lost: one of the two is without power, and no stream outlives that.
    Lost,
}

/// The shortest and the longest time that a message takes.
pub(crate) type Latency = (Duration, Duration);

/// A path between two hosts. To turmoil it is the same there and back.
#[derive(Debug, Default)]
struct Path {
    /// How many faults hold its messages.
    holds: u32,
    /// By how much each fault that slows it does so, most recent last.
    slowed: Vec<f64>,
    /// Its own behaviour, and whether it was given both ways.
    own: Option<(LinkConfig, Given)>,
    flow: Flow,
}

/// Which ways of a path were given a behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    /// Only from the first name to the second, in the order of names, or only back.
    OneWay {
        back: bool,
    },
    BothWays,
}

/// All paths of a run.
#[derive(Debug)]
pub(crate) struct Paths {
    usual: Latency,
    /// By the two names, in order.
    all: BTreeMap<(String, String), Path>,
}

/// A message that arrives in the tick in which it was sent could arrive before it was sent.
const LATENCY_MIN: Duration = Duration::from_millis(1);

/// The latency of a path that behaves so.
pub(crate) fn latency(config: &LinkConfig) -> Latency {
    let min = config.latency_min.max(LATENCY_MIN);
    (min, config.latency_max.max(min))
}

fn key(first: &str, second: &str) -> (String, String) {
    let (low, high) = (first.min(second), first.max(second));
    (low.to_owned(), high.to_owned())
}

impl Paths {
    pub(crate) fn new(usual: &LinkConfig) -> Self {
        Self { usual: latency(usual), all: BTreeMap::new() }
    }

    fn path(&mut self, first: &str, second: &str) -> &mut Path {
        self.all.entry(key(first, second)).or_default()
    }

    /// Gives the path from one host to another its own behaviour. False if the way back was given another one.
    pub(crate) fn configure(&mut self, sim: &Sim<'_>, from: &str, to: &str, config: &LinkConfig) -> bool {
        if from == to {
            return true;
        }
        let back = from > to;
        let path = self.path(from, to);
        let given = match &path.own {
            Some((own, Given::OneWay { back: other })) if *other != back => {
                if own != config {
                    return false;
                }
                Given::BothWays
            }
            Some((own, Given::BothWays)) if own == config => Given::BothWays,
            _ => Given::OneWay { back },
        };
        path.own = Some((config.clone(), given));
        self.set_latency(sim, from, to);
        true
    }

    /// A path that was given a behaviour one way only, if there is one.
    pub(crate) fn lopsided(&self) -> Option<(&str, &str)> {
        let lopsided = self.all.iter().find_map(|((low, high), path)| match path.own {
            Some((_, Given::OneWay { back })) => Some((low, high, back)),
            _ => None,
        });
        lopsided
            .map(|(low, high, back)| if back { (high.as_str(), low.as_str()) } else { (low.as_str(), high.as_str()) })
    }

    /// A fault that slows a path begins or ends.
    pub(crate) fn slow(&mut self, sim: &Sim<'_>, from: &str, to: &str, factor: f64, begins: bool) {
        let slowed = &mut self.path(from, to).slowed;
        if begins {
            slowed.push(factor);
        } else if let Some(index) = slowed.iter().rposition(|one| *one == factor) {
            slowed.remove(index);
        }
        self.set_latency(sim, from, to);
    }

    fn set_latency(&mut self, sim: &Sim<'_>, from: &str, to: &str) {
        // A host's path to itself is no link of turmoil's, and nothing can be done to it.
        if from == to {
            return;
        }
        let usual = self.usual;
        let path = self.path(from, to);
        let (min, max) = path.own.as_ref().map_or(usual, |(own, _)| latency(own));
        let factor = path.slowed.last().copied().unwrap_or(1.0);
        let slowed =
            |latency: Duration| Duration::try_from_secs_f64(latency.as_secs_f64() * factor).unwrap_or(Duration::MAX);
        let (min, max) = (slowed(min).max(LATENCY_MIN), slowed(max).max(LATENCY_MIN));
        // The first call sets both.
        sim.set_link_latency(from, to, min);
        sim.set_link_max_message_latency(from, to, max);
    }

    /// A fault that holds a path's messages begins or ends. `reach` tells what becomes of a host's messages.
    pub(crate) fn hold(&mut self, sim: &Sim<'_>, from: &str, to: &str, begins: bool, reach: impl Fn(&str) -> Reach) {
        let path = self.path(from, to);
        path.holds = if begins { path.holds + 1 } else { path.holds.saturating_sub(1) };
        self.refresh(sim, from, to, &reach);
    }

    /// What becomes of messages to and from `host` has changed.
    pub(crate) fn reach_changed<'a>(
        &mut self,
        sim: &Sim<'_>,
        host: &str,
        others: impl Iterator<Item = &'a str>,
        reach: impl Fn(&str) -> Reach,
    ) {
        others.filter(|other| *other != host).for_each(|other| self.refresh(sim, host, other, &reach));
    }

    /// Tells turmoil what has changed.
    fn refresh(&mut self, sim: &Sim<'_>, from: &str, to: &str, reach: &impl Fn(&str) -> Reach) {
        if from == to {
            return;
        }
        let path = self.path(from, to);
        let flow = match reach(from).max(reach(to)) {
            Reach::Dark => Flow::Lost,
            Reach::Awake if path.holds == 0 => Flow::Free,
            Reach::Awake | Reach::Asleep => Flow::Held,
        };
        match (std::mem::replace(&mut path.flow, flow), flow) {
            (before, after) if before == after => {}
            (_, Flow::Lost) => sim.partition(from, to),
            (_, Flow::Held) => sim.hold(from, to),
            (Flow::Held, Flow::Free) => sim.release(from, to),
            (_, Flow::Free) => sim.repair(from, to),
        }
    }
}
