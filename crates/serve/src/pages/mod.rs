//! Health and metrics over HTTP/1, for whoever looks after a program.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 as long as the program runs |
//! | `/readyz` | 200 if it can do its work, 503 and the reason if not |
//! | `/metrics` | what it has counted, as Prometheus reads it |
//!
//! Anything else is 404, and any method but `GET` and `HEAD` is 405. One request a connection, of a bounded size, in a
//! bounded time. Nobody is asked who they are: the place where the pages are shown is to be one that only those reach who
//! may see them, as this machine's own address is.

mod answer;
pub(crate) mod connected;
mod shown;

use std::{sync::Arc, time::Duration};

use groundhog_host::{Backoff, Host, Listener, Stream, http2};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;

use self::answer::{Asked, answer};
pub(crate) use self::shown::Shown;

/// Connections that may be open at once; one more is closed. There are a few who look, each now and then.
const CONNECTIONS_MAX: usize = 64;

/// How long a request's head may take to come.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the whole of a connection may take.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long finding an answer may take, before it counts as not found. Whoever looks waits for ten seconds as a rule.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The most of a head that is read, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// The waits after accepts that failed: such a failure is the machine's, and passes.
const ACCEPT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));

/// What the pages tell.
#[tonic::async_trait]
pub trait Pages: Send + Sync + 'static {
    /// Why the program can't do its work at present, if it can't.
    async fn not_ready(&self) -> Option<String>;

    /// What the program has counted, as a text in the format of OpenMetrics. The error says why that can't be told.
    async fn metrics(&self) -> Result<String, String>;
}

/// Shows `pages` to whoever comes to `listener`, for ever.
pub async fn serve(host: Host, mut listener: Listener, pages: Arc<dyn Pages>) {
    let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut backoff = ACCEPT_BACKOFF;
    loop {
        match (listener.accept().await, open.clone().try_acquire_owned()) {
            (Ok(stream), Ok(permit)) => {
                backoff.reset();
                let (own, pages) = (host.clone(), pages.clone());
                let connection = async move {
                    serve_one(&own, stream, &*pages).await;
                    drop(permit);
                };
                host.spawn("page", connection).detach();
            }
            (Ok(_), Err(_)) => tracing::debug!("a request for a page was refused: too many are under way"),
            (Err(error), _) => {
                tracing::debug!(%error, "an accept failed");
                host.sleep(backoff.next_wait()).await;
            }
        }
    }
}

async fn serve_one(host: &Host, stream: Stream, pages: &dyn Pages) {
    let service = service_fn(|request: Request<Incoming>| async move {
        let asked = Asked { method: request.method(), path: request.uri().path() };
        Ok::<_, std::convert::Infallible>(answer(host, &asked, pages).await)
    });
    let connection = http1::Builder::new()
        .timer(http2::Timer::new(host.clone()))
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match host.timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request for a page broke off"),
        Err(_) => tracing::debug!("a request for a page took too long"),
    }
}
