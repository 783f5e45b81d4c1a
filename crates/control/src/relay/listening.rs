//! An agent listens at this replica's relay: one ListenRelay call, from its first answer to its end.

use groundhog_wire::{
    Caller,
    v1::{self, relay_news},
};
use tokio::{select, sync::mpsc};
use tonic::Status;

use super::{
    Listener,
    table::{News, VisitId},
};
use crate::{
    coordination::Site,
    followers::Follower,
    identity,
    messages::{last_word, stopping},
    refusal::CallError,
    rpc::told,
    store::Tx,
};

/// The method's name.
pub(crate) const METHOD: &str = "ListenRelay";

/// One ListenRelay call of an agent that was let in.
pub(crate) struct Listening {
    pub(crate) site: Site,
    pub(crate) caller: Caller,
    /// The agent's name.
    pub(crate) name: String,
    pub(crate) listener: Listener,
    /// Of the agent: whether it is still let in.
    pub(crate) follower: Follower,
    pub(crate) answers: mpsc::Sender<Result<v1::RelayNews, Status>>,
}

impl Listening {
    /// Tells the agent of its visits until the end.
    pub(crate) async fn run(self) {
        let relay = self.site.config.agents.relay;
        let listening = relay_news::Kind::Listening(v1::RelayListening { relay });
        if !self.tell(listening).await {
            return;
        }
        let status = loop {
            match self.listener.next() {
                News::TakenOver => break Status::aborted("a newer call of this agent has taken over"),
                News::Visit(VisitId(visit)) => {
                    let visit = v1::RelayVisit { visit_id: visit.to_string() };
                    if !self.tell(relay_news::Kind::Visit(visit)).await {
                        return;
                    }
                }
                News::Nothing => match self.until_changed().await {
                    Ok(()) => {}
                    Err(Some(status)) => break status,
                    Err(None) => return,
                },
            }
        };
        let Self { site, listener, answers, .. } = self;
        // From now on nobody is sent to it here.
        drop(listener);
        last_word(&site.host, &answers, status).await;
    }

    /// Sends a message; whether the agent still listens.
    async fn tell(&self, kind: relay_news::Kind) -> bool {
        select! {
            biased;
            // First who reads; a hang-up ends this too.
            told = self.answers.send(Ok(v1::RelayNews { kind: Some(kind) })) => told.is_ok(),
            () = self.site.shutdown.cancelled() => false,
        }
    }

    /// Waits until there may be something to tell. An error if the call is over; with what the agent is told of it, if
    /// it still listens.
    async fn until_changed(&self) -> Result<(), Option<Status>> {
        let poll = self.site.config.agents.beat_interval;
        select! {
            biased;
            // First the hang-up and the shutdown, after which nobody is told anything more.
            () = self.answers.closed() => return Err(None),
            () = self.site.shutdown.cancelled() => return Err(Some(stopping())),
            // Then the visits, which have somebody waiting.
            () = self.listener.rung() => return Ok(()),
            () = self.follower.heard() => {}
            // What makes an agent one that is not let in is not always heard of at this replica.
            () = self.site.host.sleep(poll) => {}
        }
        let lifetime = self.site.config.agents.session_lifetime;
        let look = |tx: &Tx<'_>| identity::agent(tx, &self.caller, lifetime, &mut String::new());
        match self.site.store.transact("an agent listens", look).await {
            Ok(_) => Ok(()),
            Err(error @ CallError::Refused(_)) => Err(Some(told(METHOD, &self.name, error))),
            // It is looked at again in a while; until then clients are looked at one by one.
            Err(error @ CallError::Store(_)) => {
                tracing::warn!(method = METHOD, caller = self.name, %error, "an agent that listens met a database failure");
                Ok(())
            }
        }
    }
}
