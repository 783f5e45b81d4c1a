//! A measurement of the path to an agent, over a stream to it.
//!
//! The client sends one [`Request`] as JSON in a [`frame`]. Then it is one side's turn to send bytes, as
//! fast as they go, for as long as was asked; that side closes its end of the stream after them. When the client
//! sent, the agent answers with a [`Report`] in a frame; when the agent did, the client has counted.

use std::{io, time::Duration};

use groundhog_host::{Host, Instant};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::frame;

/// The longest measurement that an agent takes part in.
pub const DURATION_MAX: Duration = Duration::from_secs(60);

/// How much is written at once, in bytes.
const PIECE_BYTES: usize = 16 << 10;

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the client.
    Down,
    /// To the agent.
    Up,
}

/// What a client wants to have measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which way.
    pub direction: Direction,
    /// For how long, in milliseconds; above [`DURATION_MAX`] the agent closes the stream.
    pub duration_ms: u64,
}

/// What was measured by the side that received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// How many bytes came.
    pub bytes: u64,
    /// How long that took, in milliseconds, from the request to their end.
    pub took_ms: u64,
}

impl Request {
    /// Reads it whole from `stream` (A10).
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let content = frame::read(stream).await?;
        serde_json::from_slice(&content).map_err(|error| frame::malformed("request for a measurement", error))
    }

    /// Writes it to `stream`.
    pub async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        frame::write(stream, &serde_json::to_vec(self)?).await
    }
}

impl Report {
    /// Reads it whole from `stream`.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let content = frame::read(stream).await?;
        serde_json::from_slice(&content).map_err(|error| frame::malformed("report of a measurement", error))
    }

    /// Writes it to `stream`.
    pub async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        frame::write(stream, &serde_json::to_vec(self)?).await
    }
}

/// Sends for `lasts`, and closes this side of the stream. The piece that is under way then is given up, so that a path
/// on which nothing moves ends the measurement all the same.
pub async fn send(host: &Host, stream: &mut (impl AsyncWrite + Unpin), lasts: Duration) -> io::Result<()> {
    let piece = [0x5A; PIECE_BYTES];
    let end = host.now() + lasts;
    loop {
        let left = end.since(host.now());
        if left.is_zero() {
            break;
        }
        match host.timeout(left, stream.write_all(&piece)).await {
            Ok(written) => written?,
            Err(_) => break,
        }
    }
    stream.shutdown().await
}

/// Counts what comes until the other side has sent all. `began` is when the request was made.
pub async fn receive(host: &Host, stream: &mut (impl AsyncRead + Unpin), began: Instant) -> io::Result<Report> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        match stream.read(&mut piece).await? {
            0 => break,
            count => bytes += count as u64,
        }
    }
    let took_ms = u64::try_from((host.now() - began).as_millis()).unwrap_or(u64::MAX);
    Ok(Report { bytes, took_ms })
}
