//! `agent-returns`: an agent that can reach the control plane is connected to it.
//!
//! From its beginning, or from the loss of a connection, an agent has the longest wait of its back-off and the time
//! of a connection's making; anew from the last trouble with its machine, the control plane or the path between them.
//! Many agents that come at once share a database, so each of the story's agents adds a little. Nothing is promised
//! while there is trouble, or where the network itself is not sound.
//!
//! An agent that the control plane does not let in, because it does not know its token yet or any more, goes on
//! trying: it counts from the last refusal. One that was told to close need not come back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Bounds, Invariant, Violation, begins_anew, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// What an agent is told that is not let in for its token's sake.
const REFUSALS: [&str; 2] = ["unknown agent token", "build is outdated"];

/// Whether this is told by an agent that was not let in.
pub(crate) fn is_refused(record: &Record) -> bool {
    let error = record.field("error").unwrap_or_default();
    record.event == "agent.try_failed" && REFUSALS.iter().any(|refusal| error.contains(refusal))
}

/// See the module.
pub(super) struct AgentReturns {
    bounds: Bounds,
    weather: Weather,
    /// By machine with an agent that is not connected: since when, or since the last refusal, by which record.
    away: BTreeMap<String, (Duration, u64)>,
    /// When each of these is next looked at.
    looks: BTreeSet<(Duration, String)>,
}

impl AgentReturns {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let bounds = bounds.clone();
        Self { bounds, weather: Weather::default(), away: BTreeMap::new(), looks: BTreeSet::new() }
    }

    fn goes_away(&mut self, record: &Record) {
        self.away.insert(record.host.clone(), (record.at, record.ordinal));
        self.looks.insert((record.at.saturating_add(self.bounds.agent_returns), record.host.clone()));
    }

    fn look(&mut self, now: Duration) -> Option<Violation> {
        if !self.bounds.network_is_sound {
            return None;
        }
        let bound = self.bounds.agent_returns;
        while let Some((at, machine)) = self.looks.pop_first() {
            if at >= now {
                self.looks.insert((at, machine));
                return None;
            }
            let Some((since, ordinal)) = self.away.get(&machine).copied() else { continue };
            let well_since = self.weather.well_with_control_since(&machine);
            if self.weather.has_passed(bound, since, well_since, now) {
                self.away.remove(&machine);
                let message = format!(
                    "the agent on {machine} has not been connected since {}, although all has been well since {}",
                    show_duration(since),
                    show_duration(well_since.unwrap_or_default()),
                );
                return Some(Violation { id: self.id(), message, ordinal });
            }
            // Looked at again when it may have passed; while there is trouble, after as long as it would take then.
            let from = well_since.map_or(now, |well_since| well_since.max(since));
            let again = from.saturating_add(self.weather.stretched(bound)).max(now);
            self.looks.insert((again, machine));
        }
        None
    }
}

impl Invariant for AgentReturns {
    fn id(&self) -> &'static str {
        "agent-returns"
    }

    fn about(&self) -> &'static str {
        "an agent that can reach the control plane is connected to it within the longest back-off and a handshake"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        match record.event.as_str() {
            "agent.started" | "agent.disconnected" => self.goes_away(record),
            _ if is_refused(record) && self.away.contains_key(&record.host) => self.goes_away(record),
            "agent.connected" | "agent.closing" | "agent.closed" | "agent.reinitializing" => {
                self.away.remove(&record.host);
            }
            _ => {
                if let Some(machine) = begins_anew(record) {
                    self.away.remove(machine);
                }
            }
        }
        violation
    }

    fn finish(&mut self, end: Duration) -> Option<Violation> {
        self.look(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const MACHINE: &str = "dev.main";

    /// Longer than the bound.
    const LONG: u64 = 600;

    fn invariant() -> AgentReturns {
        AgentReturns::new(&Bounds::default())
    }

    fn started() -> Log {
        Log::new().add(1, MACHINE, "agent.started", &[("process", "process#1")])
    }

    fn connected(log: Log, at: u64) -> Log {
        log.add(at, MACHINE, "agent.connected", &[("agent", "agent#1")])
    }

    #[test]
    fn an_agent_comes_and_comes_back() {
        assert_broken(invariant(), &started().end(LONG), 0, &[MACHINE, "since 1s"]);
        assert_kept(invariant(), &connected(started(), 5).end(LONG));
        let log = connected(started(), 5).add(100, MACHINE, "agent.disconnected", &[("error", "reset")]);
        assert_broken(invariant(), &log.end(100 + LONG), 2, &[MACHINE, "since 1m40s"]);
        let log = connected(started(), 5).add(100, MACHINE, "agent.disconnected", &[("error", "reset")]);
        assert_kept(invariant(), &connected(log, 110).end(LONG));
    }

    #[test]
    fn trouble_gives_it_all_of_its_time_again() {
        let path = [("from", MACHINE), ("to", "control")];
        let cut = started().add(2, "-", "fault.cut", &path);
        assert_kept(invariant(), &cut.end(LONG));
        let healed = || started().add(2, "-", "fault.cut", &path).add(LONG, "-", "fault.cut_healed", &path);
        assert_kept(invariant(), &healed().end(LONG + 10));
        assert_broken(invariant(), &healed().end(2 * LONG), 0, &[MACHINE, "since 10m"]);
        let down = started().add(2, "-", "host.killed", &[("host", "control")]);
        assert_kept(invariant(), &down.end(LONG));
        let asleep = started().add(2, "-", "host.suspended", &[("host", MACHINE)]);
        assert_kept(invariant(), &asleep.end(LONG));
    }

    #[test]
    fn an_agent_that_has_gone_or_is_not_let_in_owes_nothing() {
        let closing = started().add(5, MACHINE, "agent.closing", &[("process", "process#1")]);
        assert_kept(invariant(), &closing.end(LONG));
        let crashed = started().add(5, "-", "host.killed", &[("host", MACHINE)]);
        assert_kept(invariant(), &crashed.end(LONG));
        let deleted = started().add(5, "-", "host.removed", &[("host", MACHINE)]);
        assert_kept(invariant(), &deleted.end(LONG));
        let refused = [("error", "unauthenticated: unknown agent token"), ("wait_ms", "10000")];
        let kept_out = (1..60).fold(started(), |log, n| log.add(n * 10, MACHINE, "agent.try_failed", &refused));
        assert_kept(invariant(), &kept_out.end(LONG));
        let gives_up = started().add(10, MACHINE, "agent.try_failed", &refused).end(LONG);
        assert_broken(invariant(), &gives_up, 1, &[MACHINE, "since 10s"]);
        let fails = [("error", "no answer"), ("wait_ms", "10000")];
        let in_vain = (1..60).fold(started(), |log, n| log.add(n * 10, MACHINE, "agent.try_failed", &fails));
        assert_broken(invariant(), &in_vain.end(LONG), 0, &[MACHINE, "since 1s"]);
    }
}
