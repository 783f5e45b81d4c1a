//! A stream that is counted.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use groundhog_host::Stream;
use groundhog_wire::resumable::ResumableStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::shared::Shared;

/// A stream whose bytes are counted, in both directions. Dropping it ends what is written: all of that still arrives.
pub(crate) struct Counted {
    stream: ResumableStream,
    shared: Arc<Shared>,
}

impl Counted {
    /// `stream`, counted for the agent's stats. Its other end is on the host `peer`.
    pub(crate) fn wrap(stream: ResumableStream, peer: String, shared: &Arc<Shared>) -> Stream {
        Stream::new(Self { stream, shared: shared.clone() }, peer)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.stream.finish();
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            self.shared.stats.counters().received(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        if written > 0 {
            self.shared.stats.counters().sent(written);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
