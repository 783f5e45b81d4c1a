//! Which way a connection goes: what is tried next, when a path is dead, when a better one is looked for, when there was
//! none for too long. A pure value: whoever has it does what [`Route::next`] says, and tells what came of it.

use std::time::Duration;

use groundhog_host::{Address, Backoff, Instant, Random};

/// How long a direct path may take, from the first packet to the agent's welcome: above two retransmissions of a packet
/// that was lost.
const DIRECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The same over a relay, which has to find the agent first.
const RELAY_TIMEOUT: Duration = Duration::from_secs(10);
/// The waits after a round in which nothing worked.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// A path that has lived so long makes the waits begin anew: one that breaks at once, again and again, must not.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// How often the agent is asked for a sign of life.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// After how long without one a path is dead: three pings (F33).
const DEAD_AFTER: Duration = Duration::from_secs(15);
/// How often a direct path is tried while there is one over a relay.
const UPGRADE_INTERVAL: Duration = Duration::from_secs(30);
/// After how long without any path a connection is lost, or a dial has failed.
pub(super) const WITHOUT_PATH_MAX: Duration = Duration::from_secs(60);
/// How many of an agent's endpoints are tried. Agents tell one; this bounds what a round can take.
pub(super) const ENDPOINTS_MAX: usize = 8;

/// How often an agent that does not know this end is asked again before another way is tried: for a second or two, in
/// which it hears of it. Longer, and the address may be another agent's by now.
const NOT_LET_IN_MAX: u32 = 5;

/// A way to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Straight, to this address.
    Direct(Address),
    /// Over the relay of this number.
    Relay(u32),
}

/// Where the agent is, as far as it has told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The best first.
    pub(super) endpoints: Vec<Address>,
    /// The relay that it listens at; 0 for none.
    pub(super) relay: u32,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To try this way, for so long; and to tell whether it is [`up`](Route::up) or has [`failed`](Route::failed).
    Try {
        /// Which.
        way: Way,
        /// For how long.
        within: Duration,
    },
    /// To wait until then, or until something happens.
    Wait {
        /// Until when.
        until: Instant,
    },
    /// To ask for a sign of life.
    Ping,
    /// To leave the path: nothing was heard on it for too long.
    Leave,
    /// To give up: there was no path for too long.
    GiveUp,
}

/// Where the search for a path stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// There is none: the way of this number is tried next.
    Looking { next: usize },
    /// Nothing worked; it is tried again then.
    Waiting { until: Instant },
    /// There is one.
    Up(Up),
}

/// A path that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Up {
    way: Way,
    since: Instant,
    heard_at: Instant,
    ping_at: Instant,
    upgrade: Upgrade,
}

/// Where the search for a better path stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Upgrade {
    /// There is none that is better, as far as is known.
    None,
    /// It is looked for then.
    At(Instant),
    /// The endpoint of this number is tried next.
    Trying { next: usize },
}

/// The way of a connection.
#[derive(Clone, Debug)]
pub(super) struct Route {
    place: Place,
    phase: Phase,
    backoff: Backoff,
    /// Since when there has been no path, when there is none.
    without_since: Instant,
    /// How often the agent has said that it does not know this end.
    not_let_in: u32,
}

impl Route {
    /// No way yet, to an agent that has not told where it is.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            place: Place::default(),
            phase: Phase::Looking { next: 0 },
            backoff: BACKOFF,
            without_since: now,
            not_let_in: 0,
        }
    }

    /// What is to be done now.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        let give_up_at = self.without_since + WITHOUT_PATH_MAX;
        let without = !matches!(self.phase, Phase::Up(_));
        if without && now >= give_up_at {
            return Next::GiveUp;
        }
        if let Phase::Waiting { until } = self.phase
            && now >= until
        {
            self.phase = Phase::Looking { next: 0 };
        }
        let direct = |index: usize| {
            let endpoint = self.place.endpoints.get(index)?;
            Some(Next::Try { way: Way::Direct(endpoint.clone()), within: DIRECT_TIMEOUT })
        };
        match &mut self.phase {
            Phase::Looking { next } => {
                let relay = Next::Try { way: Way::Relay(self.place.relay), within: RELAY_TIMEOUT };
                let is_relay = *next == self.place.endpoints.len() && self.place.relay != 0;
                direct(*next).or(is_relay.then_some(relay)).unwrap_or(Next::Wait { until: give_up_at })
            }
            Phase::Waiting { until } => Next::Wait { until: (*until).min(give_up_at) },
            Phase::Up(up) => {
                let dead_at = up.heard_at + DEAD_AFTER;
                if now >= dead_at {
                    return Next::Leave;
                }
                if now >= up.ping_at {
                    up.ping_at = now + PING_INTERVAL;
                    return Next::Ping;
                }
                let mut until = dead_at.min(up.ping_at);
                if let Upgrade::At(at) = up.upgrade {
                    if now >= at {
                        up.upgrade = Upgrade::Trying { next: 0 };
                    } else {
                        until = until.min(at);
                    }
                }
                match up.upgrade {
                    Upgrade::Trying { next } => direct(next).unwrap_or(Next::Wait { until }),
                    Upgrade::None | Upgrade::At(_) => Next::Wait { until },
                }
            }
        }
    }

    /// The agent tells where it is. What is new is tried at once.
    pub(super) fn place(&mut self, mut place: Place, now: Instant) {
        place.endpoints.truncate(ENDPOINTS_MAX);
        if place == self.place {
            return;
        }
        let has_other_endpoints = place.endpoints != self.place.endpoints;
        self.place = place;
        let relay = self.place.endpoints.len();
        match &mut self.phase {
            // Endpoints that did not work a moment ago are not tried again first.
            Phase::Looking { next } if !has_other_endpoints && *next < relay => {}
            Phase::Looking { .. } | Phase::Waiting { .. } => {
                let only_relay = !has_other_endpoints && self.place.relay != 0;
                self.phase = Phase::Looking { next: if only_relay { relay } else { 0 } };
                self.backoff.reset();
            }
            Phase::Up(Up { way: Way::Relay(_), upgrade, .. }) if has_other_endpoints => {
                *upgrade = if self.place.endpoints.is_empty() { Upgrade::None } else { Upgrade::At(now) };
            }
            Phase::Up(_) => {}
        }
    }

    /// A way that was tried works.
    pub(super) fn up(&mut self, way: Way, now: Instant) {
        let upgrade = match way {
            Way::Relay(_) if !self.place.endpoints.is_empty() => Upgrade::At(now + UPGRADE_INTERVAL),
            Way::Relay(_) | Way::Direct(_) => Upgrade::None,
        };
        self.not_let_in = 0;
        self.phase = Phase::Up(Up { way, since: now, heard_at: now, ping_at: now + PING_INTERVAL, upgrade });
    }

    /// A way that was tried does not work. The path that there is, if there is one, stays.
    pub(super) fn failed(&mut self, now: Instant, random: &mut Random) {
        match &mut self.phase {
            Phase::Looking { next } => {
                *next += 1;
                let ways = self.place.endpoints.len() + usize::from(self.place.relay != 0);
                if *next >= ways {
                    self.wait(now, random);
                }
            }
            Phase::Up(Up { upgrade, .. }) => {
                if let Upgrade::Trying { next } = upgrade {
                    *next += 1;
                    if *next >= self.place.endpoints.len() {
                        *upgrade = Upgrade::At(now + UPGRADE_INTERVAL);
                    }
                }
            }
            Phase::Waiting { .. } => {}
        }
    }

    /// The agent does not know this end. It may not have heard of it yet, so the same way is tried again a few times:
    /// another one would lead to the same agent.
    pub(super) fn not_let_in(&mut self, now: Instant, random: &mut Random) {
        let is_looking = matches!(self.phase, Phase::Looking { .. });
        if is_looking && self.not_let_in < NOT_LET_IN_MAX {
            self.not_let_in += 1;
            self.wait(now, random);
        } else {
            self.failed(now, random);
        }
    }

    /// Something was heard on the path.
    pub(super) fn heard(&mut self, at: Instant) {
        if let Phase::Up(up) = &mut self.phase {
            up.heard_at = up.heard_at.max(at);
        }
    }

    /// The path broke, or was left.
    pub(super) fn broke(&mut self, now: Instant, random: &mut Random) {
        let Phase::Up(up) = &self.phase else { return };
        self.without_since = now;
        if now - up.since >= GOOD_AFTER {
            self.backoff.reset();
            self.phase = Phase::Looking { next: 0 };
        } else {
            self.wait(now, random);
        }
    }

    fn wait(&mut self, now: Instant, random: &mut Random) {
        self.phase = Phase::Waiting { until: now + self.backoff.next_wait_drawn(random) };
    }
}

#[cfg(test)]
mod tests;
