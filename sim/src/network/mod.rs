//! The simulated network: byte streams and datagrams between hosts, driven by events.
//!
//! - `link`: the path between two hosts, one direction: latency, bandwidth, loss, and the faults on it.
//! - `connection`: byte streams: what is in flight, delivered, retransmitted, acknowledged.
//! - `opening`: how a connection comes to be: listeners, handshakes, refusals.
//! - `datagram`: datagrams.
//! - `faults`: what links do when faults begin and end.
//!
//! A packet is judged when it arrives: lost if its link is cut or loses it, or if the machine at its end does
//! not answer. A lost packet of a stream is sent again after a delay that doubles, and after a quarter of an
//! hour the connection times out, as TCP does; nothing ever vanishes silently from a stream.

pub(crate) mod connection;
pub(crate) mod datagram;
pub(crate) mod faults;
pub(crate) mod link;
pub(crate) mod opening;

use std::collections::BTreeMap;

use self::{
    connection::Connection,
    datagram::Datagrams,
    link::{Link, LinkConfig, LinkId, Nature},
    opening::Listening,
};
use crate::{
    arena::{Arena, Key},
    hosts::{HostId, Hosts},
    kernel::Kernel,
    streams::Streams,
};

pub(crate) use self::{
    datagram::bind as bind_datagram,
    opening::{connect, listen},
};

/// One end of a connection: the one that opened it, or the one that accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Opener,
    Accepter,
}

impl Side {
    #[inline]
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Opener => Self::Accepter,
            Self::Accepter => Self::Opener,
        }
    }

    #[inline]
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// What can happen in the network at a point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// The first packet in flight from this side arrives.
    Arrival(Key, Side),
    /// Word that the other side has read reaches this side, which waits for room to send.
    Acknowledgement(Key, Side),
    /// A reset reaches this side.
    Reset(Key, Side),
    /// A request to open a connection arrives.
    Opening(Key),
    /// Its acceptance arrives.
    Opened(Key),
    /// Its refusal arrives.
    Refused(Key),
    /// A datagram arrives.
    Datagram(Key),
}

/// All links, connections, listeners and sockets of a run.
pub(crate) struct Network {
    /// How links behave, and a host's own to itself.
    nature: Nature,
    loopback: Nature,
    pub(crate) links: Vec<Link>,
    by_hosts: BTreeMap<(HostId, HostId), LinkId>,
    pub(crate) connections: Arena<Connection>,
    pub(crate) listening: BTreeMap<(HostId, u16), Listening>,
    pub(crate) datagrams: Datagrams,
    /// The next port to try when any will do.
    next_port: u16,
}

/// The first of the ports given to those who do not ask for one (RFC 6335).
const EPHEMERAL_PORT_FIRST: u16 = 49_152;

impl Network {
    pub(crate) fn new(config: &LinkConfig) -> Self {
        Self {
            nature: Nature::new(config),
            loopback: Nature::new(&LinkConfig::loopback()),
            links: Vec::new(),
            by_hosts: BTreeMap::new(),
            connections: Arena::default(),
            listening: BTreeMap::new(),
            datagrams: Datagrams::default(),
            next_port: EPHEMERAL_PORT_FIRST,
        }
    }

    /// The link from one host to another. `names` are theirs: a link's draws must not depend on how many hosts
    /// there are.
    pub(crate) fn link(&mut self, from: HostId, to: HostId, names: (&str, &str), streams: &Streams) -> LinkId {
        if let Some(id) = self.by_hosts.get(&(from, to)) {
            return *id;
        }
        let nature = if from == to { &self.loopback } else { &self.nature };
        let id = LinkId(u32::try_from(self.links.len()).expect("memory holds far fewer links"));
        self.links.push(Link::new(from, to, nature, streams.stream(&["link", names.0, names.1])));
        self.by_hosts.insert((from, to), id);
        id
    }

    #[inline]
    pub(crate) fn link_mut(&mut self, id: LinkId) -> &mut Link {
        &mut self.links[id.0 as usize]
    }

    /// The first ephemeral port that `taken` does not know.
    pub(crate) fn free_port(&mut self, taken: impl Fn(&Self, u16) -> bool) -> Option<u16> {
        for _ in EPHEMERAL_PORT_FIRST..=u16::MAX {
            let port = self.next_port;
            self.next_port = port.checked_add(1).unwrap_or(EPHEMERAL_PORT_FIRST);
            if !taken(self, port) {
                return Some(port);
            }
        }
        None
    }
}

/// By which every machine calls itself.
const LOCALHOST: &str = "localhost";

/// The host that `from` means by a name.
fn resolve(hosts: &Hosts, from: HostId, name: &str) -> Option<HostId> {
    if name == LOCALHOST { Some(from) } else { hosts.find(name) }
}

/// The link from one host to another, made if need be.
pub(crate) fn link_between(kernel: &Kernel, from: HostId, to: HostId) -> LinkId {
    let hosts = kernel.hosts.borrow();
    kernel.network.borrow_mut().link(from, to, (&hosts[from].name, &hosts[to].name), &kernel.streams)
}

/// Carries out what was to happen now.
#[inline]
pub(crate) fn happen(kernel: &Kernel, event: Event) {
    match event {
        Event::Arrival(key, side) => connection::arrive(kernel, key, side),
        Event::Acknowledgement(key, side) => connection::acknowledge(kernel, key, side),
        Event::Reset(key, side) => connection::reset_arrives(kernel, key, side),
        Event::Opening(key) => opening::request_arrives(kernel, key),
        Event::Opened(key) => opening::acceptance_arrives(kernel, key),
        Event::Refused(key) => opening::refusal_arrives(kernel, key),
        Event::Datagram(key) => datagram::arrive(kernel, key),
    }
}
