//! A client visits an agent over this replica's relay, and the agent takes the visit: VisitAgent and AcceptRelayVisit.

use std::convert::Infallible;

use groundhog_wire::{
    Caller,
    id::{AgentId, PeerId},
    v1::{self, relay_chunk::Kind},
};
use tokio::select;
use tonic::Status;
use uuid::Uuid;

use super::{PATIENCE, Relay, Side, Visit, first, passing::pass, table::VisitId, unexpected};
use crate::{
    coordination::Site,
    events,
    followers::{Follower, Topic},
    identity,
    messages::{last_word, stopping},
    operations::relay,
    refusal::{CallError, Refusal},
    rpc::told,
    store::Tx,
};

/// The method by which clients come.
pub(crate) const VISIT: &str = "VisitAgent";

/// The method by which agents take them.
pub(crate) const ACCEPT: &str = "AcceptRelayVisit";

/// One VisitAgent call of a person.
pub(crate) struct Visiting {
    pub(crate) site: Site,
    pub(crate) relay: Relay,
    pub(crate) caller: Caller,
    /// The caller's name.
    pub(crate) name: String,
    pub(crate) side: Side,
}

/// Who visits whom.
#[derive(Clone, Copy)]
struct Path {
    peer: PeerId,
    agent: AgentId,
}

impl Visiting {
    /// Finds the agent, and passes bytes until the end.
    pub(crate) async fn run(mut self) {
        let path = match first(&self.site, &mut self.side).await {
            Ok(Kind::Visit(visit)) => path(&visit).map_err(|error| Some(told(VISIT, &self.name, error.into()))),
            Ok(Kind::Accept(_) | Kind::Data(_)) => Err(Some(unexpected())),
            Err(status) => Err(status),
        };
        let path = match path {
            Ok(path) => path,
            Err(status) => return end(&self.site, self.side, status).await,
        };
        // Before the first look, so that no change after it is missed. Their number is bounded by that of connections
        // and calls.
        let Some(mut follower) = self.site.followers.join(Topic::Peer(path.peer), usize::MAX) else { return };
        follower.also(Topic::Peer(PeerId(path.agent.0)));
        follower.also(Topic::Agent(path.agent));
        if let Err(error) = self.check(path).await {
            let status = told(VISIT, &self.name, error);
            return end(&self.site, self.side, Some(status)).await;
        }
        let id = VisitId(self.site.host.new_id("visit"));
        let visit = match self.relay.visit(path.agent, id) {
            Ok(visit) => visit,
            Err(refused) => {
                return end(&self.site, self.side, Some(Status::unavailable(refused.to_string()))).await;
            }
        };
        self.meet(path, visit, follower).await;
    }

    /// Waits for the agent and passes bytes.
    async fn meet(self, path: Path, mut visit: Visit, follower: Follower) {
        let Some(answers) = &self.side.answers else { return };
        let taken = select! {
            biased;
            // First the agent, whom the client waits for.
            taken = self.site.host.timeout(PATIENCE, visit.taken()) => taken,
            () = answers.closed() => return,
            () = self.site.shutdown.cancelled() => return end(&self.site, self.side, Some(stopping())).await,
        };
        let Ok(Some(mut agent)) = taken else {
            let status = Status::deadline_exceeded("the agent did not take the visit in time");
            return end(&self.site, self.side, Some(status)).await;
        };
        events::relay_visited(path.agent.event(), visit.id.event());
        // What it takes to look whether it is still allowed, without the sides, which are passed between.
        let Self { site, caller, name, mut side, .. } = self;
        let watch = Allowed { site: &site, caller: &caller, path, follower };
        let status = select! {
            biased;
            // First the bytes: what has arrived is passed on before anything else is looked at.
            passed = pass(&mut side, &mut agent) => passed.err().map(Status::from),
            refused = watch.until_refused() => match refused {
                Err(error) => Some(told(VISIT, &name, error)),
                Ok(never) => match never {},
            },
            () = site.shutdown.cancelled() => Some(stopping()),
        };
        // Its place is free for another one, whoever still reads its last words.
        drop(visit);
        end(&site, *agent, status.clone()).await;
        end(&site, side, status).await;
    }

    async fn check(&self, path: Path) -> Result<(), CallError> {
        let look = |tx: &Tx<'_>| allowed(tx, &self.caller, path);
        self.site.store.transact("visit an agent", look).await
    }
}

/// What has to stay true while bytes are passed.
struct Allowed<'a> {
    site: &'a Site,
    caller: &'a Caller,
    path: Path,
    follower: Follower,
}

impl Allowed<'_> {
    /// Returns once the client may no longer reach the agent.
    async fn until_refused(&self) -> Result<Infallible, CallError> {
        let poll = self.site.config.agents.peers.beat_interval;
        loop {
            select! {
                biased;
                // First what is heard; then the time after which a notice counts as lost.
                () = self.follower.heard() => {}
                () = self.site.host.sleep(poll) => {}
            }
            let look = |tx: &Tx<'_>| allowed(tx, self.caller, self.path);
            match self.site.store.transact("visit an agent", look).await {
                Ok(()) => {}
                Err(error @ CallError::Refused(_)) => return Err(error),
                // A path is not cut because the database is away for a while.
                Err(error @ CallError::Store(_)) => {
                    tracing::warn!(method = VISIT, %error, "a visit met a database failure");
                }
            }
        }
    }
}

fn allowed(tx: &Tx<'_>, caller: &Caller, path: Path) -> Result<(), CallError> {
    let user = identity::user(tx, caller)?;
    relay::check_allowed(tx, &user, path.peer, path.agent)
}

fn path(visit: &v1::VisitAgent) -> Result<Path, Refusal> {
    let peer = visit.peer_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let agent = visit.agent_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    Ok(Path { peer, agent })
}

/// Sends an end of a path its last word, if there is one and its answer has not ended.
async fn end(site: &Site, side: Side, status: Option<Status>) {
    if let (Some(answers), Some(status)) = (side.answers, status) {
        last_word(&site.host, &answers, status).await;
    }
}

/// One AcceptRelayVisit call of an agent that was let in.
pub(crate) async fn accept(site: Site, relay: Relay, agent: AgentId, mut side: Side) {
    let visit = match first(&site, &mut side).await {
        Ok(Kind::Accept(accept)) => Uuid::parse_str(&accept.visit_id).map(VisitId).map_err(|_| {
            let text = "the visit's id is not one: expected the one that was told";
            Some(Status::invalid_argument(text))
        }),
        Ok(Kind::Visit(_) | Kind::Data(_)) => Err(Some(unexpected())),
        Err(status) => Err(status),
    };
    let (side, status) = match visit {
        Ok(visit) => match relay.accept(agent, visit, Box::new(side)) {
            Ok(()) => return,
            Err(side) => (*side, Some(Status::not_found("there is no such visit, or no more"))),
        },
        Err(status) => (side, status),
    };
    end(&site, side, status).await;
}
