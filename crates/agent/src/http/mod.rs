//! What an agent shows over HTTP/1.
//!
//! - [`api`]: to the workspace's people, on a stream that the agent's listener has let in.
//! - [`debug`]: to whoever looks for a fault, on a port of the agent's own machine.
//! - `known`: what of an agent the debug pages are made of. `ports`: which ports of the machine are listened on.
//! - How a connection is served (here): one request each, answered whole, within a bound.

pub mod api;
pub mod debug;
mod known;
mod ports;

use std::{convert::Infallible, future::Future, time::Duration};

use bytes::Bytes;
use groundhog_host::{Host, Stream, http2};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

/// How long a request's head may take to come: this platform's customary number.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the whole of a connection may take: a head, an answer, and as much again for a slow reader of ten
/// mebibytes.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// An answer, as it is sent.
type Answer = Response<Full<Bytes>>;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    method: Method,
    path: String,
    query: String,
}

/// Serves one request on `stream`.
async fn serve<F>(host: &Host, stream: Stream, answer: impl Fn(Asked) -> F)
where
    F: Future<Output = Answer>,
{
    let service = service_fn(|request: Request<Incoming>| {
        let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
        let answered = answer(Asked { method: request.method().clone(), path, query });
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let connection = http1::Builder::new()
        // It would be the wall clock of whatever runs this, past the host.
        .auto_date_header(false)
        .timer(http2::Timer::new(host.clone()))
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match host.timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a request broke off"),
        Err(_) => tracing::debug!("a request took too long"),
    }
}

fn answer(status: StatusCode, kind: &'static str, content: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(content.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    answer
}

fn text(status: StatusCode, text: impl Into<String>) -> Answer {
    answer(status, "text/plain; charset=utf-8", text.into() + "\n")
}

fn json(value: &serde_json::Value) -> Answer {
    answer(StatusCode::OK, "application/json", value.to_string())
}

fn not_found(asked: &Asked) -> Answer {
    text(StatusCode::NOT_FOUND, format!("nothing is at {}", asked.path))
}

/// The answer to another method than `GET`, if it is one.
fn only_get(asked: &Asked) -> Option<Answer> {
    let refused =
        || text(StatusCode::METHOD_NOT_ALLOWED, format!("{} {}: only GET is answered", asked.method, asked.path));
    (asked.method != Method::GET).then(refused)
}

/// The value of `name` in a query. Values here are numbers, so that nothing needs decoding.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.split_once('=').filter(|(found, _)| *found == name).map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_by_its_whole_name() {
        let check = |query: &str, expected: Option<&str>| assert_eq!(parameter(query, "after"), expected, "{query:?}");
        check("", None);
        check("after", None);
        check("after=", Some(""));
        check("after=7", Some("7"));
        check("before=1&after=7&after=8", Some("7"));
        check("hereafter=7", None);
    }
}
