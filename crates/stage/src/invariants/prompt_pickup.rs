//! `prompt-pickup`: a job does not wait beside a daemon that waits for it.
//!
//! A daemon that waits (`daemon.waits`) is woken by the job that it takes. So when it gets a job (`job.acquired`),
//! not long has passed since the job began to wait (it was queued, or `job.returned`) or the daemon did, whichever came
//! later: both waited for each other from then on. What it may have taken are the statements of that question, and,
//! where there are few connections to the database, those of the calls before it.
//!
//! A job that was posted at another replica than the one at which the daemon waits is heard of by a notice, which
//! takes a while; and if one was lost (`notice.lost`) since the job began to wait, by the backup poll at the latest.
//!
//! A daemon may have places in the queue left from broken connections; the newest counts, and one that is not known
//! of is believed. Nothing is promised where the control plane was in trouble meanwhile: who waits is not in its
//! database.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{Bounds, Invariant, Violation, begins, is_terminal, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// See the module.
pub(super) struct PromptPickup {
    bounds: Bounds,
    weather: Weather,
    /// Since when each job waits, and at which replica it was posted.
    jobs: BTreeMap<String, (Duration, String)>,
    /// By daemon and replica: its places in the queue there, the oldest first.
    daemons: BTreeMap<(String, String), VecDeque<Duration>>,
    /// When a notice was last lost.
    notice_lost: Option<Duration>,
}

/// How many places of one daemon are remembered: those that broken connections have left go on forever.
const PLACES_MAX: usize = 100;

impl PromptPickup {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            bounds: bounds.clone(),
            weather: Weather::default(),
            jobs: BTreeMap::new(),
            daemons: BTreeMap::new(),
            notice_lost: None,
        }
    }

    /// Takes the place over which a daemon was given a job: since when it has waited there.
    fn place(&mut self, worker: &str, replica: &str) -> Option<Duration> {
        let key = (worker.to_owned(), replica.to_owned());
        let places = self.daemons.get_mut(&key)?;
        let newest = *places.back()?;
        // With several slots it may wait on with the others. Which place it was is not told; that the oldest one
        // goes and the newest one counts lets each of them be younger than it is, never older.
        places.pop_front();
        if self.bounds.slots == 1 {
            self.daemons.remove(&key);
        }
        Some(newest)
    }

    /// How long the two may wait for each other.
    fn bound(&self, posted: Duration, posted_here: bool) -> Duration {
        let Bounds { pickup, notice, backup_poll, .. } = self.bounds;
        let is_lost = self.notice_lost.is_some_and(|lost| lost >= posted);
        match (posted_here, is_lost) {
            (true, _) => pickup,
            (false, false) => pickup.saturating_add(notice),
            (false, true) => pickup.saturating_add(notice).saturating_add(backup_poll),
        }
    }

    fn acquired(&mut self, job: &str, record: &Record) -> Option<Violation> {
        let worker = record.field("worker")?;
        let (job_waits, daemon_waits) = (self.jobs.remove(job), self.place(worker, &record.host));
        let ((posted, posted_at), daemon_waits) = (job_waits?, daemon_waits?);
        let since = posted.max(daemon_waits);
        let control_well_since = self.weather.control_well_since()?;
        let bound = self.weather.stretched(self.bound(posted, posted_at == record.host));
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
            let key = (record.field("worker")?.to_owned(), record.host.clone());
            let places = self.daemons.entry(key).or_default();
            places.push_back(record.at);
            if places.len() > PLACES_MAX {
                places.pop_front();
            }
            return None;
        }
        if record.event == "notice.lost" {
            self.notice_lost = Some(record.at);
        }
        let job = record.field("job")?;
        match record.event.as_str() {
            event if begins(event) || event == "job.returned" => {
                self.jobs.insert(job.to_owned(), (record.at, record.host.clone()));
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

    fn posted_elsewhere(lost: bool, at_s: u64) -> Log {
        let log = Log::new().add(1, "control-2", "daemon.waits", JOB).add(100, "control", "version.queued", JOB);
        let log = if lost { log.add(100, "control", "notice.lost", &[("kind", "job_posted")]) } else { log };
        log.add(at_s, "control-2", "job.acquired", JOB)
    }

    #[test]
    fn a_notice_takes_a_while_and_may_be_lost() {
        let pickup = Duration::from_secs(10);
        let notice = Duration::from_secs(2);
        let invariant = || PromptPickup::new(&Bounds { pickup, notice, replicas: 2, ..Bounds::default() });
        assert_kept(invariant(), &posted_elsewhere(false, 112));
        assert_broken(invariant(), &posted_elsewhere(false, 113), 2, &["job#1", "prov-1"]);
        // The backup poll: 30 s.
        assert_kept(invariant(), &posted_elsewhere(true, 142));
        assert_broken(invariant(), &posted_elsewhere(true, 143), 3, &["job#1", "prov-1"]);
    }

    #[test]
    fn a_daemon_with_two_slots_has_two_places() {
        let slots = || PromptPickup::new(&Bounds { slots: 2, ..Bounds::default() });
        let two = || waits_and_gets(100).add(101, "control", "daemon.waits", JOB);
        let second = [("job", "job#2"), ("worker", "prov-1")];
        let queued = two().add(150, "control", "daemon.waits", JOB).add(200, "control", "dry_run.queued", &second);
        let one_more = || Log { records: queued.records.clone(), ..Log::new() };
        assert_kept(slots(), &one_more().add(201, "control", "job.acquired", &second));
        assert_broken(slots(), &one_more().add(290, "control", "job.acquired", &second), 6, &["job#2"]);
    }

    #[test]
    fn broken_by_a_wait_for_each_other() {
        assert_kept(invariant(), &waits_and_gets(110));
        assert_broken(invariant(), &waits_and_gets(111), 2, &["job#1", "prov-1", "1m40s"]);
    }
}
