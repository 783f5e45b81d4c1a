//! The streams of a connection. Each has a task that keeps it on the connection's way.

use std::{io, sync::Arc, time::Duration};

use groundhog_host::{Backoff, Random};
use groundhog_wire::{
    resumable::{PathEnd, ResumableStream, StreamHandle},
    v1::peer_welcome::Refusal,
};
use tokio::{select, sync::oneshot};
use uuid::Uuid;

use super::{
    path::{self, For, PathError},
    route::Way,
    shared::Shared,
};

/// How many streams a connection may have: half of what an agent serves.
pub(super) const STREAMS_MAX: usize = 1_024;
/// How long a path for a stream may take: as long as any.
const PATH_TIMEOUT: Duration = Duration::from_secs(10);
/// The waits between two tries to go the connection's way.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// What a stream ends with that the agent does not know any more.
const UNKNOWN: &str = "the agent does not know the stream any more";

/// A stream, as its task has it.
struct Kept {
    shared: Arc<Shared>,
    handle: StreamHandle,
    id: Uuid,
    port: u32,
    /// The agent has it.
    welcomed: bool,
    /// Who waits for that; none once they know.
    opened: Option<oneshot::Sender<io::Result<()>>>,
    backoff: Backoff,
    random: Random,
}

/// Begins a stream to a port of the agent's, once there is a path. Cancel safe.
pub(super) async fn open(shared: &Arc<Shared>, port: u32) -> io::Result<ResumableStream> {
    let (handle, stream) = StreamHandle::new();
    let id = shared.host.new_id("stream");
    {
        let mut streams = shared.streams();
        if streams.len() >= STREAMS_MAX {
            let text = format!("a connection to an agent may have {STREAMS_MAX} streams");
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, text));
        }
        streams.insert(id, handle.clone());
    }
    let (tell, opened) = oneshot::channel();
    let mut kept = Kept {
        shared: shared.clone(),
        handle: handle.clone(),
        id,
        port,
        welcomed: false,
        opened: Some(tell),
        backoff: BACKOFF,
        random: shared.host.random("a stream's paths"),
    };
    let closed = shared.closed.clone();
    let keep = async move {
        select! {
            biased;
            // The order first: nothing goes on after it.
            () = closed.cancelled() => {}
            () = kept.keep() => {}
        }
        kept.shared.streams().remove(&kept.id);
    };
    shared.host.spawn("stream to an agent", keep).detach();
    match opened.await {
        Ok(Ok(())) => Ok(stream),
        Ok(Err(error)) => Err(error),
        // Its task has ended before the agent had it.
        Err(_) => {
            let why = handle.reset_reason().unwrap_or_else(|| "the connection was closed".to_owned());
            Err(io::Error::new(io::ErrorKind::NotConnected, why))
        }
    }
}

impl Kept {
    /// Goes the connection's way until the stream has ended.
    async fn keep(&mut self) {
        loop {
            // One that has ended before the agent had it needs no path to say so.
            if self.handle.is_over() || (!self.welcomed && self.handle.reset_reason().is_some()) {
                return;
            }
            let shared = self.shared.clone();
            let (turn, way) = select! {
                biased;
                // The end first: it needs no way.
                () = ended(&self.handle, self.welcomed) => continue,
                found = shared.current.until(|now| Some((now.turn, now.way.clone()?))) => found,
            };
            let other_way = shared.current.until(|now| (now.turn != turn).then_some(()));
            select! {
                biased;
                // The connection's way first: a path on another one is of no use. It is left at once.
                () = other_way => {}
                done = self.go(&way) => if done { return },
            }
        }
    }

    /// Makes a path, and carries what there is until that has ended. Whether the stream has.
    async fn go(&mut self, way: &Way) -> bool {
        let host = self.shared.host.clone();
        let stream = For { handle: &self.handle, id: self.id, port: self.port, resumes: self.welcomed };
        let made = host.timeout(PATH_TIMEOUT, path::make(&self.shared, way, stream)).await;
        let error = match made {
            Ok(Ok((path, attachment))) => {
                self.welcomed = true;
                if let Some(opened) = self.opened.take() {
                    // Whoever has gone meanwhile has dropped the stream.
                    let _ = opened.send(Ok(()));
                }
                let began = host.now();
                match attachment.drive(&host, path).await {
                    PathEnd::Over | PathEnd::Violated(_) => return true,
                    PathEnd::Left | PathEnd::Broken(_) => {}
                }
                // One that breaks at once, again and again, is not made without a wait.
                if host.now() - began >= PATH_TIMEOUT {
                    self.backoff.reset();
                }
                None
            }
            Ok(Err(error)) => Some(error),
            Err(_) => Some(PathError::Network(format!("nothing came in {PATH_TIMEOUT:?}"))),
        };
        if let Some(error) = error {
            tracing::debug!(agent = %self.shared.agent, %error, "a stream's path was not made");
            if self.is_refused(&error) {
                return true;
            }
        }
        let wait = self.backoff.next_wait_drawn(&mut self.random);
        host.sleep(wait).await;
        self.handle.is_over()
    }

    /// Whether the agent's word is its last on the stream, which ends with it.
    fn is_refused(&mut self, error: &PathError) -> bool {
        let PathError::Refused(refused) = error else { return false };
        match refused.refusal {
            // It will have heard of this end soon; if not, the connection is lost.
            Refusal::NotLetIn => return false,
            // Only its last word has not come: all else has.
            Refusal::UnknownStream if self.handle.is_complete() => {}
            Refusal::UnknownStream => self.handle.reset(UNKNOWN),
            Refusal::Unspecified | Refusal::NotServed | Refusal::TooMany | Refusal::Malformed => {
                self.handle.reset(&refused.error);
            }
        }
        if let Some(opened) = self.opened.take() {
            let error = io::Error::new(io::ErrorKind::PermissionDenied, refused.error.clone());
            let _ = opened.send(Err(error));
        }
        true
    }
}

/// Waits until a stream needs no path any more.
async fn ended(handle: &StreamHandle, welcomed: bool) {
    if welcomed { handle.over().await } else { handle.was_reset().await }
}
