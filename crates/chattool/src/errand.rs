//! A call that is being carried out.

use groundhog_host::{Elapsed, Host, Instant, event};
use groundhog_wire::v1;
use tonic::Status;

use crate::{
    Answer, Session, ToolboxConfig,
    budget::Budgets,
    build::Failure,
    control_plane::ControlPlane,
    events, refusal, texts, timing,
    turns::{Turn, Turns},
};

/// How often a call looks anew before it gives up. Each time somebody else has changed what the chat has, between this
/// call's look and its request; that this happens as often is a sign that it won't end.
pub(crate) const ROUNDS_MAX: u32 = 8;

/// A call that is being carried out: for whom, by what means, and how long it may still wait for what.
#[derive(Debug)]
pub(crate) struct Errand<'a> {
    pub(crate) host: &'a Host,
    pub(crate) config: &'a ToolboxConfig,
    pub(crate) turns: &'a Turns,
    pub(crate) control: ControlPlane,
    pub(crate) session: &'a Session,
    /// Counts the calls of the runtime from 1.
    pub(crate) number: u64,
    pub(crate) budgets: Budgets,
}

/// Whether a chat goes on with something else than before, as the control plane knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// It does.
    Changed,
    /// It went on with that already.
    AsBefore,
    /// The control plane could not be told.
    Failed,
}

impl Errand<'_> {
    /// The chat, as an event's field.
    pub(crate) fn chat(&self) -> event::Id {
        self.session.chat.event()
    }

    /// When looking, deciding and asking is over at the latest, if it begins now.
    pub(crate) fn decide_until(&self) -> Instant {
        self.budgets.decide.until(self.host.now())
    }

    /// Waits for the turn to decide for the chat, as long as the call still may.
    pub(crate) async fn turn(&mut self) -> Result<Turn, Answer> {
        let began = self.host.now();
        let turn = self.turns.take(self.host, self.session.chat, self.budgets.turn.left()).await;
        self.budgets.turn.spend(began, self.host.now());
        turn.map_err(|Elapsed| Answer::Error(texts::NO_TURN.to_owned()))
    }

    /// Says with which build and agent of its workspace the chat goes on; `agent_id` is empty for none yet. A call goes on
    /// without if that can't be said.
    pub(crate) async fn bind(&self, chat: &mut v1::Chat, build_id: &str, agent_id: &str) -> Bound {
        if chat.build_id == build_id && chat.agent_id == agent_id {
            return Bound::AsBefore;
        }
        let request = v1::BindChatRequest {
            chat_id: chat.chat_id.clone(),
            workspace_id: chat.workspace_id.clone(),
            build_id: build_id.to_owned(),
            agent_id: agent_id.to_owned(),
            // One that comes late must not bring back a workspace that the chat no longer has.
            attach: false,
        };
        match self.control.bind_chat(request, self.host.now() + timing::BIND_TIMEOUT).await {
            Ok(bound) => {
                *chat = bound;
                Bound::Changed
            }
            Err(status) => {
                self.pass_over("bind chat", &status);
                Bound::Failed
            }
        }
    }

    /// Lets it be known that the chat goes on with something else: `what` is as in [`events::chat_updated`].
    pub(crate) fn tell_updated(&self, chat: &v1::Chat, what: &'static str) {
        events::chat_updated(self.number, self.chat(), what);
        if let Some(observer) = &self.config.observer {
            observer.chat_updated(chat);
        }
    }

    /// Notes that the call goes on without something that could not be done or read.
    pub(crate) fn pass_over(&self, step: &str, status: &Status) {
        events::passed_over(self.number, self.chat(), &refusal::read_failed(step, status));
    }

    /// What the person's workspaces cost, if that is why nothing came of a build. The time is what the agent of that build
    /// would have had.
    pub(crate) async fn quota(&mut self, chat: &v1::Chat, failure: &Failure) -> Option<v1::Quota> {
        if !failure.insufficient_quota {
            return None;
        }
        let began = self.host.now();
        let quota = self.control.quota(&chat.organization, self.budgets.agent.until(began)).await;
        self.budgets.agent.spend(began, self.host.now());
        quota.inspect_err(|status| self.pass_over("get quota", status)).ok()
    }

    /// Takes off the time to decide what has passed since `began`.
    pub(crate) fn spend_deciding(&mut self, began: Instant) {
        self.budgets.decide.spend(began, self.host.now());
    }
}
