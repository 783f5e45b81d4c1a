//! Who may reach the agent, as a pure value.

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Instant;
use groundhog_wire::{
    Secret,
    id::PeerId,
    v1::{PeerUpdate, peer_update::Kind},
};
use tokio_util::sync::CancellationToken;

/// How long a peer that is lost is still let in: its connection to the control plane may come back, and until then the
/// one to the agent may be well.
const LOST_KEPT: Duration = Duration::from_secs(15 * 60);
/// How many peers are known at a time. The control plane allows fewer; this bounds what it can make an agent keep.
const PEERS_MAX: usize = 4_096;

/// The peers that coordination has told of.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    peers: BTreeMap<PeerId, Peer>,
}

#[derive(Debug)]
struct Peer {
    secret: Secret,
    lost_since: Option<Instant>,
    /// Cancelled when the peer has gone for good: with it end its streams.
    gone: CancellationToken,
}

impl Peers {
    /// Coordination tells of a peer. What can't be understood changes nothing.
    pub(crate) fn update(&mut self, update: &PeerUpdate, now: Instant) {
        let Ok(id) = update.peer_id.parse::<PeerId>() else { return };
        match update.kind() {
            Kind::Node => {
                let Ok(secret) = Secret::new(&update.secret) else { return };
                let room = self.peers.len() < PEERS_MAX;
                match self.peers.get_mut(&id) {
                    Some(peer) => {
                        peer.secret = secret;
                        peer.lost_since = None;
                    }
                    None if room => {
                        let peer = Peer { secret, lost_since: None, gone: CancellationToken::new() };
                        self.peers.insert(id, peer);
                    }
                    None => tracing::warn!(peer = %id, "a peer is not let in: there are too many"),
                }
            }
            Kind::Lost => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.lost_since.get_or_insert(now);
                }
            }
            Kind::Disconnected => self.remove(id),
            Kind::Unspecified => {}
        }
    }

    /// Coordination begins anew, and will tell of those that are there: until then, nothing is heard of anybody. While
    /// there was none, nobody was lost: their streams may be well.
    pub(crate) fn all_lost(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            peer.lost_since.get_or_insert(now);
        }
    }

    /// Whether whoever shows this id and secret is let in. If so, what ends with the peer.
    pub(crate) fn admit(&mut self, id: &str, secret: &str, now: Instant) -> Option<CancellationToken> {
        self.forget(now);
        let (id, secret) = (id.parse().ok()?, Secret::new(secret).ok()?);
        // The comparison takes as long wherever the two differ.
        self.peers.get(&id).filter(|peer| peer.secret == secret).map(|peer| peer.gone.clone())
    }

    /// When the next one will have been lost for too long.
    pub(crate) fn next_forgotten(&self) -> Option<Instant> {
        self.peers.values().filter_map(|peer| Some(peer.lost_since? + LOST_KEPT)).min()
    }

    /// Forgets those that have been lost for too long.
    pub(crate) fn forget(&mut self, now: Instant) {
        let over = |peer: &Peer| peer.lost_since.is_some_and(|since| now - since >= LOST_KEPT);
        let ids: Vec<_> = self.peers.iter().filter(|(_, peer)| over(peer)).map(|(id, _)| *id).collect();
        for id in ids {
            self.remove(id);
        }
    }

    /// Their ids, each with whether nothing is heard of it.
    pub(crate) fn list(&self) -> Vec<(PeerId, bool)> {
        self.peers.iter().map(|(id, peer)| (*id, peer.lost_since.is_some())).collect()
    }

    fn remove(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.remove(&id) {
            peer.gone.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(minutes: u64) -> Instant {
        Instant::from_micros(minutes * 60_000_000)
    }

    fn id(number: u128) -> String {
        Uuid::from_u128(number).to_string()
    }

    fn update(number: u128, kind: Kind, secret: &str) -> PeerUpdate {
        PeerUpdate { peer_id: id(number), kind: kind.into(), node: None, secret: secret.to_owned() }
    }

    #[test]
    fn only_who_was_announced_is_let_in() {
        let mut peers = Peers::default();
        assert!(peers.admit(&id(1), "one", at(0)).is_none());
        peers.update(&update(1, Kind::Node, "one"), at(0));
        peers.update(&update(2, Kind::Node, "two"), at(0));
        assert!(peers.admit(&id(1), "one", at(0)).is_some());
        for (id, secret) in [(id(1), "two"), (id(2), "one"), (id(1), ""), (id(3), "one"), (String::new(), "one")] {
            assert!(peers.admit(&id, secret, at(0)).is_none(), "{id} with {secret:?}");
        }
        // A new secret takes the old one's place.
        peers.update(&update(1, Kind::Node, "new"), at(0));
        assert!(peers.admit(&id(1), "one", at(0)).is_none());
        assert!(peers.admit(&id(1), "new", at(0)).is_some());
    }

    #[test]
    fn a_peer_that_has_gone_takes_its_streams_along() {
        let mut peers = Peers::default();
        peers.update(&update(1, Kind::Node, "one"), at(0));
        let gone = peers.admit(&id(1), "one", at(0)).expect("it is known");
        peers.update(&update(1, Kind::Disconnected, ""), at(0));
        assert!(gone.is_cancelled());
        assert!(peers.admit(&id(1), "one", at(0)).is_none());
    }

    #[test]
    fn a_lost_peer_is_kept_for_a_while() {
        let mut peers = Peers::default();
        for number in [1, 2] {
            peers.update(&update(number, Kind::Node, "secret"), at(0));
        }
        peers.update(&update(1, Kind::Lost, ""), at(1));
        peers.all_lost(at(5));
        // It was lost before.
        let gone = peers.admit(&id(1), "secret", at(15)).expect("it may be back");
        assert_eq!(peers.next_forgotten(), Some(at(16)));
        assert!(peers.admit(&id(1), "secret", at(16)).is_none());
        assert!(gone.is_cancelled());
        peers.update(&update(2, Kind::Node, "secret"), at(19));
        assert!(peers.admit(&id(2), "secret", at(90)).is_some());
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let mut peers = Peers::default();
        peers.update(&update(1, Kind::Node, ""), at(0));
        peers.update(&update(1, Kind::Unspecified, "one"), at(0));
        peers.update(&PeerUpdate { peer_id: "nobody".to_owned(), ..update(1, Kind::Node, "one") }, at(0));
        assert_eq!(peers.list(), []);
    }

    #[test]
    fn there_is_a_bound() {
        let mut peers = Peers::default();
        for number in 0..=PEERS_MAX as u128 {
            peers.update(&update(number, Kind::Node, "secret"), at(0));
        }
        assert_eq!(peers.list().len(), PEERS_MAX);
    }
}
