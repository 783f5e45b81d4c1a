//! Which jobs a daemon is running.
//!
//! A job can be delivered to a daemon that runs it already: the connection that brought it broke before the daemon
//! had said a word about it, so the control plane put it back, and another slot asked next. Two slots that run one job
//! would both apply it. So the second one waits for the first, whose word about the job counts as much as its own: to
//! the control plane they are one worker.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use groundhog_wire::id::JobId;
use tokio_util::sync::CancellationToken;

use crate::runner::event::Outcome;

/// The jobs that a daemon's slots are running.
#[derive(Debug, Default)]
pub(super) struct ActiveJobs {
    jobs: Mutex<BTreeMap<JobId, Arc<Run>>>,
}

/// One run of a job.
#[derive(Debug, Default)]
struct Run {
    outcome: OnceLock<Outcome>,
    /// Cancelled when the run is over, with an outcome or without.
    over: CancellationToken,
}

/// What makes a run of a job the only one in its daemon. Dropping it lets the next one begin.
pub(super) struct Claim<'a> {
    active: &'a ActiveJobs,
    job: JobId,
    run: Arc<Run>,
}

impl ActiveJobs {
    /// Waits until no other slot runs the job, and claims it. None if another slot has brought it to its end
    /// meanwhile, so that there is nothing left to do. Cancel safe.
    pub(super) async fn claim(&self, job: JobId) -> Option<Claim<'_>> {
        loop {
            let other = {
                let mut jobs = self.jobs();
                match jobs.get(&job) {
                    Some(run) => run.clone(),
                    None => {
                        let run = Arc::<Run>::default();
                        jobs.insert(job, run.clone());
                        return Some(Claim { active: self, job, run });
                    }
                }
            };
            other.over.cancelled().await;
            match other.outcome.get() {
                Some(Outcome::Completed | Outcome::Failed(_)) => return None,
                // The control plane did not take its word, and gave the job out again.
                Some(Outcome::Refused(_) | Outcome::Stopped) | None => {}
            }
        }
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<JobId, Arc<Run>>> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// The run is over.
    pub(super) fn ended(self, outcome: &Outcome) {
        // Set once, as this takes the claim.
        let _ = self.run.outcome.set(outcome.clone());
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.active.jobs().remove(&self.job);
        self.run.over.cancel();
    }
}
