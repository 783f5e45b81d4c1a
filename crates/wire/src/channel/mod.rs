//! The calling end: a connection to a server whenever one is needed.
//!
//! - [`Endpoints`]: where the server is, or where its replicas are.
//! - `link`: the connection, and the attempts to make one.
//! - [`Connected`]: whether somebody has one, as others are told.
//! - `body`: what is watched while a request goes out and an answer comes in.
//!
//! A channel neither repeats nor bounds a call: see [`fault`](crate::fault) for both. The one exception is a call
//! that certainly did not leave this host because its connection had just ended: it gets another connection.

mod body;
mod connected;
mod endpoints;
mod link;

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use groundhog_host::{Address, Host};
use http::{HeaderName, Request, Response, Uri, header::AUTHORIZATION, uri};
use tokio::sync::Semaphore;
use tonic::{Status, body::Body};
use tower_service::Service;

use self::{
    body::{Refusal, RequestBody, ResponseBody},
    link::Link,
};
pub use self::{connected::Connected, endpoints::Endpoints, link::ConnectError};
use crate::{
    auth::{DAEMON_NAME_KEY, Identity},
    fault::Fault,
};

/// How a [`Channel`] behaves. Every bound has a default that suits a daemon or a person's tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// How long one attempt to connect may take. Default 10 s: above two lost packets' retransmission (1 + 2 + 4
    /// s), below what a person takes for a hang.
    pub connect_timeout: Duration,
    /// After how long without a frame from the server it is pinged, calls or none. Default 20 s: below the idle
    /// time-outs of common middleboxes (60 s and above). Must not be zero.
    pub keep_alive_interval: Duration,
    /// How long the answer to that ping may take before the connection counts as dead. Default 20 s: with the
    /// interval, a silent death is noticed within 40 s.
    pub keep_alive_timeout: Duration,
    /// How many calls may be in flight; more wait, first come first served. A streaming call counts until its
    /// answer ended or was dropped. Default 64, below the 100 streams that servers allow a connection. At least
    /// 1: zero is taken as 1.
    pub calls_max: u32,
    /// The first step of the wait between attempts to connect. Default 50 ms. Must not be zero.
    pub backoff_floor: Duration,
    /// The longest wait between attempts to connect. Default 10 s.
    pub backoff_ceiling: Duration,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(20),
            calls_max: 64,
            backoff_floor: Duration::from_millis(50),
            backoff_ceiling: Duration::from_secs(10),
        }
    }
}

/// A handle on a server, for generated clients: `XClient::new(channel.clone()).limited()`.
///
/// Cheap to clone; all clones share one connection. It is made when the first call needs it, or by
/// [`connect`](Self::connect), and closed when the last clone is gone and the calls in flight have ended.
///
/// A call while there is no connection waits for the one attempt that all such calls share. If it fails, all of
/// them get `UNAVAILABLE` with the address and the reason; the next call begins the next attempt, which waits
/// until the back-off allows it. The back-off starts anew once a connection proved good: the server answered a
/// call on it, or it lasted longer than the back-off's ceiling. (Being accepted is not enough: a server that
/// accepts and closes would be asked without end.)
#[derive(Clone, Debug)]
pub struct Channel {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    link: Arc<Link>,
    calls: Arc<Semaphore>,
    identity: Identity,
}

impl Channel {
    /// A channel to a server, calling as `identity`. Does nothing yet.
    pub fn new(host: &Host, to: impl Into<Endpoints>, identity: Identity, config: ChannelConfig) -> Self {
        let calls = Arc::new(Semaphore::new(config.calls_max.max(1) as usize));
        let link = Arc::new(Link::new(host.clone(), to.into(), config));
        Self { shared: Arc::new(Shared { link, calls, identity }) }
    }

    /// The server's address: that of the present connection, or the one that would be tried next.
    pub fn address(&self) -> Address {
        self.shared.link.address()
    }

    /// Connects without a call; at once if there is a connection. Joins the attempt that is under way, and keeps
    /// to the back-off like any other, so a loop around this and [`closed`](Self::closed) needs no wait of its
    /// own. Cancel safe: the attempt goes on.
    ///
    /// A success says that something at the address accepted the connection, not that it answers.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        self.shared.link.connection().await.map(drop)
    }

    /// Whether there is a connection, as far as this end knows.
    pub fn is_open(&self) -> bool {
        self.shared.link.present().is_some()
    }

    /// Completes once the present connection is gone: it broke, was found dead, or the server shut down. A server
    /// that is shutting down is noticed when the calls in flight have ended, or earlier by a new call, which then
    /// goes over a new connection. Completes at once if there is none. Cancel safe.
    pub async fn closed(&self) {
        if let Some(life) = self.shared.link.present() {
            life.gone().await;
        }
    }
}

impl Shared {
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let permit =
            Arc::clone(&self.calls).acquire_owned().await.expect("nothing closes the semaphore: only a bug here could");
        let refusal = Refusal::default();
        let mut request = self.sign(request).map(|body| RequestBody::new(body, refusal.clone()));
        let mut first = true;
        loop {
            let mut connection = self.link.connection().await.map_err(Fault::from)?;
            let to = connection.to().clone();
            address(&mut request, &to);
            match connection.send(request).await {
                Ok(response) => return Ok(ResponseBody::wrap(response, to, refusal, permit)),
                // It never left: the connection ended after the last look at it, or the server is going away, which
                // HTTP/2 tells to the next request only. Once only, so that a server that takes connections and
                // drops them is told to the caller.
                Err((_, Some(unsent))) if first => {
                    request = unsent;
                    first = false;
                }
                Err((error, _)) => {
                    let broken = || Fault::Broken { to, source: Arc::new(error) };
                    return Err(refusal.take().unwrap_or_else(|| broken().into()));
                }
            }
        }
    }

    /// Adds who calls.
    fn sign(&self, mut request: Request<Body>) -> Request<Body> {
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.identity.token.header());
        if let Some(name) = &self.identity.daemon {
            headers.insert(HeaderName::from_static(DAEMON_NAME_KEY), name.header());
        }
        request
    }
}

/// Makes a request's address absolute.
fn address<B>(request: &mut Request<B>, to: &Address) {
    let mut parts = uri::Parts::default();
    parts.scheme = Some(uri::Scheme::HTTP);
    // For form's sake: whoever answers at the address is the server, and a name that the engine knows but a URI
    // can't express must not stop the call.
    let authority = to.to_string().parse().unwrap_or_else(|_| uri::Authority::from_static("groundhog"));
    parts.authority = Some(authority);
    parts.path_and_query = Some(request.uri().path_and_query().cloned().unwrap_or(uri::PathAndQuery::from_static("/")));
    *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path together are always a URI");
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    /// Always ready: what has to wait waits in the call, so that dropping the call ends the waiting.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.send(request).await })
    }
}
