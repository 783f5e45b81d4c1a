//! What is answered to whom.

use bytes::Bytes;
use groundhog_host::{Elapsed, Host};
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;

use super::{ANSWER_TIMEOUT, Pages};

/// What plain words are.
const TEXT: &str = "text/plain; charset=utf-8";

/// What Prometheus reads.
const METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Health,
    Readiness,
    Metrics,
    Unknown,
    OtherMethod,
}

fn page(asked: &Asked<'_>) -> Page {
    let page = match asked.path {
        "/healthz" => Page::Health,
        "/readyz" => Page::Readiness,
        "/metrics" => Page::Metrics,
        // Whether there is anything at all comes before how it may be asked for.
        _ => return Page::Unknown,
    };
    if asked.method == Method::GET || asked.method == Method::HEAD { page } else { Page::OtherMethod }
}

/// The answer. The library leaves the content out where the method is `HEAD`.
pub(super) async fn answer(host: &Host, asked: &Asked<'_>, pages: &dyn Pages) -> Response<Full<Bytes>> {
    match page(asked) {
        Page::Health => plain(StatusCode::OK, "alive"),
        Page::Readiness => match host.timeout(ANSWER_TIMEOUT, pages.not_ready()).await {
            Ok(None) => plain(StatusCode::OK, "ready"),
            Ok(Some(why)) => plain(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {why}")),
            Err(Elapsed) => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: it takes too long to find out"),
        },
        Page::Metrics => match host.timeout(ANSWER_TIMEOUT, pages.metrics()).await {
            Ok(Ok(text)) => content(StatusCode::OK, METRICS, text),
            Ok(Err(why)) => plain(StatusCode::SERVICE_UNAVAILABLE, &why),
            Err(Elapsed) => plain(StatusCode::SERVICE_UNAVAILABLE, "it takes too long to count"),
        },
        Page::Unknown => plain(StatusCode::NOT_FOUND, "nothing is here; there are /healthz, /readyz and /metrics"),
        Page::OtherMethod => {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    content(status, TEXT, format!("{text}\n"))
}

fn content(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
