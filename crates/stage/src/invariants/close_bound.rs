//! `close-bound`: a daemon that is told to end at once does so, whatever its control plane does.
//!
//! A daemon that was told to close (`daemon.told_to_close`) has ended (`daemon.stopped`) within its close time-out (J8)
//! and a second. Neither a network that is cut nor a job that does not heed a cancel is an excuse: all that it has to
//! do is to stop. A host that was suspended, or whose clock was touched, has all of that time before it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use groundhog_provisioner::CLOSE_TIMEOUT;

use super::{Bounds, Invariant, Violation, begins_anew, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct CloseBound {
    /// What a machine takes, at most, to act on a timer.
    machine: Duration,
    weather: Weather,
    /// By host: when its daemon was told to close, in which record.
    told: BTreeMap<String, (Duration, u64)>,
    /// Hosts whose daemon has ended: it has nothing more to do.
    ended: BTreeSet<String>,
}

impl CloseBound {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { machine: bounds.machine, weather: Weather::default(), told: BTreeMap::new(), ended: BTreeSet::new() }
    }

    fn look(&mut self, now: Duration) -> Option<Violation> {
        let late = |(host, (at, _)): &(&String, &(Duration, u64))| {
            self.weather.has_passed(CLOSE_TIMEOUT + self.machine, *at, self.weather.host_well_since(host), now)
        };
        let host = self.told.iter().find(late)?.0.clone();
        let (at, ordinal) = self.told.remove(&host)?;
        let message = format!("{host} was told to close at {}, and had not ended soon after", show_duration(at));
        Some(Violation { id: self.id(), message, ordinal })
    }
}

impl Invariant for CloseBound {
    fn id(&self) -> &'static str {
        "close-bound"
    }

    fn about(&self) -> &'static str {
        "a daemon that is told to close ends within its close time-out"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        if let Some(host) = begins_anew(record) {
            self.told.remove(host);
            self.ended.remove(host);
        }
        match record.event.as_str() {
            // Told twice, it has as long as the first time.
            "daemon.told_to_close" if !self.ended.contains(&record.host) => {
                self.told.entry(record.host.clone()).or_insert((record.at, record.ordinal));
            }
            "daemon.stopped" => {
                self.told.remove(&record.host);
                self.ended.insert(record.host.clone());
            }
            _ => {}
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

    fn new() -> CloseBound {
        CloseBound::new(&Bounds::default())
    }

    fn told() -> Log {
        Log::new().add(1, "prov-1", "daemon.told_to_close", &[])
    }

    #[test]
    fn kept() {
        assert_kept(new(), &told().add(2, "prov-1", "daemon.stopped", &[]).end(99));
        let host = [("host", "prov-1")];
        assert_kept(new(), &told().add(2, "-", "host.killed", &host).end(99));
        let suspended = told().add(1, "-", "host.suspended", &host).add(50, "-", "host.resumed", &host);
        assert_kept(new(), &suspended.add(51, "prov-1", "daemon.stopped", &[]).end(99));
        assert_kept(new(), &told().end(3));
        let ended = Log::new().add(0, "prov-1", "daemon.stopped", &[]);
        assert_kept(new(), &ended.add(1, "prov-1", "daemon.told_to_close", &[]).end(99));
    }

    #[test]
    fn broken_by_a_daemon_that_stays() {
        assert_broken(new(), &told().end(4), 0, &["prov-1", "1s"]);
        let twice = told().add(3, "prov-1", "daemon.told_to_close", &[]);
        assert_broken(new(), &twice.end(9), 0, &["prov-1"]);
        let late = told().add(9, "prov-1", "daemon.stopped", &[]);
        assert_broken(new(), &late, 0, &["prov-1"]);
        let again =
            Log::new().add(0, "prov-1", "daemon.stopped", &[]).add(0, "-", "host.started", &[("host", "prov-1")]);
        let told = again.add(1, "prov-1", "daemon.told_to_close", &[]);
        assert_broken(new(), &told.end(99), 2, &["prov-1"]);
    }
}
