//! Who waits for news of something on this replica, and how they hear that there may be some.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_wire::id::{AgentId, JobId, PeerId, WorkspaceId};
use tokio::sync::Notify;

use crate::store::notices::{Heard, Notice};

/// What news is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A job: its log, and its end.
    Job(JobId),
    /// An agent's logs.
    AgentLogs(AgentId),
    /// An agent: whether it is still let in.
    Agent(AgentId),
    /// Those whom a peer can reach, or by whom it can be reached.
    Peer(PeerId),
    /// A workspace's claim.
    Workspace(WorkspaceId),
}

impl From<JobId> for Topic {
    fn from(job: JobId) -> Self {
        Self::Job(job)
    }
}

/// The followers of this replica. Cheap to clone; every clone is the same.
#[derive(Clone, Default)]
pub struct Followers {
    inner: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: u64,
    /// How many there are of each limit.
    counts: BTreeMap<Limit, usize>,
    /// In the order in which they came, which is the order in which they are woken.
    bells: BTreeMap<Topic, BTreeMap<u64, Arc<Notify>>>,
}

/// Who counts against whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Limit {
    /// Followers of jobs' logs.
    Jobs,
    /// Followers of agents' logs.
    AgentLogs,
    /// Streams of agents and their clients, whose number the server's connections bound.
    Streams,
}

impl Topic {
    const fn limit(self) -> Limit {
        match self {
            Self::Job(_) => Limit::Jobs,
            Self::AgentLogs(_) => Limit::AgentLogs,
            Self::Agent(_) | Self::Peer(_) | Self::Workspace(_) => Limit::Streams,
        }
    }
}

/// Somebody who waits for news. Dropping it ends that.
pub struct Follower {
    followers: Followers,
    limit: Limit,
    topics: BTreeSet<Topic>,
    number: u64,
    bell: Arc<Notify>,
}

impl Followers {
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a follower of `topic`; none if there are `followers_max` of its kind already.
    ///
    /// To be called before what it is about is first read: what is heard from now on is not missed.
    pub fn join(&self, topic: impl Into<Topic>, followers_max: usize) -> Option<Follower> {
        let topic = topic.into();
        let limit = topic.limit();
        let mut state = self.state();
        let count = state.counts.entry(limit).or_default();
        if *count >= followers_max {
            return None;
        }
        *count += 1;
        state.last += 1;
        let (number, bell) = (state.last, Arc::<Notify>::default());
        drop(state);
        let mut follower = Follower { followers: self.clone(), limit, topics: BTreeSet::new(), number, bell };
        follower.also(topic);
        Some(follower)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state().counts.values().sum()
    }

    /// Wakes those whom it concerns.
    pub fn hear(&self, heard: &Heard) {
        let state = self.state();
        let ring = |bells: &BTreeMap<u64, Arc<Notify>>| bells.values().for_each(|bell| bell.notify_one());
        let topic = match heard {
            Heard::Notice(Notice::JobLogs { job } | Notice::JobEnded { job }) => Topic::Job(*job),
            Heard::Notice(Notice::AgentLogs { agent }) => Topic::AgentLogs(*agent),
            Heard::Notice(Notice::AgentChanged { agent }) => Topic::Agent(*agent),
            Heard::Notice(Notice::PeerChanged { peer }) => Topic::Peer(*peer),
            Heard::Notice(Notice::WorkspaceClaimed { workspace }) => Topic::Workspace(*workspace),
            Heard::Notice(Notice::JobPosted(_)) => return,
            Heard::Everything => return state.bells.values().for_each(ring),
        };
        state.bells.get(&topic).into_iter().for_each(ring);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Returns once something was heard of its topics since the last call. Cancel safe.
    pub async fn heard(&self) {
        self.bell.notified().await;
    }

    /// Has it wait for news of `topic` too.
    pub fn also(&mut self, topic: Topic) {
        if self.topics.insert(topic) {
            self.followers.state().bells.entry(topic).or_default().insert(self.number, self.bell.clone());
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut state = self.followers.state();
        if let Some(count) = state.counts.get_mut(&self.limit) {
            *count = count.saturating_sub(1);
        }
        for topic in &self.topics {
            if let Some(bells) = state.bells.get_mut(topic) {
                bells.remove(&self.number);
                if bells.is_empty() {
                    state.bells.remove(topic);
                }
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
        f.debug_struct("Follower").field("topics", &self.topics).field("number", &self.number).finish_non_exhaustive()
    }
}
