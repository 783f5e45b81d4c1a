//! An agent's presence: one Connect call, from its first answer to its end.
//!
//! The agent beats, and each beat is noted. The call ends when the agent hangs up, when nothing is heard of it, when a
//! newer call of the agent's has taken over, or when its build is outdated; whatever the reason, it is noted that the
//! agent is gone, unless another call of it counts by then.

use groundhog_wire::v1;
use tokio::{select, sync::mpsc};
use tonic::{Status, Streaming};

use crate::{
    coordination::Site,
    events,
    messages::{Messages, last_word, stopping},
    operations::agent::presence::{self, Beat},
    refusal::{CallError, Refusal},
    store::{
        agents::Agent,
        notices::{Heard, Notice},
    },
};

/// One Connect call of an agent that was let in.
pub(crate) struct Presence {
    site: Site,
    agent: Agent,
    connection: i64,
    requests: Streaming<v1::ConnectRequest>,
    answers: mpsc::Sender<Result<v1::ConnectResponse, Status>>,
}

/// How a call ends: what is noted, and what the agent is told, if it still listens.
struct End {
    why: &'static str,
    status: Option<Status>,
}

impl Presence {
    /// The call's task, still to be run, and the answer that it gives.
    pub(crate) fn new(
        site: &Site,
        (agent, connection): (Agent, i64),
        requests: Streaming<v1::ConnectRequest>,
    ) -> (Self, Messages<v1::ConnectResponse>) {
        let (answers, messages) = Messages::new();
        (Self { site: site.clone(), agent, connection, requests, answers }, messages)
    }

    /// Tells the agent how often to beat, and notes its beats until the end.
    pub(crate) async fn run(mut self) {
        let beat_interval_ms = u32::try_from(self.site.config.agents.beat_interval.as_millis()).unwrap_or(u32::MAX);
        // There is room: nothing was sent before.
        let _ = self.answers.try_send(Ok(v1::ConnectResponse { beat_interval_ms }));
        let End { why, status } = self.last().await;
        let Self { site, agent, connection, answers, .. } = self;
        let gone = site.store.transact("an agent has gone", |tx| presence::disconnect(tx, &agent, connection, why));
        if let Err(error) = gone.await {
            // The clocks say the same within three beats.
            tracing::warn!(agent = %agent.id, %error, "an agent's going could not be noted");
        }
        if let Some(status) = status {
            last_word(&site.host, &answers, status).await;
        }
    }

    async fn last(&mut self) -> End {
        let inactive_after = self.site.config.agents.inactive_after;
        loop {
            let request = select! {
                biased;
                // First what the agent says; a hang-up and a shutdown end the wait for it.
                request = self.site.host.timeout(inactive_after, self.requests.message()) => request,
                () = self.answers.closed() => return End { why: "the agent hung up", status: None },
                () = self.site.shutdown.cancelled() => {
                    return End { why: "the control plane is stopping", status: Some(stopping()) };
                }
            };
            match request {
                Ok(Ok(Some(request))) if request.beat => {
                    if let Some(end) = self.beat().await {
                        return end;
                    }
                }
                // The call's first message, which says nothing but that the agent is there.
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) => return End { why: "the agent hung up", status: None },
                Ok(Err(_)) => return End { why: "the connection broke", status: None },
                Err(_) => {
                    let status = Status::deadline_exceeded("nothing was heard of the agent for too long");
                    return End { why: "nothing was heard of the agent", status: Some(status) };
                }
            }
        }
    }

    async fn beat(&self) -> Option<End> {
        let Self { site, agent, connection, .. } = self;
        match site.store.transact("an agent's beat", |tx| presence::beat(tx, agent, *connection)).await {
            Ok(Beat::Noted) => None,
            Ok(Beat::Outdated) => {
                let refusal = Refusal::outdated();
                events::rpc_refused("Connect", &agent.name, &refusal.to_string());
                // The agent's other calls at this replica end with this one.
                site.store.hear(&Heard::Notice(Notice::AgentChanged { agent: agent.id }));
                Some(End { why: "its build is outdated", status: Some(CallError::from(refusal).into()) })
            }
            Ok(Beat::TakenOver) => {
                let status = Status::aborted("a newer connection of this agent has taken over");
                Some(End { why: "a newer connection has taken over", status: Some(status) })
            }
            Err(error) => {
                // The next beat may do better; if none does, the clocks say that the agent is gone.
                tracing::warn!(agent = %agent.id, %error, "an agent's beat could not be noted");
                None
            }
        }
    }
}
