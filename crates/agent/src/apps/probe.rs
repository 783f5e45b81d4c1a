//! Asking an app how it is, by HTTP/1.

use std::io;

use bytes::Bytes;
use groundhog_host::{Address, Host};
use http::{Request, Uri, header::HOST};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

/// An app could not be asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    /// Nothing can be asked there.
    #[error("{url:?} can't be asked: expected http://HOST:PORT/PATH")]
    Url {
        /// What was to be asked.
        url: String,
    },
    /// Nobody is there.
    #[error("could not connect to {to}: {error}")]
    Connect {
        /// Where.
        to: Address,
        /// Why.
        error: io::Error,
    },
    /// What came back was no answer.
    #[error("no answer: {0}")]
    Answer(#[from] hyper::Error),
}

/// The status of the answer to a GET.
pub(super) async fn ask(host: &Host, url: &str) -> Result<u16, ProbeError> {
    let unclear = || ProbeError::Url { url: url.chars().take(200).collect() };
    let uri: Uri = url.parse().map_err(|_| unclear())?;
    let to = address(host, &uri).ok_or_else(unclear)?;
    let authority = uri.authority().ok_or_else(unclear)?.as_str().to_owned();
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let request = Request::get(path).header(HOST, authority).body(Empty::<Bytes>::new()).map_err(|_| unclear())?;
    let stream = host.connect(&to).await.map_err(|error| ProbeError::Connect { to, error })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(sender.send_request(request));
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            // The answer first: the connection may end with it.
            answer = &mut answer => return Ok(answer?.status().as_u16()),
            // Its end is told by the answer, which fails.
            _ = &mut connection, if open => open = false,
        }
    }
}

/// Where the URL leads; to this machine, whatever it is called there, if it says so. None if it is not HTTP's.
fn address(host: &Host, uri: &Uri) -> Option<Address> {
    if uri.scheme_str() != Some("http") {
        return None;
    }
    let name = match uri.host()?.trim_start_matches('[').trim_end_matches(']') {
        "localhost" | "127.0.0.1" | "::1" => host.name(),
        name => name,
    };
    Some(Address::new(name, uri.port_u16().unwrap_or(80)))
}
