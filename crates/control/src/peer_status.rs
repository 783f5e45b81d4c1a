//! What is known of a peer, and what another one is told of it, as pure functions.

use std::collections::BTreeMap;

use groundhog_wire::{
    id::PeerId,
    v1::{self, peer_update::Kind},
};

use crate::{config::PeersConfig, millis::millis};

/// Whether a peer is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerStatus {
    /// Its call is open, at a replica that lives.
    There,
    /// Its call ended without a word, or its replica is silent; it may be back (T10).
    Lost,
    /// It said that it goes, or was lost for too long.
    Gone,
}

/// What is known of a peer; times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// When its call ended without a word, or was found to have; none while it is open.
    pub lost_at: Option<i64>,
    /// When something was last heard of the replica at which its call is, or was.
    pub heard_at: i64,
    /// It said that it goes.
    pub gone: bool,
}

/// The status at `now_ms`.
pub fn status(known: Known, now_ms: i64, config: &PeersConfig) -> PeerStatus {
    let Known { lost_at, heard_at, gone } = known;
    let silent_at = heard_at.saturating_add(millis(config.lost_after));
    let lost_at = match lost_at {
        Some(lost_at) => Some(lost_at.min(silent_at)),
        None => (now_ms >= silent_at).then_some(silent_at),
    };
    match lost_at {
        _ if gone => PeerStatus::Gone,
        None => PeerStatus::There,
        Some(lost_at) if now_ms.saturating_sub(lost_at) >= millis(config.kept) => PeerStatus::Gone,
        Some(_) => PeerStatus::Lost,
    }
}

/// What a peer is to know of another one.
#[derive(Clone, Debug, PartialEq)]
pub enum Telling {
    /// It is there.
    Node {
        /// Where it can be reached.
        node: v1::Node,
        /// What the client of the two shows to the agent.
        secret: String,
    },
    /// Nothing is heard of it.
    Lost,
    /// It has gone for good.
    Gone,
}

/// What is to be told to a peer that was told `told` and is to know `view`, in the order of the others' ids. Afterwards
/// `told` is what it knows. Who is no longer in the view has gone.
pub fn updates(told: &mut BTreeMap<PeerId, Telling>, view: BTreeMap<PeerId, Telling>) -> Vec<v1::PeerUpdate> {
    let vanished = told.iter().filter(|(peer, telling)| !view.contains_key(peer) && **telling != Telling::Gone);
    let vanished: Vec<PeerId> = vanished.map(|(peer, _)| *peer).collect();
    let news = view.iter().filter(|(peer, telling)| told.get(peer) != Some(telling));
    let mut updates: BTreeMap<PeerId, v1::PeerUpdate> =
        news.map(|(peer, telling)| (*peer, update(*peer, telling))).collect();
    updates.extend(vanished.into_iter().map(|peer| (peer, update(peer, &Telling::Gone))));
    *told = view;
    updates.into_values().collect()
}

fn update(peer: PeerId, telling: &Telling) -> v1::PeerUpdate {
    let (kind, node, secret) = match telling {
        Telling::Node { node, secret } => (Kind::Node, Some(node.clone()), secret.clone()),
        Telling::Lost => (Kind::Lost, None, String::new()),
        Telling::Gone => (Kind::Disconnected, None, String::new()),
    };
    v1::PeerUpdate { peer_id: peer.to_string(), kind: kind.into(), node, secret }
}
