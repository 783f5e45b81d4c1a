//! A terminal session over a stream to an agent.
//!
//! The client sends JSON in [frames](crate::frame): one [`Init`], then [`Input`]s. The agent sends the terminal's
//! output as it is, without frames, and closes the stream when the session is over.

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

use crate::frame;

/// What a client wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Init {
    /// The session: joined if it is there, begun if it is not. Who knows the id of a session may see it.
    pub id: Uuid,
    /// Rows; 0 leaves the choice to the agent.
    pub height: u16,
    /// Columns; 0 leaves the choice to the agent.
    pub width: u16,
    /// What a new session runs, by a shell; empty for the login shell.
    #[serde(default)]
    pub command: String,
}

/// What a client sends then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What was typed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// New rows; 0: as they are.
    #[serde(default)]
    pub height: u16,
    /// New columns; 0: as they are.
    #[serde(default)]
    pub width: u16,
}

impl Init {
    /// Reads it whole from `stream` (A10).
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        parse("begin of a terminal session", &frame::read(stream).await?)
    }

    /// Writes it to `stream`.
    pub async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        frame::write(stream, &serde_json::to_vec(self)?).await
    }
}

impl Input {
    /// Reads the next one from `stream`. Fails with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) when the client
    /// has gone. Not cancel safe.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        parse("terminal input", &frame::read(stream).await?)
    }

    /// Writes it to `stream`.
    pub async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        frame::write(stream, &serde_json::to_vec(self)?).await
    }
}

fn parse<T: for<'de> Deserialize<'de>>(what: &str, content: &[u8]) -> io::Result<T> {
    serde_json::from_slice(content).map_err(|error| frame::malformed(what, error))
}
