//! `cancel-bound`: who asked for a job's end gets it in bounded time.
//!
//! A cancel of a running job reaches its worker with the answer to an update, at the latest two heartbeats on (one
//! that falls just short of a full interval is put off by another); then the force-cancel interval begins, and at
//! its end the job is failed, once its last log lines are handed over. With the slack on top, that is the bound.
//!
//! It counts only while the worker, the control plane and the path between them are well, and counts anew from
//! the last trouble with any of them: a worker that was suspended may have all of its interval before it, and one
//! whose answers were lost has not heard of the cancel. After trouble the worker may also be gone, or alive without
//! the job; then it is the reaper that ends it, so the longer of the two bounds counts, with twice the slack for
//! reconnecting. While trouble lasts nothing is promised here; `job-ends` still holds.
//!
//! A job that is cancelled before a worker has it ends at once, and if one gets it after all, counts from then.
//! Everything is stretched by the worst clock drift that was seen.

use std::collections::BTreeMap;
use std::time::Duration;

use super::open_jobs::OpenJobs;
use super::weather::Weather;
use super::{Bounds, Invariant, Violation, is_terminal};
use crate::Record;
use crate::scenario::units::show_duration;

/// See the module.
pub(super) struct CancelBound {
    bounds: Bounds,
    weather: Weather,
    jobs: BTreeMap<String, Job>,
    open_jobs: OpenJobs,
    /// No bound passes before this, so no job is looked at before.
    next_look: Duration,
}

/// A job that has not ended.
#[derive(Clone, Default)]
struct Job {
    /// Who has it, since when.
    running: Option<(String, Duration)>,
    /// When its end was asked for, in which record.
    canceled: Option<(Duration, u64)>,
}

impl CancelBound {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            weather: Weather::default(),
            jobs: BTreeMap::new(),
            open_jobs: OpenJobs::default(),
            next_look: Duration::ZERO,
        }
    }

    /// When a job must have ended, if that can be said.
    fn deadline(&self, job: &Job, now: Duration) -> Option<Duration> {
        let (worker, acquired) = job.running.as_ref()?;
        let (canceled, _) = job.canceled?;
        let well_since = self.weather.well_with_control_since(worker)?;
        let bound = if well_since <= *acquired {
            self.bounds.canceled_within()
        } else {
            let reaped = self.bounds.reaped_within(self.open_jobs.max());
            let reaped = reaped.saturating_add(self.bounds.clocks_apart(&self.weather, now));
            self.bounds.canceled_within().max(reaped).saturating_add(self.bounds.slack)
        };
        let since = canceled.max(*acquired).max(well_since);
        Some(since.saturating_add(self.weather.stretched(bound)))
    }

    /// Finds a job whose bound has passed, and forgets it.
    fn look(&mut self, now: Duration) -> Option<Violation> {
        if now < self.next_look || !self.bounds.network_is_sound {
            return None;
        }
        let deadlines = || self.jobs.iter().filter_map(|(job, state)| Some((job, self.deadline(state, now)?)));
        let late = deadlines().find(|(_, deadline)| *deadline < now).map(|(job, deadline)| (job.clone(), deadline));
        let Some((job, deadline)) = late else {
            // Every bound only ever moves out, and one that begins later is whole.
            let whole = now.saturating_add(self.bounds.canceled_within());
            self.next_look = deadlines().map(|(_, deadline)| deadline).min().unwrap_or(whole).min(whole);
            return None;
        };
        let state = self.jobs.remove(&job)?;
        let ((worker, _), (canceled, ordinal)) = (state.running?, state.canceled?);
        Some(Violation {
            id: self.id(),
            message: format!(
                "{job} was cancelled at {} while {worker} had it, and had not ended by {}",
                show_duration(canceled),
                show_duration(deadline),
            ),
            ordinal,
        })
    }
}

impl Invariant for CancelBound {
    fn id(&self) -> &'static str {
        "cancel-bound"
    }

    fn about(&self) -> &'static str {
        "a cancelled running job ends within heartbeat + force-cancel interval, or the reaper's bound if its worker \
         is cut off"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        self.open_jobs.observe(record);
        let Some(job) = record.field("job") else { return violation };
        match record.event.as_str() {
            "job.acquired" => {
                let worker = record.field("worker").unwrap_or_default().to_owned();
                self.jobs.entry(job.to_owned()).or_default().running = Some((worker, record.at));
            }
            "job.returned" => {
                self.jobs.entry(job.to_owned()).or_default().running = None;
            }
            "job.cancel_requested" => {
                // The first request counts; asking again does not put the bound off.
                let canceled = &mut self.jobs.entry(job.to_owned()).or_default().canceled;
                *canceled = canceled.or(Some((record.at, record.ordinal)));
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

    const JOB: &[(&str, &str)] = &[("job", "job#1"), ("worker", "prov-1"), ("by", "alice")];
    const PATH: &[(&str, &str)] = &[("from", "control"), ("to", "prov-1")];
    /// Two heartbeats of 5 s, 10 min, 2 min for the last lines, 1 min of slack.
    const BOUND_S: u64 = 790;

    fn invariant() -> CancelBound {
        CancelBound::new(Bounds::default())
    }

    fn canceled_at_100() -> Log {
        Log::new().add(1, "control", "job.acquired", JOB).add(100, "control", "job.cancel_requested", JOB)
    }

    #[test]
    fn kept_by_an_end_in_time_and_by_a_run_that_ends_early() {
        for end in ["job.failed", "job.completed"] {
            assert_kept(invariant(), &canceled_at_100().add(100 + BOUND_S, "control", end, JOB).end(9_000));
        }
        assert_kept(invariant(), &canceled_at_100().end(100 + BOUND_S));
        let pending = Log::new().add(1, "control", "job.cancel_requested", JOB).add(1, "control", "job.canceled", JOB);
        assert_kept(invariant(), &pending.end(9_000));
        let never_canceled = Log::new().add(1, "control", "job.acquired", JOB);
        assert_kept(invariant(), &never_canceled.end(9_000));
        assert_kept(invariant(), &canceled_at_100().add(101, "control", "job.returned", JOB).end(9_000));
    }

    #[test]
    fn broken_by_a_job_that_runs_on() {
        assert_broken(invariant(), &canceled_at_100().end(101 + BOUND_S), 1, &["job#1", "prov-1", "1m40s"]);
        let heartbeats = canceled_at_100().add(500, "control", "job.updated", JOB);
        let heartbeats = heartbeats.add(101 + BOUND_S, "control", "job.updated", JOB);
        assert_broken(invariant(), &heartbeats, 1, &["job#1"]);
        let late = canceled_at_100().add(101 + BOUND_S, "control", "job.failed", JOB);
        assert_broken(invariant(), &late, 1, &["job#1"]);
        let asked_twice = canceled_at_100().add(600, "control", "job.cancel_requested", JOB);
        assert_broken(invariant(), &asked_twice.end(101 + BOUND_S), 1, &["job#1"]);
    }

    #[test]
    fn broken_by_a_cancelled_job_that_a_worker_got_after_all() {
        let log = Log::new().add(1, "control", "job.cancel_requested", JOB).add(50, "control", "job.acquired", JOB);
        assert_broken(invariant(), &log.end(51 + BOUND_S), 0, &["job#1"]);
    }

    #[test]
    fn nothing_is_promised_while_there_is_trouble() {
        for (event, fields) in [
            ("fault.cut", PATH),
            ("fault.lossy", PATH),
            ("host.suspended", &[("host", "prov-1")]),
            ("host.killed", &[("host", "control")]),
            ("fault.earthquake", &[]),
        ] {
            assert_kept(invariant(), &canceled_at_100().add(200, "-", event, fields).end(9_000));
        }
        let elsewhere = canceled_at_100().add(200, "-", "fault.cut", &[("from", "control"), ("to", "prov-2")]);
        assert_broken(invariant(), &elsewhere.end(101 + BOUND_S), 1, &["job#1"]);
    }

    #[test]
    fn the_bound_counts_anew_after_trouble() {
        // The slack counts twice then; the reaper would be faster.
        let healed = |event, fields| {
            canceled_at_100()
                .add(200, "-", "fault.cut", PATH)
                .add(300, "-", "fault.cut_healed", PATH)
                .add(400, "-", event, fields)
        };
        for (event, fields) in [("fault.reset", PATH), ("host.resumed", &[("host", "prov-1")])] {
            assert_kept(invariant(), &healed(event, fields).end(400 + BOUND_S + 60));
            assert_broken(invariant(), &healed(event, fields).end(401 + BOUND_S + 60), 1, &["job#1"]);
        }
        let stopped = || canceled_at_100().add(400, "prov-1", "daemon.stopped", &[("reason", "closed")]);
        assert_kept(invariant(), &stopped().end(400 + BOUND_S + 60));
        assert_broken(invariant(), &stopped().end(401 + BOUND_S + 60), 1, &["job#1"]);
    }

    #[test]
    fn after_trouble_the_reaper_may_take_longer() {
        let hasty = || CancelBound::new(Bounds { force_cancel_interval: Duration::ZERO, ..Bounds::default() });
        let killed = || {
            let host = [("host", "prov-1")];
            canceled_at_100().add(150, "-", "host.killed", &host).add(210, "-", "host.started", &host)
        };
        // 5 min + 1 min + 1 min, and the slack again.
        assert_kept(hasty(), &killed().end(210 + 480));
        assert_broken(hasty(), &killed().end(211 + 480), 1, &["job#1"]);
    }

    #[test]
    fn an_unsound_network_promises_nothing() {
        let unsound = CancelBound::new(Bounds { network_is_sound: false, ..Bounds::default() });
        assert_kept(unsound, &canceled_at_100().end(9_000));
    }
}
