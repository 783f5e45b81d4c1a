//! What replicas of the control plane tell each other: that there may be something new in the database.
//!
//! A transaction leaves a [`Notice`] for its commit. The replica that committed hears it in that instant; every
//! other replica over the same database finds it in its [`Mailbox`] and hears it a little later, or never: see
//! [`crate::notices`]. A notice is no news in itself, only a reason to look, so a full mailbox is emptied and says
//! "look at everything" instead (J14), and one that is lost is made up for by the next poll.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_wire::id::{AgentId, JobId, PeerId, WorkspaceId};
use tokio::sync::Notify;

use crate::operations::Posting;

/// Whether a replica waits for what a notice is about.
type Wants = Box<dyn Fn(&Notice) -> bool + Send>;

/// Something changed in the database that somebody may wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A job began to wait.
    JobPosted(Posting),
    /// Lines were added to a job's log.
    JobLogs {
        /// The job.
        job: JobId,
    },
    /// A job ended.
    JobEnded {
        /// The job.
        job: JobId,
    },
    /// Lines were added to an agent's logs.
    AgentLogs {
        /// The agent.
        agent: AgentId,
    },
    /// An agent was found to be outdated.
    AgentChanged {
        /// The agent.
        agent: AgentId,
    },
    /// Something changed among those whom a peer can reach, or by whom it can be reached.
    PeerChanged {
        /// The peer to be told.
        peer: PeerId,
    },
    /// A workspace that was built ahead became a person's, or has been built as theirs.
    WorkspaceClaimed {
        /// The workspace.
        workspace: WorkspaceId,
    },
    /// Something changed of what a connection to a workspace's agent has to know of: whose the workspace is, its latest
    /// build, where that build's job stands, or a step of an agent's life.
    WorkspaceChanged {
        /// The workspace.
        workspace: WorkspaceId,
    },
}

impl Notice {
    /// The word that events use.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::JobPosted(_) => "job_posted",
            Self::JobLogs { .. } => "job_logs",
            Self::JobEnded { .. } => "job_ended",
            Self::AgentLogs { .. } => "agent_logs",
            Self::AgentChanged { .. } => "agent_changed",
            Self::PeerChanged { .. } => "peer_changed",
            Self::WorkspaceClaimed { .. } => "workspace_claimed",
            Self::WorkspaceChanged { .. } => "workspace_changed",
        }
    }

    /// Whether only those replicas are told at which somebody waits for it. It is so where there are far more changes
    /// than people who wait for them: every build changes several times, and few workspaces are watched.
    pub const fn is_on_demand(&self) -> bool {
        match self {
            Self::JobPosted(_)
            | Self::JobLogs { .. }
            | Self::JobEnded { .. }
            | Self::AgentLogs { .. }
            | Self::AgentChanged { .. }
            | Self::PeerChanged { .. }
            | Self::WorkspaceClaimed { .. } => false,
            Self::WorkspaceChanged { .. } => true,
        }
    }
}

/// What a replica hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// One notice.
    Notice(Notice),
    /// More than its mailbox holds: anything may have changed.
    Everything,
}

struct Slot {
    waiting: VecDeque<Notice>,
    overflowed: bool,
    room: usize,
    bell: Arc<Notify>,
    wants: Wants,
}

/// The mailboxes of all replicas over one database. Cheap to clone; every clone is the same.
#[derive(Clone, Default)]
pub(super) struct Mailboxes {
    inner: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: u64,
    slots: BTreeMap<u64, Slot>,
}

/// A replica's mailbox. What is in it is lost with it.
pub struct Mailbox {
    id: u64,
    mailboxes: Mailboxes,
    bell: Arc<Notify>,
}

impl Mailboxes {
    pub(super) fn open(&self, room: usize, wants: Wants) -> Mailbox {
        let mut state = self.state();
        state.last += 1;
        let (id, bell) = (state.last, Arc::<Notify>::default());
        let slot = Slot { waiting: VecDeque::new(), overflowed: false, room, bell: bell.clone(), wants };
        state.slots.insert(id, slot);
        Mailbox { id, mailboxes: self.clone(), bell }
    }

    /// Puts a notice into every mailbox but the one of the replica that committed, in the order in which they were
    /// opened; one on demand only into those of replicas that want it.
    pub(super) fn put(&self, notice: &Notice, except: Option<u64>) {
        for (_, slot) in self.state().slots.iter_mut().filter(|(id, _)| Some(**id) != except) {
            slot.put(notice);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn put(&mut self, notice: &Notice) {
        // The same reason to look, twice in a row, is one.
        if self.overflowed || self.waiting.back() == Some(notice) || (notice.is_on_demand() && !(self.wants)(notice)) {
            return;
        }
        if self.waiting.len() < self.room {
            self.waiting.push_back(notice.clone());
        } else {
            self.waiting.clear();
            self.overflowed = true;
        }
        self.bell.notify_one();
    }
}

impl Mailbox {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Returns once something may have been put in since the last call. Cancel safe.
    pub async fn changed(&self) {
        self.bell.notified().await;
    }

    /// Takes out what is in it, oldest first.
    pub fn take(&self) -> Vec<Heard> {
        let mut state = self.mailboxes.state();
        let Some(slot) = state.slots.get_mut(&self.id) else { return Vec::new() };
        if std::mem::take(&mut slot.overflowed) {
            return vec![Heard::Everything];
        }
        slot.waiting.drain(..).map(Heard::Notice).collect()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.mailboxes.state().slots.remove(&self.id);
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("id", &self.id).finish_non_exhaustive()
    }
}
