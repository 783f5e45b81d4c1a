//! The steps of an agent's life, and telling the control plane of them.
//!
//! - [`core`]: the rule: forward only, each step told once and in order, all of them again to another agent id.
//! - `report`: telling of them.
//! - [`Lifecycle`] (here): the rule where the parts of an agent reach it.

pub(crate) mod core;
mod report;

use std::sync::{Mutex, MutexGuard, PoisonError};

use groundhog_host::Host;
use groundhog_wire::id::AgentId;
use tokio::sync::Notify;
use uuid::Uuid;

use self::core::{Core, State, Step};
use crate::{events, identity::Identity};

/// The steps of an agent's life: where it has come to, and what of it the control plane knows.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    host: Host,
    process: Uuid,
    core: Mutex<Core>,
    /// Woken when there is a step more, or one of them has been told.
    changed: Notify,
}

impl Lifecycle {
    pub(crate) fn new(host: &Host, process: Uuid) -> Self {
        Self { host: host.clone(), process, core: Mutex::default(), changed: Notify::new() }
    }

    /// The agent has come to `state`; nothing, if it is there already or beyond.
    pub(crate) fn advance(&self, state: State, identity: &Identity) {
        let at_ms = self.host.wall().as_millisecond();
        if self.core().advance(state, at_ms) {
            events::agent_lifecycle(identity.event(), events::process(self.process), state.name());
            self.changed.notify_waiters();
        }
    }

    /// What comes is told under this id.
    pub(crate) fn connected(&self, agent: AgentId) {
        self.core().connected(agent);
    }

    /// Waits for the next step that `agent` has to tell of. Cancel safe.
    pub(crate) async fn due(&self, agent: AgentId) -> Step {
        loop {
            let changed = self.changed.notified();
            if let Some(step) = self.core().due(agent) {
                return step;
            }
            changed.await;
        }
    }

    /// The control plane knows of that step.
    pub(crate) fn told(&self, agent: AgentId, step: Step) {
        self.core().told(agent, step);
        self.changed.notify_waiters();
    }

    /// Waits until every step has been told. Cancel safe.
    pub(crate) async fn all_told(&self) {
        loop {
            let changed = self.changed.notified();
            if self.core().all_told() {
                return;
            }
            changed.await;
        }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
