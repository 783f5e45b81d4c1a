//! Who follows a job's log on this replica, and how they hear that there is more of it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_wire::id::JobId;
use tokio::sync::Notify;

use crate::store::notices::{Heard, Notice};

/// The followers of this replica. Cheap to clone; every clone is the same.
#[derive(Clone, Default)]
pub struct Followers {
    inner: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: u64,
    count: usize,
    /// In the order in which they came, which is the order in which they are woken.
    bells: BTreeMap<JobId, BTreeMap<u64, Arc<Notify>>>,
}

/// Somebody who follows a job's log. Dropping it ends that.
pub struct Follower {
    followers: Followers,
    job: JobId,
    number: u64,
    bell: Arc<Notify>,
}

impl Followers {
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a follower of `job`; none if there are `followers_max` already.
    ///
    /// To be called before the log is first read: what is heard from now on is not missed.
    pub fn join(&self, job: JobId, followers_max: usize) -> Option<Follower> {
        let mut state = self.state();
        if state.count >= followers_max {
            return None;
        }
        state.count += 1;
        state.last += 1;
        let (number, bell) = (state.last, Arc::<Notify>::default());
        state.bells.entry(job).or_default().insert(number, bell.clone());
        drop(state);
        Some(Follower { followers: self.clone(), job, number, bell })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state().count
    }

    /// Wakes those whom it concerns.
    pub fn hear(&self, heard: &Heard) {
        let state = self.state();
        let ring = |bells: &BTreeMap<u64, Arc<Notify>>| bells.values().for_each(|bell| bell.notify_one());
        match heard {
            Heard::Notice(Notice::JobLogs { job } | Notice::JobEnded { job }) => {
                state.bells.get(job).into_iter().for_each(ring);
            }
            Heard::Notice(Notice::JobPosted(_)) => {}
            Heard::Everything => state.bells.values().for_each(ring),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Returns once something was heard of the job since the last call. Cancel safe.
    pub async fn heard(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.followers.state();
        state.count = state.count.saturating_sub(1);
        if let Some(bells) = state.bells.get_mut(&self.job) {
            bells.remove(&self.number);
            if bells.is_empty() {
                state.bells.remove(&self.job);
            }
        }
    }
}

impl fmt::Debug for Followers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followers").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("job", &self.job).field("number", &self.number).finish_non_exhaustive()
    }
}
