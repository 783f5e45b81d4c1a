//! How a path begins: the client says who it is and which stream it comes for, and the agent answers.

use std::io;

use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};

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

/// Says hello on a path to an agent, and takes its welcome: how much of the stream the agent has received. Bounding it is
/// the caller's.
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

/// Answers a hello: with how much of the stream was received here, or with a refusal.
pub async fn answer(path: &mut (impl AsyncWrite + Unpin), answer: &Result<u64, Refused>) -> io::Result<()> {
    let welcome = match answer {
        Ok(received) => PeerWelcome { received: *received, ..PeerWelcome::default() },
        Err(Refused { refusal, error }) => {
            PeerWelcome { refusal: (*refusal).into(), error: error.clone(), ..PeerWelcome::default() }
        }
    };
    frame::write(path, &welcome.encode_to_vec()).await
}
