//! How a path begins: the client says who it is and which stream it comes for, and the agent answers. Then the stream
//! goes over it.

use std::io;

use groundhog_host::Host;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    driver::{Attachment, PathEnd},
    stream::StreamHandle,
};
use crate::{
    frame,
    v1::{PeerHello, PeerWelcome, peer_welcome::Refusal},
};

/// The agent won't have the path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// Why, for programs.
    pub refusal: Refusal,
    /// Why, in the agent's words.
    pub error: String,
}

/// Why a hello came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// The path broke, or what came on it made no sense.
    #[error(transparent)]
    Path(#[from] io::Error),
    /// The agent won't have the path.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Says hello on a path to an agent and takes its welcome: the stream leaves the path that it has, if it has one, and goes
/// over this one from now on. What `hello` says of how much was received is filled in. Bounding it is the caller's.
pub async fn join(
    host: &Host,
    path: &mut (impl AsyncRead + AsyncWrite + Unpin),
    handle: &StreamHandle,
    hello: PeerHello,
) -> Result<Attachment, HelloError> {
    let turn = handle.turn();
    let received = say(path, &PeerHello { received: turn.received(), ..hello }).await?;
    Ok(handle.attach(host, &turn, received).map_err(not_attached)?)
}

/// Answers a hello that was heard on a path: the stream that it is for, if it was `found`, goes over the path from now on.
/// None if it was refused. Bounding it is the caller's.
pub async fn welcome(
    host: &Host,
    path: &mut (impl AsyncWrite + Unpin),
    said: &PeerHello,
    found: Result<StreamHandle, Refused>,
) -> io::Result<Option<Attachment>> {
    let found = found.map(|handle| (handle.turn(), handle));
    answer(path, &found.as_ref().map(|(turn, _)| turn.received()).map_err(Clone::clone)).await?;
    match found {
        Ok((turn, handle)) => handle.attach(host, &turn, said.received).map(Some).map_err(not_attached),
        Err(refused) => {
            tracing::debug!(%refused, "a path was not let in");
            Ok(None)
        }
    }
}

/// What the other end says it has received can't be, or another path was taken meanwhile.
fn not_attached(end: PathEnd) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, end)
}

/// Says hello on a path to an agent, and takes its welcome: how much of the stream the agent has received.
/// Bounding it is the caller's.
pub async fn say(path: &mut (impl AsyncRead + AsyncWrite + Unpin), hello: &PeerHello) -> Result<u64, HelloError> {
    frame::write(path, &hello.encode_to_vec()).await?;
    let content = frame::read(path).await?;
    let welcome =
        PeerWelcome::decode(content.as_slice()).map_err(|error| frame::malformed("answer to a hello", error))?;
    let refusal = welcome.refusal();
    match (refusal, welcome.error.is_empty()) {
        (Refusal::Unspecified, true) => Ok(welcome.received),
        (_, true) => Err(Refused { refusal, error: "the agent refuses it, and does not say why".to_owned() }.into()),
        (_, false) => Err(Refused { refusal, error: welcome.error }.into()),
    }
}

/// Takes the hello on a path that somebody has come on. Bounding it is the caller's.
pub async fn hear(path: &mut (impl AsyncRead + Unpin)) -> io::Result<PeerHello> {
    let content = frame::read(path).await?;
    PeerHello::decode(content.as_slice()).map_err(|error| frame::malformed("hello", error))
}

/// Answers with how much of the stream was received here, or with a refusal.
async fn answer(path: &mut (impl AsyncWrite + Unpin), answer: &Result<u64, Refused>) -> io::Result<()> {
    let welcome = match answer {
        Ok(received) => PeerWelcome { received: *received, ..PeerWelcome::default() },
        Err(Refused { refusal, error }) => {
            PeerWelcome { refusal: (*refusal).into(), error: error.clone(), ..PeerWelcome::default() }
        }
    };
    frame::write(path, &welcome.encode_to_vec()).await
}
