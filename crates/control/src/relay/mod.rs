//! Paths to agents over this replica, for clients that can't reach them directly.
//!
//! An agent listens by a call that stays open (`listening`); a client that comes is told to it there, and it takes the
//! visit by a call of its own (`visiting`). From then on the bytes of the two calls are passed from one to the other
//! (`passing`), until one of them ends or the client may no longer reach the agent. Who is there is kept in [`table`].
//!
//! A relay knows nothing of what it passes on. The agent lets a client in by the same hello as on a direct path.

pub(crate) mod listening;
pub(crate) mod passing;
pub mod table;
pub(crate) mod visiting;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_wire::{
    id::AgentId,
    v1::{self, relay_chunk::Kind},
};
use tokio::{
    select,
    sync::{Notify, mpsc, oneshot},
};
use tonic::{Status, Streaming};

use self::table::{News, Refused, Table, VisitId};
use crate::{coordination::Site, messages::stopping, refusal::Refusal};

/// How long either end may take to say what its call is for, and an agent to take a visit.
const PATIENCE: Duration = Duration::from_secs(10);

/// Visits that an agent may have at a relay, those that wait included.
const VISITS_MAX: usize = 256;

/// One end of a path: what it sends, and where to send it the other end's.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) chunks: Streaming<v1::RelayChunk>,
    /// None once the other end's direction has ended.
    pub(crate) answers: Option<mpsc::Sender<Result<v1::RelayChunk, Status>>>,
}

/// The relay of a replica. Cheap to clone; every clone is the same.
#[derive(Clone, Default)]
pub(crate) struct Relay {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    table: Table,
    /// Rung when the agent's call may have something to tell.
    bells: BTreeMap<AgentId, Arc<Notify>>,
    /// Where the visits wait that are not taken.
    waiting: BTreeMap<VisitId, oneshot::Sender<Box<Side>>>,
}

/// A call by which an agent listens. Dropping it ends that.
pub(crate) struct Listener {
    relay: Relay,
    agent: AgentId,
    call: u64,
    bell: Arc<Notify>,
}

/// A visit. Dropping it ends it.
pub(crate) struct Visit {
    relay: Relay,
    agent: AgentId,
    pub(crate) id: VisitId,
    taken: oneshot::Receiver<Box<Side>>,
}

impl Relay {
    fn state(&self) -> MutexGuard<'_, State> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An agent listens from now on.
    pub(crate) fn listen(&self, agent: AgentId) -> Listener {
        let mut state = self.state();
        let (call, bell) = (state.table.listen(agent), Arc::<Notify>::default());
        if let Some(older) = state.bells.insert(agent, bell.clone()) {
            older.notify_one();
        }
        Listener { relay: self.clone(), agent, call, bell }
    }

    /// A client visits an agent.
    pub(crate) fn visit(&self, agent: AgentId, id: VisitId) -> Result<Visit, Refused> {
        let mut state = self.state();
        state.table.visit(agent, id, VISITS_MAX)?;
        let (sender, taken) = oneshot::channel();
        state.waiting.insert(id, sender);
        state.bells.get(&agent).into_iter().for_each(|bell| bell.notify_one());
        Ok(Visit { relay: self.clone(), agent, id, taken })
    }

    /// An agent takes a visit. Its side is given back if there is no such visit, or no more.
    pub(crate) fn accept(&self, agent: AgentId, id: VisitId, side: Box<Side>) -> Result<(), Box<Side>> {
        let mut state = self.state();
        if !state.table.accept(agent, id) {
            return Err(side);
        }
        match state.waiting.remove(&id) {
            Some(sender) => sender.send(side),
            None => Err(side),
        }
    }
}

impl Listener {
    /// What the agent is to be told next.
    pub(crate) fn next(&self) -> News {
        self.relay.state().table.next(self.agent, self.call)
    }

    /// Returns once there may be something to tell since the last call. Cancel safe.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = self.relay.state();
        state.table.leave(self.agent, self.call);
        if state.bells.get(&self.agent).is_some_and(|bell| Arc::ptr_eq(bell, &self.bell)) {
            state.bells.remove(&self.agent);
        }
    }
}

impl Visit {
    /// The agent's side, once it has taken the visit. Cancel safe.
    pub(crate) async fn taken(&mut self) -> Option<Box<Side>> {
        // The sender is kept as long as the visit waits.
        (&mut self.taken).await.ok()
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut state = self.relay.state();
        state.table.end(self.agent, self.id);
        state.waiting.remove(&self.id);
    }
}

/// The refusal of a call that needs a relay where there is none.
pub(crate) fn check_is_relay(site: &Site) -> Result<(), Refusal> {
    match site.config.agents.relay {
        0 => Err(Refusal::State("there is no relay here: the relay map says where there is one".to_owned())),
        _ => Ok(()),
    }
}

/// The first chunk of a call, which says what it is for. What the caller is told instead if none came; none if it does
/// not listen.
async fn first(site: &Site, side: &mut Side) -> Result<Kind, Option<Status>> {
    let Some(answers) = &side.answers else { return Err(None) };
    let chunk = select! {
        biased;
        // First what the caller says; a hang-up and a shutdown end the wait for it.
        chunk = site.host.timeout(PATIENCE, side.chunks.message()) => chunk,
        () = answers.closed() => return Err(None),
        () = site.shutdown.cancelled() => return Err(Some(stopping())),
    };
    match chunk {
        Ok(Ok(Some(v1::RelayChunk { kind: Some(kind) }))) => Ok(kind),
        Ok(Ok(Some(v1::RelayChunk { kind: None }) | None)) => Err(Some(unexpected())),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(Some(Status::deadline_exceeded("what the call is for was not said in time"))),
    }
}

/// What a call ends with whose first chunk is another than that of its kind.
fn unexpected() -> Status {
    Status::invalid_argument("expected a first chunk that names the visit")
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("table", &self.state().table).finish_non_exhaustive()
    }
}
