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
    /// What a connection to a workspace's agent has to know of.
    Connection(WorkspaceId),
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
    /// Watches of what a connection has to know of.
    Connections,
    /// Streams of agents and their clients, whose number the server's connections bound.
    Streams,
}

impl Topic {
    /// What a notice is about; none if nobody follows that.
    const fn of(notice: &Notice) -> Option<Self> {
        match notice {
            Notice::JobLogs { job } | Notice::JobEnded { job } => Some(Self::Job(*job)),
            Notice::AgentLogs { agent } => Some(Self::AgentLogs(*agent)),
            Notice::AgentChanged { agent } => Some(Self::Agent(*agent)),
            Notice::PeerChanged { peer } => Some(Self::Peer(*peer)),
            Notice::WorkspaceClaimed { workspace } => Some(Self::Workspace(*workspace)),
            Notice::WorkspaceChanged { workspace } => Some(Self::Connection(*workspace)),
            Notice::JobPosted(_) => None,
        }
    }

    const fn limit(self) -> Limit {
        match self {
            Self::Job(_) => Limit::Jobs,
            Self::AgentLogs(_) => Limit::AgentLogs,
            Self::Connection(_) => Limit::Connections,
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
        match heard {
            Heard::Notice(notice) => {
                let bells = Topic::of(notice).and_then(|topic| state.bells.get(&topic));
                bells.into_iter().for_each(ring);
            }
            Heard::Everything => state.bells.values().for_each(ring),
        }
    }

    /// Whether somebody waits for what a notice is about.
    pub fn wait_for(&self, notice: &Notice) -> bool {
        Topic::of(notice).is_some_and(|topic| self.state().bells.contains_key(&topic))
    }

    /// Wakes everybody who waits for news of peers.
    pub fn hear_of_peers(&self) {
        let state = self.state();
        let of_peers = state.bells.iter().filter(|(topic, _)| matches!(topic, Topic::Peer(_)));
        of_peers.flat_map(|(_, bells)| bells.values()).for_each(|bell| bell.notify_one());
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
