//! `force-cancel`: a runner that was told to end does.
//!
//! From the instant in which a runner learns of a cancel (`runner.canceled`), whoever asked for it, the job may take
//! the force-cancel interval to end by itself; then it is ended by force, and its last log lines may take a while to
//! be handed over. So by the end of both its terminal message has been sent, or it has ended otherwise.
//!
//! All of this is one machine's business, so no network excuses anything; `cancel-bound` looks at what the control
//! plane sees of it. A host that was suspended, or whose clock was touched, may have all of it before it.

use std::{collections::BTreeMap, time::Duration};

use super::{Bounds, Invariant, Violation, begins_anew, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct ForceCancel {
    bounds: Bounds,
    weather: Weather,
    /// By host and job: when a cancel came, in which record.
    canceled: BTreeMap<(String, String), (Duration, u64)>,
}

/// More than a machine takes to act on a timer.
const SLACK: Duration = Duration::from_secs(5);

impl ForceCancel {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { bounds: bounds.clone(), weather: Weather::default(), canceled: BTreeMap::new() }
    }

    fn look(&mut self, now: Duration) -> Option<Violation> {
        let bound = self.bounds.force_cancel_interval.saturating_add(self.bounds.last_flush).saturating_add(SLACK);
        let late = |(runner, (at, _)): &(&(String, String), &(Duration, u64))| {
            self.weather.has_passed(bound, *at, self.weather.host_well_since(&runner.0), now)
        };
        let runner = self.canceled.iter().find(late)?.0.clone();
        let (at, ordinal) = self.canceled.remove(&runner)?;
        let ((host, job), at, now) = (runner, show_duration(at), show_duration(now));
        let message =
            format!("{host}'s runner of {job} learned of a cancel at {at}, and had not come to an end by {now}");
        Some(Violation { id: self.id(), message, ordinal })
    }
}

impl Invariant for ForceCancel {
    fn id(&self) -> &'static str {
        "force-cancel"
    }

    fn about(&self) -> &'static str {
        "a runner that learns of a cancel comes to its job's end within the force-cancel interval and the last flush"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        if let Some(host) = begins_anew(record) {
            self.canceled.retain(|(other, _), _| other != host);
            return violation;
        }
        if !record.event.starts_with("runner.") {
            return violation;
        }
        let Some(job) = record.field("job") else { return violation };
        let runner = (record.host.clone(), job.to_owned());
        match record.event.as_str() {
            // The first cancel counts; asking again does not put the bound off.
            "runner.canceled" => {
                self.canceled.entry(runner).or_insert((record.at, record.ordinal));
            }
            "runner.sent" if matches!(record.field("message"), Some("fail" | "complete")) => {
                self.canceled.remove(&runner);
            }
            "runner.ended" => {
                self.canceled.remove(&runner);
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

    const JOB: &[(&str, &str)] = &[("job", "job#1"), ("message", "fail")];
    const HOST: &[(&str, &str)] = &[("host", "prov-1")];
    /// 10 min, 2 min for the last lines, 5 s.
    const BOUND_S: u64 = 725;

    fn invariant() -> ForceCancel {
        ForceCancel::new(&Bounds::default())
    }

    fn canceled() -> Log {
        Log::new().add(100, "prov-1", "runner.canceled", JOB)
    }

    #[test]
    fn kept() {
        for end in ["runner.sent", "runner.ended"] {
            assert_kept(invariant(), &canceled().add(100 + BOUND_S, "prov-1", end, JOB).end(9_000));
        }
        assert_kept(invariant(), &canceled().end(100 + BOUND_S));
        assert_kept(invariant(), &canceled().add(200, "-", "host.killed", HOST).end(9_000));
        assert_kept(invariant(), &canceled().add(200, "-", "host.suspended", HOST).end(9_000));
        let resumed = canceled().add(200, "-", "host.suspended", HOST).add(300, "-", "host.resumed", HOST);
        assert_kept(invariant(), &resumed.end(300 + BOUND_S));
    }

    #[test]
    fn broken_by_a_job_that_runs_on() {
        assert_broken(invariant(), &canceled().end(101 + BOUND_S), 0, &["prov-1", "job#1", "1m40s"]);
        let path = [("from", "prov-1"), ("to", "control")];
        let cut = canceled().add(200, "-", "fault.cut", &path);
        assert_broken(invariant(), &cut.end(101 + BOUND_S), 0, &["job#1"]);
        let again = canceled().add(700, "prov-1", "runner.canceled", JOB);
        assert_broken(invariant(), &again.end(101 + BOUND_S), 0, &["job#1"]);
        let resumed = canceled().add(200, "-", "host.suspended", HOST).add(300, "-", "host.resumed", HOST);
        assert_broken(invariant(), &resumed.end(301 + BOUND_S), 0, &["job#1"]);
    }
}
