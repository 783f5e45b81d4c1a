//! `job-delivered`: a job that a worker has been given reaches it, or waits again.
//!
//! From its lock (`job.acquired`) a job is on its way until its worker's runner begins with it, or anything is heard
//! of it. If that does not happen, its delivery has failed, and it must have been put back (`job.returned`) or have
//! ended. How long that takes cannot be said while the path is in trouble; it counts anew from when that is well.
//!
//! A worker or a control plane that was itself in trouble since the lock may have taken the job, or the word that it
//! was not taken, along with it: then the reaper ends the job, which is `job-ends`'s business. Nothing is promised
//! where the network itself is not sound.
//!
//! What was heard of, on the other hand, has been delivered, and is not put back.

use std::{collections::BTreeMap, time::Duration};

use super::{Bounds, Invariant, Violation, is_terminal, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct JobDelivered {
    bounds: Bounds,
    weather: Weather,
    jobs: BTreeMap<String, Lock>,
}

struct Lock {
    worker: String,
    at: Duration,
    ordinal: u64,
    /// Its runner has begun with it.
    begun: bool,
    /// The control plane has heard of it.
    heard: bool,
}

impl JobDelivered {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { bounds: bounds.clone(), weather: Weather::default(), jobs: BTreeMap::new() }
    }

    fn is_late(&self, lock: &Lock, now: Duration) -> bool {
        if lock.begun || lock.heard {
            return false;
        }
        let untouched = |well_since: Option<Duration>| well_since.is_some_and(|since| since <= lock.at);
        if !untouched(self.weather.control_well_since()) || !untouched(self.weather.host_well_since(&lock.worker)) {
            return false;
        }
        // Time for a connection to be found broken, and time for the job to be put back or run.
        let bound = self.bounds.slack.saturating_mul(2);
        self.weather.has_passed(bound, lock.at, self.weather.well_with_control_since(&lock.worker), now)
    }

    fn look(&mut self, now: Duration) -> Option<Violation> {
        if !self.bounds.network_is_sound {
            return None;
        }
        let job = self.jobs.iter().find(|(_, lock)| self.is_late(lock, now))?.0.clone();
        let Lock { worker, at, ordinal, .. } = self.jobs.remove(&job)?;
        let (at, now) = (show_duration(at), show_duration(now));
        let message = format!("{job} was given to {worker} at {at}, and neither reached it nor was put back by {now}");
        Some(Violation { id: self.id(), message, ordinal })
    }
}

impl Invariant for JobDelivered {
    fn id(&self) -> &'static str {
        "job-delivered"
    }

    fn about(&self) -> &'static str {
        "a job that is locked for a worker reaches it or is put back, and is not put back once the worker spoke of it"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        let Some(job) = record.field("job") else { return violation };
        match record.event.as_str() {
            "job.acquired" => {
                let worker = record.field("worker").unwrap_or_default().to_owned();
                let lock = Lock { worker, at: record.at, ordinal: record.ordinal, begun: false, heard: false };
                self.jobs.insert(job.to_owned(), lock);
            }
            "runner.started" => {
                if let Some(lock) = self.jobs.get_mut(job).filter(|lock| lock.worker == record.host) {
                    lock.begun = true;
                }
            }
            "job.updated" | "quota.committed" => {
                if let Some(lock) = self.jobs.get_mut(job) {
                    lock.heard = true;
                }
            }
            "job.returned" => {
                let lock = self.jobs.remove(job).filter(|lock| lock.heard);
                let broken = lock.map(|lock| Violation {
                    id: self.id(),
                    message: format!("{job} was taken from {}, which had spoken of it", lock.worker),
                    ordinal: record.ordinal,
                });
                return violation.or(broken);
            }
            event if is_terminal(event) => {
                self.jobs.remove(job);
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

    const JOB: &[(&str, &str)] = &[("job", "job#1"), ("worker", "prov-1")];
    const PATH: &[(&str, &str)] = &[("from", "prov-1"), ("to", "control")];
    const BOUND_S: u64 = 120;

    fn invariant() -> JobDelivered {
        JobDelivered::new(&Bounds::default())
    }

    fn acquired() -> Log {
        Log::new().add(100, "control", "job.acquired", JOB)
    }

    #[test]
    fn kept() {
        assert_kept(invariant(), &acquired().add(101, "prov-1", "runner.started", JOB).end(9_000));
        for event in ["job.updated", "job.returned", "job.failed", "job.canceled"] {
            assert_kept(invariant(), &acquired().add(101, "control", event, JOB).end(9_000));
        }
        assert_kept(invariant(), &acquired().end(100 + BOUND_S));
        let cut = || acquired().add(101, "-", "fault.cut", PATH);
        assert_kept(invariant(), &cut().end(9_000));
        assert_kept(invariant(), &cut().add(200, "-", "fault.cut_healed", PATH).end(200 + BOUND_S));
        for host in ["prov-1", "control"] {
            let host = [("host", host)];
            let killed = acquired().add(101, "-", "host.killed", &host).add(110, "-", "host.started", &host);
            assert_kept(invariant(), &killed.end(9_000));
        }
        let unsound = Bounds { network_is_sound: false, ..Bounds::default() };
        assert_kept(JobDelivered::new(&unsound), &acquired().end(9_000));
    }

    #[test]
    fn broken_by_a_job_that_nobody_has() {
        assert_broken(invariant(), &acquired().end(101 + BOUND_S), 0, &["job#1", "prov-1", "1m40s"]);
        let healed = acquired().add(101, "-", "fault.cut", PATH).add(200, "-", "fault.cut_healed", PATH);
        assert_broken(invariant(), &healed.end(201 + BOUND_S), 0, &["job#1"]);
        let elsewhere = acquired().add(101, "prov-2", "runner.started", JOB);
        assert_broken(invariant(), &elsewhere.end(101 + BOUND_S), 0, &["job#1"]);
    }

    #[test]
    fn broken_by_a_job_that_is_taken_away() {
        let log = acquired().add(101, "control", "job.updated", JOB).add(102, "control", "job.returned", JOB);
        assert_broken(invariant(), &log, 2, &["job#1", "prov-1"]);
    }
}
