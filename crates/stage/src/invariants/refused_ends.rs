//! `refused-ends`: a daemon that is not wanted does not sit there for ever.
//!
//! A daemon whose question for a job was refused for good (`rpc.refused` of `AcquireJob`) must have ended soon. It may
//! not have heard the refusal: then its connection is broken, and it asks again and is refused again. So it counts
//! from the last refusal, and anew from the last trouble with the daemon, the control plane or the path between them;
//! nothing is promised while that lasts, or where the network itself is not sound.
//!
//! A call that breaks before its first word has come reads as one without a want, and is refused as that. What a
//! daemon asks for does not change, so one that has ever waited (`daemon.waits`) has not been meant, unless its key was
//! taken back. Then what it has begun comes to its end first, so nothing counts while it has a job.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{Bounds, Invariant, Violation, is_terminal, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct RefusedEnds {
    bounds: Bounds,
    weather: Weather,
    /// By daemon: the last refusal, in which record.
    refused: BTreeMap<String, (Duration, u64)>,
    /// Daemons that have waited for a job.
    welcome: BTreeSet<String>,
    /// By job that has not ended: whose it is.
    jobs: BTreeMap<String, String>,
}

/// What a daemon is told whose key was taken back.
const KEY_DELETED: &str = "provisioner key was deleted";

impl RefusedEnds {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            bounds: bounds.clone(),
            weather: Weather::default(),
            refused: BTreeMap::new(),
            welcome: BTreeSet::new(),
            jobs: BTreeMap::new(),
        }
    }

    fn look(&mut self, now: Duration) -> Option<Violation> {
        if !self.bounds.network_is_sound {
            return None;
        }
        // Time for a connection to be found broken, and time to ask again.
        let bound = self.bounds.slack.saturating_mul(2);
        let late = |(daemon, (at, _)): &(&String, &(Duration, u64))| {
            if self.jobs.values().any(|worker| worker == *daemon) {
                return false;
            }
            self.weather.has_passed(bound, *at, self.weather.well_with_control_since(daemon), now)
        };
        let daemon = self.refused.iter().find(late)?.0.clone();
        let (at, ordinal) = self.refused.remove(&daemon)?;
        let message =
            format!("{daemon} was refused at {}, and had not ended by {}", show_duration(at), show_duration(now));
        Some(Violation { id: self.id(), message, ordinal })
    }
}

impl Invariant for RefusedEnds {
    fn id(&self) -> &'static str {
        "refused-ends"
    }

    fn about(&self) -> &'static str {
        "a daemon whose question for a job is refused for good ends"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        match record.event.as_str() {
            "rpc.refused" if record.field("method") == Some("AcquireJob") => {
                // A caller without a name is nobody who could be watched.
                let key_deleted = record.field("reason") == Some(KEY_DELETED);
                let named = |caller: &&str| !caller.is_empty() && (key_deleted || !self.welcome.contains(*caller));
                if let Some(daemon) = record.field("caller").filter(named) {
                    self.refused.insert(daemon.to_owned(), (record.at, record.ordinal));
                }
            }
            "daemon.waits" => {
                if let Some(daemon) = record.field("worker") {
                    self.refused.remove(daemon);
                    self.welcome.insert(daemon.to_owned());
                }
            }
            "daemon.stopped" => {
                self.refused.remove(&record.host);
            }
            "job.acquired" => {
                if let (Some(job), Some(worker)) = (record.field("job"), record.field("worker")) {
                    self.jobs.insert(job.to_owned(), worker.to_owned());
                }
            }
            event if event == "job.returned" || is_terminal(event) => {
                let worker = record.field("job").and_then(|job| self.jobs.remove(job));
                // It has all of its time once its last job is over.
                if let Some((at, _)) = worker.and_then(|worker| self.refused.get_mut(&worker)) {
                    *at = record.at;
                }
            }
            "host.killed" | "host.power_lost" => {
                if let Some(host) = record.field("host") {
                    self.refused.remove(host);
                }
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

    const BOUND_S: u64 = 120;

    fn invariant() -> RefusedEnds {
        RefusedEnds::new(&Bounds::default())
    }

    fn refused() -> Log {
        Log::new().add(1, "control", "rpc.refused", &[("method", "AcquireJob"), ("caller", "prov-1")])
    }

    #[test]
    fn kept() {
        assert_kept(invariant(), &refused().add(2, "prov-1", "daemon.stopped", &[]).end(9_000));
        assert_kept(invariant(), &refused().add(2, "-", "host.killed", &[("host", "prov-1")]).end(9_000));
        assert_kept(invariant(), &refused().end(1 + BOUND_S));
        let path = [("from", "control"), ("to", "prov-1")];
        let cut = refused().add(2, "-", "fault.cut", &path);
        assert_kept(invariant(), &cut.add(900, "-", "fault.cut_healed", &path).end(900 + BOUND_S));
        for (method, caller) in [("UpdateJob", "prov-1"), ("AcquireJob", "")] {
            let log = Log::new().add(1, "control", "rpc.refused", &[("method", method), ("caller", caller)]);
            assert_kept(invariant(), &log.end(9_000));
        }
        let waits = [("worker", "prov-1")];
        assert_kept(invariant(), &refused().add(2, "control", "daemon.waits", &waits).end(9_000));
        let unsound = Bounds { network_is_sound: false, ..Bounds::default() };
        assert_kept(RefusedEnds::new(&unsound), &refused().end(9_000));
    }

    fn key_deleted() -> Log {
        let job = [("job", "job#1"), ("worker", "prov-1")];
        let log = Log::new().add(0, "control", "daemon.waits", &job).add(1, "control", "job.acquired", &job);
        let fields = [("method", "AcquireJob"), ("caller", "prov-1"), ("reason", KEY_DELETED)];
        log.add(2, "control", "rpc.refused", &fields)
    }

    #[test]
    fn a_daemon_whose_key_is_gone_ends_after_its_last_job() {
        assert_kept(invariant(), &key_deleted().end(9_000));
        let ended = || key_deleted().add(500, "control", "job.completed", &[("job", "job#1")]);
        assert_kept(invariant(), &ended().end(500 + BOUND_S));
        assert_broken(invariant(), &ended().end(501 + BOUND_S), 2, &["prov-1"]);
    }

    #[test]
    fn broken_by_a_daemon_that_stays() {
        assert_broken(invariant(), &refused().end(2 + BOUND_S), 0, &["prov-1"]);
        let other = refused().add(2, "prov-2", "daemon.stopped", &[]);
        assert_broken(invariant(), &other.end(2 + BOUND_S), 0, &["prov-1"]);
    }
}
