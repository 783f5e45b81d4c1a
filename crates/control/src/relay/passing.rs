//! Bytes are passed from one end of a path to the other.

use std::fmt;

use groundhog_wire::{
    chunks::CHUNK_BYTES_MAX,
    v1::{self, relay_chunk::Kind},
};
use tokio::{select, sync::mpsc};
use tonic::{Status, Streaming};

use super::Side;

/// Why a path broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// An end has hung up, or its connection broke.
    HungUp,
    /// An end sent something else than data.
    Malformed,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HungUp => f.write_str("the other end has gone"),
            Self::Malformed => write!(f, "expected up to {CHUNK_BYTES_MAX} bytes of data in each chunk"),
        }
    }
}

impl From<Broken> for Status {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::HungUp => Self::unavailable(broken.to_string()),
            Broken::Malformed => Self::invalid_argument(broken.to_string()),
        }
    }
}

/// Passes chunks both ways until both directions have ended. The end of one is passed on and leaves the other alone.
pub(crate) async fn pass(client: &mut Side, agent: &mut Side) -> Result<(), Broken> {
    let up = direction(&mut client.chunks, &mut agent.answers);
    let down = direction(&mut agent.chunks, &mut client.answers);
    tokio::pin!(up, down);
    let (mut up_ended, mut down_ended) = (false, false);
    while !(up_ended && down_ended) {
        select! {
            biased;
            // In the order in which a path is used. Each waits for its own reader, so neither keeps the other from its
            // turn.
            ended = &mut up, if !up_ended => {
                ended?;
                up_ended = true;
            }
            ended = &mut down, if !down_ended => {
                ended?;
                down_ended = true;
            }
        }
    }
    Ok(())
}

/// Passes the chunks of one direction, each once the one before it was taken: who reads slowly is not read ahead for.
async fn direction(
    from: &mut Streaming<v1::RelayChunk>,
    to: &mut Option<mpsc::Sender<Result<v1::RelayChunk, Status>>>,
) -> Result<(), Broken> {
    while let Some(sender) = to {
        let chunk = select! {
            biased;
            // First the hang-up: nobody is there to read what comes.
            () = sender.closed() => return Err(Broken::HungUp),
            chunk = from.message() => chunk,
        };
        match chunk {
            Ok(Some(v1::RelayChunk { kind: Some(Kind::Data(bytes)) })) if bytes.len() <= CHUNK_BYTES_MAX => {
                let chunk = v1::RelayChunk { kind: Some(Kind::Data(bytes)) };
                sender.send(Ok(chunk)).await.map_err(|_| Broken::HungUp)?;
            }
            Ok(Some(_)) => return Err(Broken::Malformed),
            Ok(None) => *to = None,
            Err(_) => return Err(Broken::HungUp),
        }
    }
    Ok(())
}
