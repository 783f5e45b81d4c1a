//! One end of coordination: a call of an agent's or a client's, from its first answer to its end.
//!
//! The peer tells where it is and, a client, whom it wants to reach; it is told of those at the other ends. The first
//! answer has all of them; later ones say what has changed. How the call ends decides what the others hear: a peer that
//! said that it goes has gone, and so has an agent whose build is outdated; any other is lost.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use groundhog_host::{Backoff, Host};
use groundhog_wire::{
    Caller,
    id::PeerId,
    v1::{self, coordinate_request::Kind},
};
use tokio::{select, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::{
    config::Config,
    coordinator::{Coordinator, Place},
    followers::{Follower, Followers, Topic},
    identity,
    messages::{last_word, stopping},
    operations::coordination::{self, Call, End, Handled},
    peer_status::{self, Telling},
    refusal::{CallError, Refusal},
    relay::Relay,
    rpc::told,
    store::{Store, Tx},
};

/// How long a client may take to say who it is.
const INTRODUCTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two tries to note a call's end.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// What calls of coordination have in common at a replica.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) host: Host,
    pub(crate) store: Store,
    pub(crate) followers: Followers,
    pub(crate) coordinator: Coordinator,
    pub(crate) relay: Relay,
    pub(crate) config: Arc<Config>,
    pub(crate) shutdown: CancellationToken,
}

/// A call that is about to begin.
pub(crate) struct Coordination {
    pub(crate) site: Site,
    /// The method's name.
    pub(crate) method: &'static str,
    pub(crate) caller: Caller,
    /// The caller's name.
    pub(crate) name: String,
    pub(crate) requests: Streaming<v1::CoordinateRequest>,
    pub(crate) answers: mpsc::Sender<Result<v1::CoordinateResponse, Status>>,
}

/// What is to be noted of a call's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    /// The peer is lost.
    Lost,
    /// Nothing: the peer has said that it goes, or a newer call of its counts.
    Nothing,
    /// The peer has gone.
    Gone,
}

/// How a call ended: what is to be noted, and what the peer is told, if it still listens.
type Ended = (Note, Option<Status>);

/// A call that has begun.
struct Open {
    call: Call,
    peer: PeerId,
    follower: Follower,
    told: BTreeMap<PeerId, Telling>,
    _place: Place,
}

impl Coordination {
    /// An agent's call.
    pub(crate) async fn run_agent(self) {
        let end = self.site.transact(|tx| self.agent(tx)).await;
        self.go(end).await;
    }

    /// A client's call, which begins with an introduction.
    pub(crate) async fn run_client(mut self) {
        let introduction = select! {
            biased;
            // First what the client says; a hang-up and a shutdown end the wait for it.
            request = self.site.host.timeout(INTRODUCTION_TIMEOUT, self.requests.message()) => request,
            () = self.answers.closed() => return,
            () = self.site.shutdown.cancelled() => {
                return last_word(&self.site.host, &self.answers, stopping()).await;
            }
        };
        let expected = || Refusal::Invalid("expected an introduction with a peer's id, a UUID".to_owned());
        let peer = match introduction {
            Ok(Ok(Some(v1::CoordinateRequest { kind: Some(Kind::Introduce(introduce)) }))) => {
                introduce.peer_id.parse().map(PeerId).map_err(|_| expected())
            }
            Ok(Ok(_)) => Err(expected()),
            Ok(Err(_)) => return,
            Err(_) => Err(Refusal::Invalid("no introduction came in time".to_owned())),
        };
        let end = match peer {
            Ok(peer) => self.site.transact(|tx| self.client(tx, peer)).await,
            Err(refusal) => Err(refusal.into()),
        };
        self.go(end).await;
    }

    fn agent(&self, tx: &Tx<'_>) -> Result<End, CallError> {
        let lifetime = self.site.config.agents.session_lifetime;
        identity::agent(tx, &self.caller, lifetime, &mut String::new()).map(End::Agent)
    }

    fn client(&self, tx: &Tx<'_>, peer: PeerId) -> Result<End, CallError> {
        Ok(End::Client(peer, identity::user(tx, &self.caller)?))
    }

    /// Who calls, looked up anew.
    fn end(&self, tx: &Tx<'_>, end: &End) -> Result<End, CallError> {
        match end {
            End::Agent(_) => self.agent(tx),
            End::Client(peer, _) => self.client(tx, *peer),
        }
    }

    async fn go(mut self, end: Result<End, CallError>) {
        let end = match end {
            Ok(end) => end,
            Err(error) => return self.refuse(error).await,
        };
        let peer = end.peer();
        let place = self.site.coordinator.join();
        // Their number is bounded by that of connections and calls.
        let Some(mut follower) = self.site.followers.join(Topic::Peer(peer), usize::MAX) else { return };
        if let End::Agent(agent) = &end {
            follower.also(Topic::Agent(agent.id));
        }
        let connected = self.site.transact(|tx| coordination::connect(tx, &end, place.coordinator)).await;
        let call = match connected {
            Ok(call) => call,
            Err(error) => return self.refuse(error).await,
        };
        let mut open = Open { call, peer, follower, told: BTreeMap::new(), _place: place };
        let (note, status) = match self.serve(&mut open, &end).await {
            Ok(ended) => ended,
            Err(error) => {
                let gone = matches!(&error, CallError::Refused(refusal) if *refusal == Refusal::outdated());
                let status = told(self.method, &self.name, error);
                (if gone { Note::Gone } else { Note::Lost }, Some(status))
            }
        };
        self.note(&open, note).await;
        drop(open);
        if let Some(status) = status {
            last_word(&self.site.host, &self.answers, status).await;
        }
    }

    /// Answers until the end; an error is one, too.
    async fn serve(&mut self, open: &mut Open, end: &End) -> Result<Ended, CallError> {
        let mut first = true;
        loop {
            let (call, peers) = (open.call, self.site.config.agents.peers);
            let view = self.site.transact(|tx| {
                let end = self.end(tx, end)?;
                coordination::view(tx, &end, call, &peers)
            });
            let Some(view) = view.await? else { return Ok(taken_over()) };
            let updates = peer_status::updates(&mut open.told, view);
            if (std::mem::take(&mut first) || !updates.is_empty()) && !self.tell(updates).await {
                return Ok((Note::Lost, None));
            }
            if let Some(ended) = self.until_changed(open, end).await? {
                return Ok(ended);
            }
        }
    }

    /// Sends an answer; whether the peer still listens.
    async fn tell(&self, updates: Vec<v1::PeerUpdate>) -> bool {
        select! {
            biased;
            // First who reads; a hang-up ends this too.
            told = self.answers.send(Ok(v1::CoordinateResponse { updates })) => told.is_ok(),
            () = self.site.shutdown.cancelled() => false,
        }
    }

    /// Carries out requests until there may be something to tell. Some if the call is over.
    async fn until_changed(&mut self, open: &mut Open, end: &End) -> Result<Option<Ended>, CallError> {
        loop {
            let request = select! {
                biased;
                // First what the peer says: its good-bye must not be lost in a hang-up or a shutdown that comes with
                // it.
                request = self.requests.message() => request,
                () = self.answers.closed() => return Ok(Some((Note::Lost, None))),
                () = self.site.shutdown.cancelled() => return Ok(Some((Note::Lost, Some(stopping())))),
                () = open.follower.heard() => return Ok(None),
            };
            let Ok(Some(request)) = request else { return Ok(Some((Note::Lost, None))) };
            let (call, peers) = (open.call, self.site.config.agents.peers);
            let handled = self.site.transact(|tx| {
                let end = self.end(tx, end)?;
                coordination::handle(tx, &end, call, &request, &peers)
            });
            match handled.await? {
                Handled::On => {}
                Handled::Gone => return Ok(Some((Note::Nothing, None))),
                Handled::TakenOver => return Ok(Some(taken_over())),
            }
        }
    }

    /// Notes how the call ended, for as long as that takes: the others would otherwise take the peer for one that is
    /// there.
    async fn note(&self, open: &Open, note: Note) {
        let (call, peer) = (open.call, open.peer);
        let mut backoff = Backoff::new(RETRY_MIN, RETRY_MAX);
        if note == Note::Nothing {
            return;
        }
        loop {
            let work = |tx: &Tx<'_>| match note {
                Note::Gone => coordination::leave(tx, peer, Some(call)),
                Note::Lost | Note::Nothing => coordination::lose(tx, peer, call),
            };
            let Err(error) = self.site.store.transact("a peer's call has ended", work).await else { return };
            tracing::warn!(%peer, %error, "the end of a peer's call could not be noted");
            select! {
                biased;
                // First the shutdown: then the replica falls silent, which says the same.
                () = self.site.shutdown.cancelled() => return,
                () = self.site.host.sleep(backoff.next_wait()) => {}
            }
        }
    }

    async fn refuse(&self, error: CallError) {
        last_word(&self.site.host, &self.answers, told(self.method, &self.name, error)).await;
    }
}

fn taken_over() -> Ended {
    (Note::Nothing, Some(Status::aborted("a newer call of this peer has taken over")))
}

impl Site {
    async fn transact<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, CallError>) -> Result<T, CallError> {
        self.store.transact("coordinate", work).await
    }
}
