//! A call over a relay as a byte stream.
//!
//! Both ends of a path over a relay call it with a stream of [`RelayChunk`]s, and get one. The first chunk says what for;
//! the others carry bytes. At most one chunk waits to leave: whoever writes waits for the one before.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
};
use tokio_util::sync::PollSender;
use tonic::Status;

use crate::v1::{RelayChunk, relay_chunk::Kind};

/// The most data in a chunk, in bytes: 64 KiB.
pub const CHUNK_BYTES_MAX: usize = 64 << 10;

/// The chunks that a call is made with: what [`chunks`] returns.
#[derive(Debug)]
pub struct Chunks {
    first: Option<RelayChunk>,
    receiver: mpsc::Receiver<RelayChunk>,
}

/// Where the bytes for them are written. A shutdown ends the call's direction.
#[derive(Debug)]
pub struct ChunkWriter {
    sender: PollSender<RelayChunk>,
}

/// A path over a relay: what is written to `writer`, and what comes in the answer.
#[derive(Debug)]
pub struct ChunkPath<S> {
    writer: ChunkWriter,
    answer: S,
    rest: Bytes,
}

/// The chunks for a call that begins with `first`, and where to write what follows.
pub fn chunks(first: Kind) -> (Chunks, ChunkWriter) {
    let (sender, receiver) = mpsc::channel(1);
    let first = Some(RelayChunk { kind: Some(first) });
    (Chunks { first, receiver }, ChunkWriter { sender: PollSender::new(sender) })
}

impl<S> ChunkPath<S> {
    /// The path whose call was made with the chunks of `writer`, and answered with `answer`.
    pub fn new(writer: ChunkWriter, answer: S) -> Self {
        Self { writer, answer, rest: Bytes::new() }
    }
}

impl Stream for Chunks {
    type Item = RelayChunk;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<RelayChunk>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => self.receiver.poll_recv(context),
        }
    }
}

impl AsyncWrite for ChunkWriter {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let has_ended = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.sender.poll_reserve(context)).map_err(has_ended)?;
        let count = bytes.len().min(CHUNK_BYTES_MAX);
        let chunk = RelayChunk { kind: Some(Kind::Data(bytes[..count].to_vec())) };
        self.sender.send_item(chunk).map_err(has_ended)?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sender.close();
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream<Item = Result<RelayChunk, Status>> + Unpin> AsyncRead for ChunkPath<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.answer).poll_next(context)) {
                Some(Ok(RelayChunk { kind: Some(Kind::Data(bytes)) })) if bytes.len() <= CHUNK_BYTES_MAX => {
                    self.rest = bytes.into();
                }
                Some(Ok(_)) => {
                    let text = format!("the relay sent something else than up to {CHUNK_BYTES_MAX} bytes of data");
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Some(Err(status)) => return Poll::Ready(Err(io::Error::other(status.message().to_owned()))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let count = buffer.remaining().min(self.rest.len());
        buffer.put_slice(&self.rest[..count]);
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: Unpin> AsyncWrite for ChunkPath<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// The first poll of a future.
    fn once<T>(future: impl Future<Output = T>) -> Poll<T> {
        std::pin::pin!(future).poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    fn next(chunks: &mut Chunks) -> Poll<Option<RelayChunk>> {
        Pin::new(chunks).poll_next(&mut Context::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn bytes_leave_a_chunk_at_a_time() {
        let (mut chunks, mut writer) = chunks(Kind::Data(b"first".to_vec()));
        assert!(matches!(once(writer.write(&[1; CHUNK_BYTES_MAX + 1])), Poll::Ready(Ok(CHUNK_BYTES_MAX))));
        assert!(once(writer.write(&[2])).is_pending(), "the one before waits");
        let is = |chunk: Poll<Option<RelayChunk>>, bytes: &[u8]| {
            assert_eq!(chunk, Poll::Ready(Some(RelayChunk { kind: Some(Kind::Data(bytes.to_vec())) })));
        };
        is(next(&mut chunks), b"first");
        is(next(&mut chunks), &[1; CHUNK_BYTES_MAX]);
        assert!(next(&mut chunks).is_pending());
        assert!(once(writer.write(&[2])).is_ready());
        assert!(once(writer.shutdown()).is_ready());
        is(next(&mut chunks), &[2]);
        assert_eq!(next(&mut chunks), Poll::Ready(None));
    }

    #[test]
    fn what_comes_is_read_however_it_was_cut_up() {
        let data = |bytes: &[u8]| Ok(RelayChunk { kind: Some(Kind::Data(bytes.to_vec())) });
        let read = |answer: Vec<Result<RelayChunk, Status>>| {
            let (_, writer) = chunks(Kind::Data(Vec::new()));
            let mut path = ChunkPath::new(writer, tokio_stream::iter(answer));
            let mut all = Vec::new();
            match once(path.read_to_end(&mut all)) {
                Poll::Ready(Ok(_)) => Ok(all),
                Poll::Ready(Err(error)) => Err(error.to_string()),
                Poll::Pending => panic!("nothing is to be waited for"),
            }
        };
        assert_eq!(read(vec![data(b"ab"), data(b""), data(b"c")]), Ok(b"abc".to_vec()));
        assert_eq!(read(vec![data(b"ab"), Err(Status::unavailable("gone"))]), Err("gone".to_owned()));
        let error = "the relay sent something else than up to 65536 bytes of data";
        assert_eq!(read(vec![Ok(RelayChunk { kind: None })]), Err(error.to_owned()));
        assert_eq!(read(vec![data(&[0; CHUNK_BYTES_MAX + 1])]), Err(error.to_owned()));
    }
}
