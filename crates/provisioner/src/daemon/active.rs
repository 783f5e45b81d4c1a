//! Which jobs a daemon is running, and which it has brought to their end of late.
//!
//! A job can be delivered to a daemon that runs it already: the connection that brought it broke before the daemon
//! had said a word about it, so the control plane put it back, and another slot asked next. Two slots that run one job
//! would both apply it. So the second one waits for the first, whose word about the job counts as much as its own: to
//! the control plane they are one worker. If the first has ended it, even before the second was told to run it, there
//! is nothing left to do.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use groundhog_wire::id::JobId;
use tokio_util::sync::CancellationToken;

use crate::runner::event::Outcome;

/// How many ended jobs are remembered. One that is given out again is on its way for seconds, in which no daemon ends as
/// many.
const ENDED_MAX: usize = 64;

/// What a daemon's slots are running and have run.
#[derive(Debug, Default)]
pub(super) struct ActiveJobs {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Each with what is cancelled when its run is over.
    running: BTreeMap<JobId, CancellationToken>,
    /// Those whose end the control plane has taken, the last one last.
    ended: VecDeque<JobId>,
}

/// What makes a run of a job the only one in its daemon. Dropping it lets the next one begin.
pub(super) struct Claim<'a> {
    active: &'a ActiveJobs,
    job: JobId,
}

impl ActiveJobs {
    /// Waits until no other slot runs the job, and claims it. None if one has brought it to its end: then there is
    /// nothing left to do. Cancel safe.
    pub(super) async fn claim(&self, job: JobId) -> Option<Claim<'_>> {
        loop {
            let over = {
                let mut state = self.state();
                if state.ended.contains(&job) {
                    return None;
                }
                match state.running.get(&job) {
                    Some(over) => over.clone(),
                    None => {
                        state.running.insert(job, CancellationToken::new());
                        return Some(Claim { active: self, job });
                    }
                }
            };
            over.cancelled().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim<'_> {
    /// The run is over.
    pub(super) fn ended(self, outcome: &Outcome) {
        match outcome {
            Outcome::Completed | Outcome::Failed(_) => {
                let mut state = self.active.state();
                if state.ended.len() == ENDED_MAX {
                    state.ended.pop_front();
                }
                state.ended.push_back(self.job);
            }
            // The control plane did not take this run's word, and may have given the job out again.
            Outcome::Refused(_) | Outcome::Stopped => {}
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(over) = self.active.state().running.remove(&self.job) {
            over.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Poll};

    use super::*;

    fn job(number: u128) -> JobId {
        format!("{number:032x}").parse().expect("thirty-two hexadecimal digits")
    }

    /// What a claim comes to at once; none if it waits.
    fn now<'a>(claim: impl Future<Output = Option<Claim<'a>>>) -> Option<Option<Claim<'a>>> {
        match pin!(claim).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(claim) => Some(claim),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_job_is_run_by_one_slot_at_a_time_and_not_after_its_end() {
        let active = ActiveJobs::default();
        for (outcome, runs_again) in [
            (Outcome::Completed, false),
            (Outcome::Failed("no".to_owned()), false),
            (Outcome::Refused("job isn't running yet".to_owned()), true),
            (Outcome::Stopped, true),
        ] {
            let job = job(u128::from(runs_again) + outcome.error().len() as u128 * 10);
            let first = now(active.claim(job)).flatten().expect("nobody else runs it");
            assert!(now(active.claim(job)).is_none(), "the second one waits");
            first.ended(&outcome);
            let second = now(active.claim(job)).expect("the first one is over");
            assert_eq!(second.is_some(), runs_again, "{outcome:?}");
        }
    }

    #[test]
    fn what_has_ended_is_forgotten_in_the_end() {
        let active = ActiveJobs::default();
        for number in 0..=ENDED_MAX as u128 {
            now(active.claim(job(number))).flatten().expect("it is new").ended(&Outcome::Completed);
        }
        assert!(now(active.claim(job(0))).flatten().is_some());
        assert!(now(active.claim(job(1))).flatten().is_none());
    }
}
