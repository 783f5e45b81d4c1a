//! `log-prompt`: log lines do not pile up while they could be sent.
//!
//! A line waits no longer than the longest age of waiting lines, unless a call is under way: one try of that has a
//! time-out, and the next one, which comes after the longest back-off, takes along what waits. So when lines are sent
//! (`runner.logs_sent`), the first of them has not waited longer than all of these, counted from when lines were sent
//! before if that is later: what did not fit into that batch had to wait for its answer.
//!
//! All of this is one machine's business, so no network excuses anything. A host that was suspended, or whose clock
//! was touched, has all of that time before it.

use std::{collections::BTreeMap, time::Duration};

use groundhog_provisioner::RunnerConfig;

use super::{Invariant, Violation, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct LogPrompt {
    bound: Duration,
    weather: Weather,
    /// By host and job: when lines were last sent.
    sent: BTreeMap<(String, String), Duration>,
}

/// More than a machine takes to act on a timer.
const SLACK: Duration = Duration::from_secs(5);

impl LogPrompt {
    pub(super) fn new() -> Self {
        let RunnerConfig { log_age_max, update_timeout, retry_wait_max, .. } = RunnerConfig::default();
        let bound = log_age_max + update_timeout + retry_wait_max + SLACK;
        Self { bound, weather: Weather::default(), sent: BTreeMap::new() }
    }

    fn sent(&mut self, record: &Record) -> Option<Violation> {
        let job = record.field("job")?;
        let waited = Duration::from_millis(record.field("waited_ms")?.parse().ok()?);
        let before = self.sent.insert((record.host.clone(), job.to_owned()), record.at).unwrap_or_default();
        let well_since = self.weather.host_well_since(&record.host)?;
        let written = record.at.saturating_sub(waited);
        let bound = self.weather.stretched(self.bound);
        (written.max(before).max(well_since).saturating_add(bound) < record.at).then(|| Violation {
            id: self.id(),
            message: format!(
                "{}'s runner of {job} let line {} wait for {} while it could have sent it",
                record.host,
                record.field("first").unwrap_or_default(),
                show_duration(waited),
            ),
            ordinal: record.ordinal,
        })
    }
}

impl Invariant for LogPrompt {
    fn id(&self) -> &'static str {
        "log-prompt"
    }

    fn about(&self) -> &'static str {
        "a job's log lines are sent soon after they were written, however steadily they come"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        self.weather.observe(record);
        match record.event.as_str() {
            "runner.logs_sent" => return self.sent(record),
            "runner.started" => {
                if let Some(job) = record.field("job") {
                    self.sent.remove(&(record.host.clone(), job.to_owned()));
                }
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

    const HOST: &[(&str, &str)] = &[("host", "prov-1")];

    fn sent(log: Log, at_s: u64, waited_ms: &'static str) -> Log {
        let fields = [("job", "job#1"), ("first", "7"), ("last", "9"), ("waited_ms", waited_ms)];
        log.add(at_s, "prov-1", "runner.logs_sent", &fields)
    }

    #[test]
    fn kept() {
        assert_kept(LogPrompt::new(), &sent(Log::new(), 100, "45000"));
        // It was sent before, and there was no answer; or there was no room for it.
        assert_kept(LogPrompt::new(), &sent(sent(Log::new(), 60, "5000"), 100, "45001"));
        let suspended = Log::new().add(50, "-", "host.suspended", HOST).add(90, "-", "host.resumed", HOST);
        assert_kept(LogPrompt::new(), &sent(suspended, 100, "60000"));
        let stepped = Log::new().add(99, "-", "fault.clock_stepped", &[("host", "prov-1"), ("by", "300")]);
        assert_kept(LogPrompt::new(), &sent(stepped, 100, "300100"));
    }

    #[test]
    fn broken_by_a_line_that_waits() {
        assert_broken(LogPrompt::new(), &sent(Log::new(), 100, "45001"), 0, &["prov-1", "job#1", "line 7"]);
        let log = sent(sent(Log::new(), 20, "5000"), 100, "70000");
        assert_broken(LogPrompt::new(), &log, 1, &["job#1"]);
        let path = [("from", "prov-1"), ("to", "control")];
        let cut = sent(Log::new().add(99, "-", "fault.cut", &path), 100, "45001");
        assert_broken(LogPrompt::new(), &cut, 1, &["job#1"]);
    }
}
