//! Agents and their clients are told where the others are.
//!
//! What a peer is to know follows from the rows: it is looked at as a whole whenever something of it may have changed,
//! and the difference to what the peer was told is told. So a change whose notice is lost is told a little later, and a
//! peer whose call is made anew, at whichever replica, is told all.

use std::collections::BTreeMap;

use groundhog_wire::{
    id::{AgentId, PeerId},
    v1,
};
use uuid::Uuid;

use crate::{
    config::PeersConfig,
    events, limits,
    millis::millis,
    outdated,
    peer_status::{self, PeerStatus, Telling},
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx,
        agents::Agent,
        notices::Notice,
        peers::{self, Other, Whose},
        users::User,
    },
};

/// Peers that a person may have, lost ones included.
const PEERS_PER_USER_MAX: u32 = 1_000;

/// One end of coordination, and who calls.
#[derive(Clone, Debug)]
pub enum End {
    /// An agent's.
    Agent(Agent),
    /// A client's.
    Client(PeerId, User),
}

impl End {
    /// Which peer it is.
    pub fn peer(&self) -> PeerId {
        match self {
            Self::Agent(agent) => PeerId(agent.id.0),
            Self::Client(peer, _) => *peer,
        }
    }

    /// The word that events use.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Agent(_) => "agent",
            Self::Client(..) => "client",
        }
    }
}

/// A call of a peer's: where it is, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The replica.
    pub coordinator: Uuid,
    /// The number of the peer's call; only the newest one counts.
    pub connection: i64,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// The call goes on.
    On,
    /// The peer has gone: the call is over.
    Gone,
    /// A newer call of the peer's counts: this one is over.
    TakenOver,
}

/// Notes that a peer's call has begun at a replica. Those who have tunnels with it are told, and an older call of the
/// peer's ends.
pub fn connect(tx: &Tx<'_>, end: &End, coordinator: Uuid) -> Result<Call, CallError> {
    let peer = end.peer();
    let whose = match end {
        End::Agent(agent) => Whose::Agent(agent.number),
        End::Client(_, user) => {
            let (is_agent, count) = peers::taken(tx, peer, user.id)?;
            if is_agent {
                return Err(another(peer).into());
            }
            if count >= PEERS_PER_USER_MAX {
                let text = format!("{count} clients of yours are connected or were a while ago: close some of them");
                return Err(Refusal::State(text).into());
            }
            Whose::User(user.id)
        }
    };
    peers::beat(tx, coordinator, true)?;
    let connection = peers::connect(tx, peer, whose, coordinator)?.ok_or_else(|| another(peer))?;
    if connection > 1 {
        tx.notify(Notice::PeerChanged { peer });
    }
    tell_others(tx, peer)?;
    Ok(Call { coordinator, connection })
}

fn another(peer: PeerId) -> Refusal {
    Refusal::Exists(format!("the peer {peer} is another's: choose an id of your own at random"))
}

fn tell_others(tx: &Tx<'_>, peer: PeerId) -> Result<(), StoreError> {
    peers::others(tx, peer)?.into_iter().for_each(|peer| tx.notify(Notice::PeerChanged { peer }));
    Ok(())
}

/// What a peer is to know. None if a newer call of the peer's counts by now.
pub fn view(
    tx: &Tx<'_>,
    end: &End,
    call: Call,
    config: &PeersConfig,
) -> Result<Option<BTreeMap<PeerId, Telling>>, CallError> {
    if !peers::is_current(tx, end.peer(), call.connection)? {
        return Ok(None);
    }
    let others = match end {
        End::Agent(agent) => peers::clients_of(tx, agent.number)?,
        End::Client(peer, user) => peers::agents_of(tx, *peer, user)?,
    };
    let now_ms = tx.now_ms();
    let telling = |other: Other| Some((other.peer, telling(&other, now_ms, config)?));
    Ok(Some(others.into_iter().filter_map(telling).collect()))
}

/// What is to be known of `other`; nothing as long as there is nothing to know.
fn telling(other: &Other, now_ms: i64, config: &PeersConfig) -> Option<Telling> {
    if other.build.is_some_and(|(own, done)| outdated::is_outdated(own, done)) {
        return Some(Telling::Gone);
    }
    match peer_status::status(other.known?, now_ms, config) {
        PeerStatus::Gone => Some(Telling::Gone),
        PeerStatus::Lost => Some(Telling::Lost),
        // An agent is to know of a client by its secret even though nobody could reach the client; a client can do
        // nothing with an agent that has not said where it is.
        PeerStatus::There => {
            let is_client = other.build.is_none();
            let node = other.node.clone().or_else(|| is_client.then(v1::Node::default))?;
            Some(Telling::Node { node, secret: other.secret.clone() })
        }
    }
}

/// Carries out a request of a peer's.
pub fn handle(
    tx: &Tx<'_>,
    end: &End,
    call: Call,
    request: &v1::CoordinateRequest,
    config: &PeersConfig,
) -> Result<Handled, CallError> {
    use v1::coordinate_request::Kind;
    let peer = end.peer();
    match (&request.kind, end) {
        (Some(Kind::UpdateSelf(node)), _) => {
            limits::check_node(node)?;
            if !peers::set_node(tx, peer, call.connection, node)? {
                return Ok(Handled::TakenOver);
            }
            changed(tx, peer, call)?;
            let kind = end.kind();
            tx.after_commit(move || events::peer_updated(peer.event(), kind));
        }
        (Some(Kind::AddTunnel(v1::AddTunnel { agent_id })), End::Client(_, user)) => {
            let agent = super::agent::view::named(tx, user, agent_id)?;
            if peers::tunnels(tx, peer)? >= config.tunnels_max {
                let text = format!("a client may have tunnels to {} agents at most", config.tunnels_max);
                return Err(Refusal::State(text).into());
            }
            let secret = tx.new_secret("tunnel secret");
            if peers::insert_tunnel(tx, peer, agent.number, &secret)? {
                peers::beat(tx, call.coordinator, true)?;
                // The agent first, so that it knows of the client when that comes.
                tx.notify(Notice::PeerChanged { peer: PeerId(agent.id.0) });
                tx.notify(Notice::PeerChanged { peer });
            }
        }
        (Some(Kind::RemoveTunnel(v1::RemoveTunnel { agent_id })), End::Client(..)) => {
            let agent: AgentId = agent_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
            if peers::delete_tunnel(tx, peer, agent)? {
                peers::beat(tx, call.coordinator, true)?;
                tx.notify(Notice::PeerChanged { peer: PeerId(agent.0) });
                tx.notify(Notice::PeerChanged { peer });
            }
        }
        (Some(Kind::Disconnect(_)), _) => {
            leave(tx, peer, Some(call))?;
            return Ok(Handled::Gone);
        }
        (Some(Kind::AddTunnel(_) | Kind::RemoveTunnel(_)), End::Agent(_)) => {
            return Err(Refusal::Invalid("tunnels are made and taken away by clients".to_owned()).into());
        }
        (Some(Kind::Introduce(_)), End::Agent(_)) => {
            return Err(Refusal::Invalid("an agent is known: expected no introduction".to_owned()).into());
        }
        (Some(Kind::Introduce(_)), End::Client(..)) => {
            return Err(Refusal::Invalid("expected one introduction, and got another".to_owned()).into());
        }
        // From a newer peer. What it means by it is of no use here.
        (None, _) => {}
    }
    Ok(Handled::On)
}

/// Counts a change of a peer's, and has the others look.
fn changed(tx: &Tx<'_>, peer: PeerId, call: Call) -> Result<(), StoreError> {
    peers::beat(tx, call.coordinator, true)?;
    tell_others(tx, peer)
}

/// Notes that a peer's call ended without a word: it is lost, and kept for a while (T10).
pub fn lose(tx: &Tx<'_>, peer: PeerId, call: Call) -> Result<(), StoreError> {
    if peers::lose(tx, peer, Some(call.connection))? {
        changed(tx, peer, call)?;
        tx.after_commit(move || events::peer_lost(peer.event()));
    }
    Ok(())
}

/// Notes that a peer has gone for good, by its call if it has one.
pub fn leave(tx: &Tx<'_>, peer: PeerId, call: Option<Call>) -> Result<(), StoreError> {
    // Before its tunnels go with it.
    let others = peers::others(tx, peer)?;
    if peers::leave(tx, peer, call.map(|call| call.connection))? {
        if let Some(call) = call {
            peers::beat(tx, call.coordinator, true)?;
        }
        others.into_iter().for_each(|peer| tx.notify(Notice::PeerChanged { peer }));
        tx.after_commit(move || events::peer_gone(peer.event()));
    }
    Ok(())
}

/// A replica's round: it lives, and it looks after the peers of those that do not. How many changes others have made.
pub fn round(tx: &Tx<'_>, coordinator: Uuid, config: &PeersConfig) -> Result<i64, StoreError> {
    let now_ms = tx.now_ms();
    let before = |after: std::time::Duration| now_ms.saturating_sub(millis(after));
    peers::beat(tx, coordinator, false)?;
    let mut found = false;
    for silent in peers::silent(tx, before(config.lost_after))? {
        let peer = silent.peer;
        match peer_status::status(silent.known, now_ms, config) {
            PeerStatus::Lost if silent.known.lost_at.is_none() => {
                if peers::lose(tx, peer, None)? {
                    found = true;
                    tell_others(tx, peer)?;
                    tx.after_commit(move || events::peer_lost(peer.event()));
                }
            }
            PeerStatus::Gone => {
                found = true;
                leave(tx, peer, None)?;
            }
            PeerStatus::There | PeerStatus::Lost => {}
        }
    }
    if found {
        peers::beat(tx, coordinator, true)?;
    }
    peers::forget_coordinators(tx, before(config.kept))?;
    peers::changes_elsewhere(tx, coordinator)
}
