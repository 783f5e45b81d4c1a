//! `prompt-pickup`: a job does not wait beside a daemon that waits for it.
//!
//! A daemon that waits (`daemon.waits`) is woken by the job that it takes. So when it gets a job (`job.acquired`),
//! not long has passed since the job began to wait (`build.queued`, `job.returned`) or the daemon did, whichever came
//! later: both waited for each other from then on. What it may have taken are the statements of that question, and,
//! where there are few connections to the database, those of the calls before it.
//!
//! A daemon may have places in the queue left from broken connections; the newest counts, and one that is not known
//! of is believed. Nothing is promised where the control plane was in trouble meanwhile: who waits is not in its
//! database.

use std::{collections::BTreeMap, time::Duration};

use super::{Bounds, Invariant, Violation, is_terminal, weather::Weather};
use crate::{
    Record,
    scenario::{CONTROL, units::show_duration},
};

/// See the module.
pub(super) struct PromptPickup {
    bound: Duration,
    weather: Weather,
    /// Since when each job waits.
    jobs: BTreeMap<String, Duration>,
    /// Since when each daemon waits.
    daemons: BTreeMap<String, Duration>,
}

impl PromptPickup {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { bound: bounds.pickup, weather: Weather::default(), jobs: BTreeMap::new(), daemons: BTreeMap::new() }
    }

    fn acquired(&mut self, job: &str, record: &Record) -> Option<Violation> {
        let worker = record.field("worker")?;
        let (job_waits, daemon_waits) = (self.jobs.remove(job), self.daemons.remove(worker));
        let since = job_waits?.max(daemon_waits?);
        let control_well_since = self.weather.host_well_since(CONTROL)?;
        let bound = self.weather.stretched(self.bound);
        (control_well_since <= since && since.saturating_add(bound) < record.at).then(|| Violation {
            id: self.id(),
            message: format!(
                "{job} and {worker} had waited for each other since {}, until {}",
                show_duration(since),
                show_duration(record.at)
            ),
            ordinal: record.ordinal,
        })
    }
}

impl Invariant for PromptPickup {
    fn id(&self) -> &'static str {
        "prompt-pickup"
    }

    fn about(&self) -> &'static str {
        "a job that waits is locked as soon as a daemon waits that takes it"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        self.weather.observe(record);
        if record.event == "daemon.waits" {
            self.daemons.insert(record.field("worker")?.to_owned(), record.at);
            return None;
        }
        let job = record.field("job")?;
        match record.event.as_str() {
            "build.queued" | "job.returned" => {
                self.jobs.insert(job.to_owned(), record.at);
            }
            "job.acquired" => return self.acquired(job, record),
            event if is_terminal(event) => {
                self.jobs.remove(job);
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

    fn invariant() -> PromptPickup {
        PromptPickup::new(&Bounds { pickup: Duration::from_secs(10), ..Bounds::default() })
    }

    #[test]
    fn kept() {
        let queued = || Log::new().add(100, "control", "build.queued", JOB);
        assert_kept(invariant(), &queued().add(200, "control", "job.acquired", JOB));
        let waits = queued().add(190, "control", "daemon.waits", JOB);
        assert_kept(invariant(), &waits.add(200, "control", "job.acquired", JOB));
        let returned = Log::new().add(1, "control", "daemon.waits", JOB).add(190, "control", "job.returned", JOB);
        assert_kept(invariant(), &returned.add(200, "control", "job.acquired", JOB));
        let host = [("host", "control")];
        let killed = Log::new().add(1, "control", "daemon.waits", JOB).add(100, "control", "build.queued", JOB);
        let killed = killed.add(101, "-", "host.killed", &host).add(102, "-", "host.started", &host);
        assert_kept(invariant(), &killed.add(200, "control", "job.acquired", JOB));
        // The second job came over a place that is not known of.
        let twice = waits_and_gets(105).add(106, "control", "build.queued", &[("job", "job#2")]);
        assert_kept(invariant(), &twice.add(200, "control", "job.acquired", &[("job", "job#2"), ("worker", "prov-1")]));
    }

    fn waits_and_gets(at_s: u64) -> Log {
        let log = Log::new().add(1, "control", "daemon.waits", JOB).add(100, "control", "build.queued", JOB);
        log.add(at_s, "control", "job.acquired", JOB)
    }

    #[test]
    fn broken_by_a_wait_for_each_other() {
        assert_kept(invariant(), &waits_and_gets(110));
        assert_broken(invariant(), &waits_and_gets(111), 2, &["job#1", "prov-1", "1m40s"]);
    }
}
