//! The agents that listen at a relay and the visits to them, as pure state.
//!
//! An agent listens by a call; a newer one takes over. A visit waits until the agent has taken it, and is there until
//! it ends. It is told to each call of the agent's once while it waits, so that a call which broke with it unread is
//! made up for by the next one.

use std::collections::BTreeMap;

use groundhog_host::event;
use groundhog_wire::id::AgentId;
use uuid::Uuid;

/// Which visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VisitId(pub Uuid);

impl VisitId {
    /// The id as an event's field.
    pub const fn event(self) -> event::Id {
        event::Id { kind: "visit", uuid: self.0 }
    }
}

/// A visit can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The agent does not listen here; it may listen elsewhere, or soon.
    #[error("the agent does not listen at this relay: look where it is, and try again")]
    NotListening,
    /// The agent has as many visits as it may have.
    #[error("the agent has too many visits over this relay: try again")]
    TooMany,
}

/// What a call by which an agent listens is to tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    Nothing,
    /// This visit.
    Visit(VisitId),
    /// That a newer call has taken over.
    TakenOver,
}

/// The agents that listen and their visits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// How many calls there have been.
    calls: u64,
    agents: BTreeMap<AgentId, Entry>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// The call by which the agent listens.
    listens: Option<u64>,
    /// How many visits there have been since the entry was made.
    count: u64,
    /// In the order in which they came.
    visits: BTreeMap<u64, Visit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Visit {
    id: VisitId,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The agent has not taken it. It was told to this call.
    Waits(Option<u64>),
    /// The agent has.
    Taken,
}

impl Table {
    /// An agent listens; the number of the call. An older one is taken over.
    pub fn listen(&mut self, agent: AgentId) -> u64 {
        self.calls += 1;
        self.agents.entry(agent).or_default().listens = Some(self.calls);
        self.calls
    }

    /// A call by which an agent listened has ended. Its visits go on, and those that wait may still be taken.
    pub fn leave(&mut self, agent: AgentId, call: u64) {
        if let Some(entry) = self.agents.get_mut(&agent).filter(|entry| entry.listens == Some(call)) {
            entry.listens = None;
        }
        self.tidy(agent);
    }

    /// A client comes.
    pub fn visit(&mut self, agent: AgentId, id: VisitId, visits_max: usize) -> Result<(), Refused> {
        let entry = self.agents.get_mut(&agent).filter(|entry| entry.listens.is_some()).ok_or(Refused::NotListening)?;
        if entry.visits.len() >= visits_max {
            return Err(Refused::TooMany);
        }
        entry.count += 1;
        entry.visits.insert(entry.count, Visit { id, state: State::Waits(None) });
        Ok(())
    }

    /// What a call is to tell next. A visit counts as told from then on.
    pub fn next(&mut self, agent: AgentId, call: u64) -> News {
        let Some(entry) = self.agents.get_mut(&agent).filter(|entry| entry.listens == Some(call)) else {
            return News::TakenOver;
        };
        let untold = |visit: &&mut Visit| matches!(visit.state, State::Waits(told) if told != Some(call));
        match entry.visits.values_mut().find(untold) {
            Some(visit) => {
                visit.state = State::Waits(Some(call));
                News::Visit(visit.id)
            }
            None => News::Nothing,
        }
    }

    /// An agent takes a visit; whether it waited, and for this agent.
    pub fn accept(&mut self, agent: AgentId, id: VisitId) -> bool {
        let visits = self.agents.get_mut(&agent).into_iter().flat_map(|entry| entry.visits.values_mut());
        let mut waiting = visits.filter(|visit| visit.id == id && visit.state != State::Taken);
        waiting.next().map(|visit| visit.state = State::Taken).is_some()
    }

    /// A visit has ended, taken or not.
    pub fn end(&mut self, agent: AgentId, id: VisitId) {
        if let Some(entry) = self.agents.get_mut(&agent) {
            entry.visits.retain(|_, visit| visit.id != id);
        }
        self.tidy(agent);
    }

    /// Whether nobody listens and nobody visits.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    fn tidy(&mut self, agent: AgentId) {
        if self.agents.get(&agent).is_some_and(|entry| entry.listens.is_none() && entry.visits.is_empty()) {
            self.agents.remove(&agent);
        }
    }
}
