//! The guards around one connection's byte stream: it must begin with HTTP/2 in time, and it must not stall.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use groundhog_host::{Elapsed, Host, Sleep, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::ServerConfig;

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A byte stream that has begun with HTTP/2, and whose writes fail once they made no progress for a while.
#[derive(Debug)]
pub(super) struct Inbound {
    stream: Stream,
    /// What was read ahead and HTTP/2 has not been given yet.
    ahead: &'static [u8],
    host: Host,
    write_timeout: Duration,
    /// Runs while a write waits.
    stalled: Option<Sleep>,
}

impl Inbound {
    /// Waits for the first bytes. Fails if they are not HTTP/2's, or not there in time.
    pub(super) async fn begin(host: &Host, mut stream: Stream, config: &ServerConfig) -> io::Result<Self> {
        let mut first = [0; PREFACE.len()];
        match host.timeout(config.handshake_timeout, stream.read_exact(&mut first)).await {
            Ok(Ok(_)) if first == *PREFACE => {}
            Ok(Ok(_)) => return Err(io::Error::new(io::ErrorKind::InvalidData, "the caller does not speak HTTP/2")),
            Ok(Err(error)) => return Err(error),
            Err(Elapsed) => return Err(io::Error::new(io::ErrorKind::TimedOut, "the caller said nothing")),
        }
        let (host, write_timeout) = (host.clone(), config.write_timeout);
        Ok(Self { stream, ahead: PREFACE, host, write_timeout, stalled: None })
    }

    /// Lets through what is ready, and turns a wait that has lasted too long into an error.
    fn watch<T>(&mut self, progress: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let stalled = self.stalled.get_or_insert_with(|| self.host.sleep(self.write_timeout));
        ready!(Pin::new(stalled).poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the network took nothing for too long")))
    }
}

impl AsyncRead for Inbound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let (now, later) = self.ahead.split_at(self.ahead.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.ahead = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Inbound {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(progress, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(progress, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(progress, context)
    }
}
