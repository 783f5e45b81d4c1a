//! Who an agent is to its control plane: it learns it with each session.

use std::sync::{Mutex, PoisonError};

use groundhog_host::event::Id;
use groundhog_wire::id::AgentId;
use uuid::Uuid;

/// The agent's id, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    agent: Mutex<Option<AgentId>>,
}

impl Identity {
    /// The control plane says who the agent is.
    pub(crate) fn learn(&self, agent: AgentId) {
        *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = Some(agent);
    }

    /// As an event's field; the nil id while the agent does not know.
    pub(crate) fn event(&self) -> Id {
        let agent = *self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        agent.unwrap_or(AgentId(Uuid::nil())).event()
    }
}
