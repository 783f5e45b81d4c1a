//! The streams that peers have begun. A stream outlives its paths: each has a task of its own, and stays for a while when
//! its path breaks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_wire::{
    id::PeerId,
    resumable::{Refused, ResumableStream, StreamHandle},
    v1::{PeerHello, peer_welcome::Refusal},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{service::Service, visitor::Way};
use crate::{events, shared::Shared};

/// How many streams there may be at a time; more are refused.
pub(super) const STREAMS_MAX: usize = 2_048;

/// How long a stream without a path is kept: its client may be looking for another one, or be asleep for a moment.
const DETACHED_KEPT: Duration = Duration::from_secs(120);

/// A stream, as its peer names it.
type Key = (PeerId, Uuid);

/// All streams, by who has begun them. Each is here for as long as its task runs.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: Mutex<BTreeMap<Key, StreamHandle>>,
}

/// What becomes of a hello.
enum Found {
    /// The stream is there.
    There(StreamHandle),
    /// It has just been begun.
    New(StreamHandle, ResumableStream),
}

impl Streams {
    /// Finds the stream, or begins it.
    fn find(&self, key: Key, resumes: bool) -> Result<Found, Refused> {
        let mut streams = self.streams();
        if let Some(handle) = streams.get(&key) {
            return Ok(Found::There(handle.clone()));
        }
        if resumes {
            return Err(refused(Refusal::UnknownStream, "this stream is not there any more".to_owned()));
        }
        if streams.len() >= STREAMS_MAX {
            return Err(refused(Refusal::TooMany, format!("there are {STREAMS_MAX} streams, and no more are served")));
        }
        let (handle, stream) = StreamHandle::new();
        streams.insert(key, handle.clone());
        Ok(Found::New(handle, stream))
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<Key, StreamHandle>> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn refused(refusal: Refusal, error: String) -> Refused {
    Refused { refusal, error }
}

/// The stream that a hello is for, which is begun if it is new. `from` is the host that it came from.
pub(super) fn welcome(shared: &Arc<Shared>, hello: &PeerHello, way: Way, from: &str) -> Result<StreamHandle, Refused> {
    let admitted = shared.network.peers().admit(&hello.peer_id, &hello.secret, shared.host.now());
    // Who is not let in learns nothing of what there is.
    let gone = admitted.ok_or_else(|| refused(Refusal::NotLetIn, "this peer is not let in".to_owned()))?;
    let malformed = |error: &dyn std::fmt::Display| refused(Refusal::Malformed, format!("malformed hello: {error}"));
    let peer: PeerId = hello.peer_id.parse().map_err(|error| malformed(&error))?;
    let id: Uuid = hello.stream_id.parse().map_err(|_| malformed(&"its stream's id is not a UUID"))?;
    let service = Service::at(hello.port)
        .ok_or_else(|| refused(Refusal::NotServed, format!("nothing is served on port {}", hello.port)))?;
    let key = (peer, id);
    let agent = shared.identity.event();
    match shared.network.streams.find(key, hello.resumes)? {
        Found::There(handle) => {
            events::agent_stream_resumed(agent, events::stream(id), way.as_str());
            Ok(handle)
        }
        Found::New(handle, stream) => {
            events::agent_stream_opened(agent, events::stream(id), hello.port, way.as_str());
            let (served, living, from) = (shared.clone(), handle.clone(), from.to_owned());
            let task = async move { live(&served, key, &living, &gone, service.serve(&served, stream, from)).await };
            shared.host.spawn("agent stream", task).detach();
            Ok(handle)
        }
    }
}

/// The life of a stream.
async fn live(
    shared: &Arc<Shared>,
    key: Key,
    handle: &StreamHandle,
    gone: &CancellationToken,
    service: impl Future<Output = ()>,
) {
    let serve = async {
        service.await;
        // What the service has said last may still be on its way.
        handle.over().await;
    };
    let why = tokio::select! {
        biased;
        // The order first, then whose stream it is: nobody who has gone is served.
        () = shared.orders.hard.cancelled() => "the agent has closed",
        () = gone.cancelled() => "its peer has gone",
        () = handle.detached_for(&shared.host, DETACHED_KEPT) => "its peer has not come back",
        () = serve => "it has ended",
    };
    handle.reset(why);
    shared.network.streams.streams().remove(&key);
    let why = handle.reset_reason().unwrap_or_else(|| why.to_owned());
    events::agent_stream_ended(shared.identity.event(), events::stream(key.1), &why);
}
