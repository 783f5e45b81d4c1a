//! `reaped-for-cause`: nobody is given up who could have spoken.
//!
//! A worker tells every few seconds that it lives, whatever its job does. So a running job that the reaper takes for
//! hung must have had trouble: its worker, the control plane, or the path between them was not well at some time
//! after the worker was last heard of. Nothing is said where the network itself is not sound, nor where the clocks of
//! the control plane's replicas have been so far apart that what is fresh to one is stale to another.

use std::{collections::BTreeMap, time::Duration};

use super::{Bounds, Invariant, Violation, is_terminal, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct ReapedForCause {
    bounds: Bounds,
    weather: Weather,
    running: BTreeMap<String, Sign>,
}

/// The last that was heard of a job.
struct Sign {
    /// When it was said, as far as the log tells: a worker can die while its word is on the way.
    at: Duration,
    worker: String,
    /// When the worker last said something.
    said: Duration,
}

impl ReapedForCause {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { bounds: bounds.clone(), weather: Weather::default(), running: BTreeMap::new() }
    }

    fn reaped(&self, job: &str, record: &Record) -> Option<Violation> {
        let sign = self.running.get(job).filter(|_| self.bounds.network_is_sound)?;
        let Bounds { update_interval, slack, hung_after, .. } = self.bounds;
        let heard = update_interval.saturating_mul(2).saturating_add(slack);
        let apart = self.bounds.clocks_apart(&self.weather, record.at);
        if !apart.is_zero() && apart.saturating_add(heard) >= hung_after {
            return None;
        }
        let well_since = self.weather.well_with_control_since(&sign.worker)?;
        (well_since <= sign.at).then(|| Violation {
            id: self.id(),
            message: format!(
                "{job} was taken for hung although {}, last heard of at {}, was well and could reach the control plane",
                sign.worker,
                show_duration(sign.at),
            ),
            ordinal: record.ordinal,
        })
    }
}

impl Invariant for ReapedForCause {
    fn id(&self) -> &'static str {
        "reaped-for-cause"
    }

    fn about(&self) -> &'static str {
        "a running job is taken for hung only if its worker, the control plane or the path between them was in trouble"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        self.weather.observe(record);
        let job = record.field("job")?;
        match record.event.as_str() {
            "job.acquired" => {
                let worker = record.field("worker").unwrap_or_default().to_owned();
                self.running.insert(job.to_owned(), Sign { at: record.at, worker, said: record.at });
            }
            "runner.sent" => {
                if let Some(sign) = self.running.get_mut(job).filter(|sign| sign.worker == record.host) {
                    sign.said = record.at;
                }
            }
            "job.updated" => {
                if let Some(sign) = self.running.get_mut(job) {
                    sign.at = sign.said;
                }
            }
            "job.reaped" => return self.reaped(job, record),
            event if event == "job.returned" || is_terminal(event) => {
                self.running.remove(job);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const JOB: &[(&str, &str)] = &[("job", "job#1"), ("worker", "prov-1")];
    const PATH: &[(&str, &str)] = &[("from", "prov-1"), ("to", "control"), ("ways", "both")];

    fn invariant() -> ReapedForCause {
        ReapedForCause::new(&Bounds::default())
    }

    fn heard_of_at_100() -> Log {
        Log::new().add(1, "control", "job.acquired", JOB).add(100, "control", "job.updated", JOB)
    }

    fn reaped(log: Log) -> Log {
        log.add(450, "control", "job.reaped", JOB)
    }

    #[test]
    fn broken_when_all_was_well() {
        assert_broken(invariant(), &reaped(heard_of_at_100()), 2, &["job#1", "prov-1"]);
        let long_ago = Log::new().add(0, "-", "fault.cut", PATH).add(50, "-", "fault.cut_healed", PATH);
        let log = reaped(long_ago.add(60, "control", "job.acquired", JOB).add(100, "control", "job.updated", JOB));
        assert_broken(invariant(), &log, 4, &["job#1"]);
    }

    #[test]
    fn kept_when_there_was_trouble() {
        assert_kept(invariant(), &reaped(heard_of_at_100().add(101, "-", "host.killed", &[("host", "prov-1")])));
        let cut = heard_of_at_100().add(101, "-", "fault.cut", PATH);
        assert_kept(invariant(), &reaped(cut.add(102, "-", "fault.cut_healed", PATH)));
        let stopped = heard_of_at_100().add(101, "prov-1", "daemon.stopped", &[("reason", "closed")]);
        assert_kept(invariant(), &reaped(stopped));
        // Its word was on the way when it died.
        let on_the_way = Log::new()
            .add(1, "control", "job.acquired", JOB)
            .add(98, "prov-1", "runner.sent", JOB)
            .add(99, "-", "host.power_lost", &[("host", "prov-1")])
            .add(99, "-", "host.started", &[("host", "prov-1")])
            .add(100, "control", "job.updated", JOB);
        assert_kept(invariant(), &reaped(on_the_way));
        let unsound = Bounds { network_is_sound: false, ..Bounds::default() };
        assert_kept(ReapedForCause::new(&unsound), &reaped(heard_of_at_100()));
    }
}
