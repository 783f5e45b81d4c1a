//! What the parts of a connection share.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use groundhog_host::Host;
use groundhog_wire::{
    Channel, ChannelConfig, Endpoints, Secret,
    id::{AgentId, PeerId},
    resumable::StreamHandle,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Path,
    error::{DialError, Lost},
    route::{Place, Way},
    watched::Watched,
};
use crate::events;

/// What coordination has told of the agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: Place,
    /// What is shown to the agent; none until it was told of.
    pub(super) secret: Option<Secret>,
    pub(super) gone: bool,
}

/// How far a connection has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Dialling,
    Up,
    Failed(DialError),
    Lost(Lost),
}

/// The way that all streams of a connection go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Current {
    /// Counts the ways: the same one found again is another one.
    pub(super) turn: u64,
    pub(super) way: Option<Way>,
}

/// What the parts of a connection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) host: Host,
    /// To the control plane.
    pub(super) control: Channel,
    pub(super) token: Secret,
    /// For the channels to relays.
    pub(super) config: ChannelConfig,
    pub(super) agent: AgentId,
    /// This end, for the connection's life.
    pub(super) peer: PeerId,
    pub(super) found: Watched<Found>,
    pub(super) progress: Watched<Progress>,
    pub(super) current: Watched<Current>,
    /// The connection is to be closed.
    pub(super) closing: CancellationToken,
    /// It is closed: nothing of it goes on.
    pub(super) closed: CancellationToken,
    streams: Mutex<BTreeMap<Uuid, StreamHandle>>,
    relays: Mutex<BTreeMap<u32, Endpoints>>,
}

impl Shared {
    pub(super) fn new(host: &Host, control: Channel, token: Secret, config: ChannelConfig, agent: AgentId) -> Self {
        Self {
            host: host.clone(),
            control,
            token,
            config,
            agent,
            peer: PeerId(host.new_id("peer")),
            found: Watched::default(),
            progress: Watched::new(Progress::Dialling),
            current: Watched::default(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            streams: Mutex::default(),
            relays: Mutex::default(),
        }
    }

    /// The way that streams go from now on; none while there is none.
    pub(super) fn go(&self, way: Option<Way>, why: &str) {
        let turn = self.current.get().turn + 1;
        self.current.set(Current { turn, way: way.clone() });
        let was_up = *self.progress.get() == Progress::Up;
        if was_up {
            events::path(self.agent.event(), self.peer.event(), Path::of(way.as_ref()).as_str(), why);
        } else if way.is_some() {
            self.progress.set(Progress::Up);
        }
    }

    /// Nothing comes of the dial. Once the connection was up, it can only be lost.
    pub(super) fn fail(&self, error: DialError) {
        if *self.progress.get() == Progress::Dialling {
            self.progress.set(Progress::Failed(error));
        }
    }

    /// The connection is lost, or does not come to be.
    pub(super) fn lose(&self, lost: Lost, error: &str) {
        if *self.progress.get() == Progress::Up {
            events::network_lost(self.agent.event(), self.peer.event(), &lost.to_string());
            self.progress.set(Progress::Lost(lost));
            self.reset_streams(&format!("the connection is lost: {lost}"));
            return;
        }
        let agent = self.agent;
        self.fail(match lost {
            Lost::Gone => DialError::Gone { agent },
            Lost::NoPath | Lost::StartedAnew => DialError::NoPath { agent, error: error.to_owned() },
        });
    }

    /// Closes the connection.
    pub(super) fn close(&self) {
        self.closing.cancel();
        self.reset_streams("the connection was closed");
    }

    /// The streams that there are.
    pub(super) fn streams(&self) -> MutexGuard<'_, BTreeMap<Uuid, StreamHandle>> {
        // Never left half changed: a panic under it would have to be one of the allocator's.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The relays that were looked up.
    pub(super) fn relays(&self) -> MutexGuard<'_, BTreeMap<u32, Endpoints>> {
        self.relays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reset_streams(&self, why: &str) {
        let streams: Vec<_> = self.streams().values().cloned().collect();
        for stream in streams {
            stream.reset(why);
        }
    }
}
