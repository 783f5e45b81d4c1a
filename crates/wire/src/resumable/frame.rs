//! What the two ends of a stream say to each other on a path, after the hello.

use std::io;

use bytes::Bytes;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    frame,
    v1::{Finished, Ping, Pong, StreamFrame, stream_frame::Kind},
};

/// The most data in a frame, in bytes: 16 KiB. Below it, what a frame adds begins to count; above it, a ping waits for
/// too long behind data on a slow path.
pub const DATA_BYTES_MAX: usize = 16 << 10;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The next bytes.
    Data(Bytes),
    /// So much of the other end's was read.
    Consumed(u64),
    /// The end, after so many bytes.
    Finished(u64),
    /// The stream has ended before its time, for this reason.
    Reset(String),
    /// A sign of life is asked for.
    Ping,
    /// Here it is.
    Pong,
}

impl Frame {
    /// Reads the next one. Fails with [`InvalidData`](io::ErrorKind::InvalidData) if it makes no sense. Not cancel safe.
    pub(super) async fn read(path: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        Self::parse(&frame::read(path).await?)
    }

    /// Writes it.
    pub(super) async fn write(self, path: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let kind = match self {
            Self::Data(bytes) => Kind::Data(bytes.into()),
            Self::Consumed(count) => Kind::Consumed(count),
            Self::Finished(bytes) => Kind::Finished(Finished { bytes }),
            Self::Reset(reason) => Kind::Reset(reason),
            Self::Ping => Kind::Ping(Ping {}),
            Self::Pong => Kind::Pong(Pong {}),
        };
        frame::write(path, &StreamFrame { kind: Some(kind) }.encode_to_vec()).await
    }

    fn parse(content: &[u8]) -> io::Result<Self> {
        let frame = StreamFrame::decode(content).map_err(|error| frame::malformed("frame of a stream", error))?;
        Ok(match frame.kind {
            Some(Kind::Data(bytes)) => Self::Data(bytes.into()),
            Some(Kind::Consumed(count)) => Self::Consumed(count),
            Some(Kind::Finished(Finished { bytes })) => Self::Finished(bytes),
            Some(Kind::Reset(reason)) => Self::Reset(reason),
            Some(Kind::Ping(Ping {})) => Self::Ping,
            Some(Kind::Pong(Pong {})) => Self::Pong,
            None => return Err(frame::malformed("frame of a stream", "it says nothing that is known here")),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    fn frames() -> impl Strategy<Value = Frame> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..100).prop_map(|bytes| Frame::Data(bytes.into())),
            any::<u64>().prop_map(Frame::Consumed),
            any::<u64>().prop_map(Frame::Finished),
            ".*".prop_map(Frame::Reset),
            Just(Frame::Ping),
            Just(Frame::Pong),
        ]
    }

    /// What a future that never waits comes to.
    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(frame in frames()) {
            let mut written = Vec::new();
            now(frame.clone().write(&mut written)).expect("it fits");
            prop_assert_eq!(now(Frame::read(&mut written.as_slice())).expect("it is whole"), frame);
        }

        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(error) = Frame::parse(&bytes) {
                prop_assert!(error.to_string().starts_with("malformed frame of a stream: "));
            }
        }
    }
}
