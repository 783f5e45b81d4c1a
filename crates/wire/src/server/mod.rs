//! The answering end: connections accepted from a listener, their calls handed to [`Routes`].
//!
//! - `inbound`: the guards around one connection's byte stream.
//! - `call_body`: what comes in with a call, and how its breaking is told.

mod call_body;
mod inbound;

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use groundhog_host::{
    Backoff, Elapsed, Host, Listener, Stream,
    http2::{Executor, Timer},
};
use http::Request;
use hyper::{body::Incoming, server::conn::http2::Builder, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use self::{call_body::CallBody, inbound::Inbound};
use crate::{fault::Chain, limits::HEADER_LIST_BYTES_MAX, routes::Routes};

/// The waits after accepts that failed. Such a failure is the machine's (no file descriptors left, as a rule) and
/// passes when something else lets go: soon enough to ask again, seldom enough not to burn a core.
const ACCEPT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));

/// How [`serve`] behaves. Every bound has a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// How many connections may be open; above that a new one is closed at once, so that its caller learns it
    /// and backs off. Default 16 384, for ten thousand agents and whoever looks at them: an idle one takes some 200 KB,
    /// and each may hold a megabyte or so of buffers.
    pub connections_max: u32,
    /// How many calls may be in flight on one connection; the caller's end holds back more. Default 100, the
    /// least that the HTTP/2 specification recommends.
    pub streams_max: u32,
    /// How long a new connection may take to say that it speaks HTTP/2. Default 10 s, as long as a
    /// [channel](crate::channel::ChannelConfig::connect_timeout) takes for its side. Without it, who connects and
    /// says nothing holds one of the connections for ever: keep-alive begins only after that.
    pub handshake_timeout: Duration,
    /// After how long without a frame from the caller it is pinged, calls or none. Default 20 s, as the channel
    /// does. Must not be zero.
    pub keep_alive_interval: Duration,
    /// How long the answer to that ping may take before the connection counts as dead. Default 20 s.
    pub keep_alive_timeout: Duration,
    /// How long nothing at all may be taken by the network before the connection counts as dead. Default 40 s, by
    /// when keep-alive has made up its mind; it needs this help because it says good-bye first, which a full send
    /// buffer holds up for ever.
    pub write_timeout: Duration,
    /// How long, after the shutdown began, calls in flight may take before they are cut off. Default 5 s: every
    /// unary call ends within it, and a long poll is meant to be cut.
    pub shutdown_grace: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            streams_max: 100,
            handshake_timeout: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(20),
            write_timeout: Duration::from_secs(40),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

/// Accepts connections and answers their calls, until `shutdown` is cancelled.
///
/// Then the listener is closed, callers are told to go away (their calls in flight may end, within
/// [`ServerConfig::shutdown_grace`]), and this returns once the last connection is closed. Dropping this future
/// has the same effect without the waiting. A service with calls that last (long polls, watches) should end them
/// on the same token: else they use up the grace and then look like a broken connection.
///
/// It never fails: an accept that fails is tried again, at most once a second while it keeps failing.
pub async fn serve(
    host: &Host,
    mut listener: Listener,
    routes: Routes,
    config: ServerConfig,
    shutdown: CancellationToken,
) {
    // A child: it also ends when this future is dropped.
    let stop = shutdown.child_token();
    let _stop = stop.clone().drop_guard();
    let open = Arc::new(Semaphore::new(config.connections_max as usize));
    let mut backoff = ACCEPT_BACKOFF;
    loop {
        let accepted = select! {
            biased;
            // First the shutdown: no connection is begun after it.
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match (accepted, Arc::clone(&open).try_acquire_owned()) {
            (Ok(stream), Ok(permit)) => {
                backoff.reset();
                let connection = Connection {
                    host: host.clone(),
                    routes: routes.clone(),
                    config: config.clone(),
                    stop: stop.clone(),
                };
                host.spawn("connection", connection.serve(stream, permit)).detach();
            }
            (Ok(stream), Err(_)) => {
                backoff.reset();
                tracing::debug!(peer = stream.peer(), "a connection was refused: too many are open");
            }
            (Err(error), _) => {
                tracing::debug!(%error, "an accept failed");
                select! {
                    biased;
                    // First the shutdown, as above.
                    () = shutdown.cancelled() => break,
                    () = host.sleep(backoff.next_wait()) => {}
                }
            }
        }
    }
    drop(listener);
    // Each connection gives back its permit when it ends, so having all of them is the end of all connections.
    let _ = open.acquire_many(config.connections_max).await;
}

/// What one connection's task needs.
struct Connection {
    host: Host,
    routes: Routes,
    config: ServerConfig,
    stop: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: Stream, _permit: OwnedSemaphorePermit) {
        let peer = stream.peer().to_owned();
        let inbound = select! {
            biased;
            // First the shutdown: there is no call yet that deserves grace.
            () = self.stop.cancelled() => return,
            inbound = Inbound::begin(&self.host, stream, &self.config) => inbound,
        };
        match inbound {
            Ok(inbound) => self.speak(inbound, &peer).await,
            Err(error) => tracing::debug!(peer, %error, "a connection did not begin with HTTP/2"),
        }
    }

    async fn speak(&self, inbound: Inbound, peer: &str) {
        let routes = self.routes.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let routes = routes.clone();
            async move { Ok::<_, Infallible>(routes.call(request.map(|body| Body::new(CallBody(body)))).await) }
        });
        let mut builder = Builder::new(Executor::new(self.host.clone(), "call"));
        builder
            .timer(Timer::new(self.host.clone()))
            // The header would be the wall clock's, which no run can repeat.
            .auto_date_header(false)
            .keep_alive_interval(self.config.keep_alive_interval)
            .keep_alive_timeout(self.config.keep_alive_timeout)
            .max_concurrent_streams(self.config.streams_max)
            .max_header_list_size(HEADER_LIST_BYTES_MAX);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(inbound), service));
        let ended = select! {
            biased;
            // First the work: what ends by itself needs no shutdown.
            ended = connection.as_mut() => Some(ended),
            () = self.stop.cancelled() => None,
        };
        let ended = match ended {
            Some(ended) => Ok(ended),
            None => {
                connection.as_mut().graceful_shutdown();
                self.host.timeout(self.config.shutdown_grace, connection).await
            }
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(peer, error = %Chain(&error), "a connection broke"),
            Err(Elapsed) => tracing::debug!(peer, "a connection was cut off: the grace was over"),
        }
    }
}
