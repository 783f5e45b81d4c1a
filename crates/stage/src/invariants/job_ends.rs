//! `job-ends`: nothing waits for ever for a worker that is gone.
//!
//! From a job's last sign of life (its lock by a worker, a taken update, stored lines, a quota decision) it must
//! have ended within the reaper's bound: the silence that counts as hung, one look of the reaper, one more for
//! every batch of open jobs, and the slack. Whether the worker is really gone need not be known: the reaper does
//! not ask either.
//!
//! The reaper is a part of the control plane, so nothing counts while that is down or suspended, and the bound
//! counts anew from when it is back. Its wall clock decides what is old: a clock set back pushes the bound out by
//! as much, and a clock that runs slow stretches it. The network does not matter: the reaper needs none. Of several
//! replicas all have to be well, and as far as their clocks were ever apart, so much longer it may take: one of them
//! may have stamped what another looks at.

use std::collections::BTreeMap;
use std::time::Duration;

use super::open_jobs::OpenJobs;
use super::weather::Weather;
use super::{Bounds, Invariant, Violation, is_terminal};
use crate::Record;
use crate::scenario::units::show_duration;

/// See the module.
pub(super) struct JobEnds {
    bounds: Bounds,
    weather: Weather,
    running: BTreeMap<String, Sign>,
    open_jobs: OpenJobs,
    /// No bound passes before this, so no job is looked at before.
    next_look: Duration,
}

/// The last that was heard of a job.
#[derive(Clone)]
struct Sign {
    at: Duration,
    ordinal: u64,
    worker: String,
}

impl JobEnds {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            weather: Weather::default(),
            running: BTreeMap::new(),
            open_jobs: OpenJobs::default(),
            next_look: Duration::ZERO,
        }
    }

    /// Finds a job whose bound has passed, and forgets it.
    fn look(&mut self, now: Duration) -> Option<Violation> {
        if now < self.next_look {
            return None;
        }
        let control_back = self.weather.control_well_since()?;
        let bound = self.weather.stretched(self.bounds.reaped_within(self.open_jobs.max()));
        let bound = bound.saturating_add(self.bounds.clocks_apart(&self.weather, now));
        let deadline = |sign: &Sign| sign.at.max(control_back).saturating_add(bound);
        let late = self.running.iter().find(|(_, sign)| deadline(sign) < now).map(|(job, _)| job.clone());
        let Some(job) = late else {
            // Every bound only ever moves out, and one that begins now is whole.
            self.next_look = self.running.values().map(deadline).min().unwrap_or(now.saturating_add(bound));
            return None;
        };
        let sign = self.running.remove(&job)?;
        Some(Violation {
            id: self.id(),
            message: format!(
                "nothing was heard of {job} from {} since {}, and it had not ended by {}",
                sign.worker,
                show_duration(sign.at),
                show_duration(deadline(&sign)),
            ),
            ordinal: sign.ordinal,
        })
    }
}

impl Invariant for JobEnds {
    fn id(&self) -> &'static str {
        "job-ends"
    }

    fn about(&self) -> &'static str {
        "a job whose worker is gone ends within the reaper's bound"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        self.open_jobs.observe(record);
        let Some(job) = record.field("job") else { return violation };
        match record.event.as_str() {
            "job.acquired" => {
                let worker = record.field("worker").unwrap_or_default().to_owned();
                self.running.insert(job.to_owned(), Sign { at: record.at, ordinal: record.ordinal, worker });
            }
            "job.updated" | "job.logs_stored" | "job.log_overflow" | "quota.committed" => {
                if let Some(sign) = self.running.get_mut(job) {
                    (sign.at, sign.ordinal) = (record.at, record.ordinal);
                }
            }
            "job.returned" => {
                self.running.remove(job);
            }
            event if is_terminal(event) => {
                self.running.remove(job);
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
    use crate::testing::{Log, assert_broken, assert_kept, secs};

    const JOB: &[(&str, &str)] = &[("job", "job#1"), ("worker", "prov-1")];
    const CONTROL_HOST: &[(&str, &str)] = &[("host", "control")];
    /// 5 min of silence, 1 min between two looks, 1 min of slack.
    const BOUND_S: u64 = 420;

    fn invariant() -> JobEnds {
        JobEnds::new(Bounds::default())
    }

    fn silent_from_100() -> Log {
        Log::new().add(1, "control", "job.acquired", JOB).add(100, "control", "job.updated", JOB)
    }

    #[test]
    fn kept_by_a_reaper_in_time_and_by_a_run_that_ends_early() {
        let log = silent_from_100().add(100 + BOUND_S, "control", "job.failed", JOB);
        assert_kept(invariant(), &log.end(9_000));
        assert_kept(invariant(), &silent_from_100().end(100 + BOUND_S));
        assert_kept(invariant(), &silent_from_100().add(110, "control", "job.returned", JOB).end(9_000));
        let queued = Log::new().add(1, "control", "build.queued", JOB);
        assert_kept(invariant(), &queued.end(9_000));
    }

    #[test]
    fn kept_by_a_job_that_is_heard_of() {
        let mut log = Log::new().add(1, "control", "job.acquired", JOB);
        for minute in 1..60 {
            log = log.add(minute * 60, "control", "job.updated", JOB);
        }
        assert_kept(invariant(), &log.end(3_600));
    }

    #[test]
    fn broken_by_silence() {
        assert_broken(invariant(), &silent_from_100().end(100 + BOUND_S + 1), 1, &["job#1", "prov-1", "1m40s"]);
        let late = silent_from_100().add(100 + BOUND_S + 1, "control", "job.failed", JOB);
        assert_broken(invariant(), &late, 1, &["job#1"]);
        let seen_by_another_record = silent_from_100().add(600, "control", "daemon.seen", &[("worker", "prov-2")]);
        assert_broken(invariant(), &seen_by_another_record, 1, &["job#1"]);
        let never_updated = Log::new().add(1, "control", "job.acquired", JOB).end(9_000);
        assert_broken(invariant(), &never_updated, 0, &["job#1"]);
    }

    #[test]
    fn nothing_counts_while_control_is_away() {
        for (away, back) in
            [("host.killed", "host.started"), ("host.power_lost", "host.started"), ("host.suspended", "host.resumed")]
        {
            let gone = || silent_from_100().add(200, "-", away, CONTROL_HOST);
            assert_kept(invariant(), &gone().end(9_000));
            let returned = || gone().add(5_000, "-", back, CONTROL_HOST);
            assert_kept(invariant(), &returned().end(5_000 + BOUND_S));
            assert_broken(invariant(), &returned().end(5_000 + BOUND_S + 1), 1, &["job#1"]);
        }
    }

    #[test]
    fn a_clock_set_back_pushes_the_bound_out() {
        let stepped = || silent_from_100().add(200, "-", "fault.clock_stepped", &[("host", "control"), ("by", "-300")]);
        assert_kept(invariant(), &stepped().end(500 + BOUND_S));
        assert_broken(invariant(), &stepped().end(501 + BOUND_S), 1, &["job#1"]);
    }

    #[test]
    fn many_jobs_take_the_reaper_more_looks() {
        let mut log = Log::new();
        for number in 0..10 {
            log = log.add(0, "control", "build.queued", &[("job", ["job#1", "job#2"][number % 2])]);
        }
        let log = || {
            let mut many = Log::new();
            many.records = log.records.clone();
            many.add(1, "control", "job.acquired", JOB)
        };
        assert_kept(invariant(), &log().end(1 + BOUND_S + 60));
        assert_broken(invariant(), &log().end(2 + BOUND_S + 60), 10, &["job#1"]);
    }

    #[test]
    fn each_job_is_told_of_once() {
        let two = [("job", "job#2"), ("worker", "prov-1")];
        let log = Log::new().add(1, "control", "job.acquired", JOB).add(1, "control", "job.acquired", &two);
        let mut invariant = invariant();
        assert!(log.records.iter().all(|record| invariant.observe(record).is_none()));
        let told: Vec<_> = (0..4).filter_map(|_| invariant.finish(secs(9_000))).collect();
        assert_eq!(told.len(), 2);
    }
}
