//! Frames on a stream to an agent: a length of two bytes, the lower one first, then so many bytes.
//!
//! A frame is read whole, however the network cuts it up (A10).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest content of a frame, in bytes: what its length can say.
pub const FRAME_BYTES_MAX: usize = u16::MAX as usize;

/// Reads a frame's content. Fails with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends in or
/// before it. Not cancel safe: what was read is lost.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let bytes = stream.read_u16_le().await?;
    let mut content = vec![0; usize::from(bytes)];
    stream.read_exact(&mut content).await?;
    Ok(content)
}

/// Writes a frame. Fails with [`InvalidInput`](io::ErrorKind::InvalidInput) if the content is above
/// [`FRAME_BYTES_MAX`].
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), content: &[u8]) -> io::Result<()> {
    let bytes = u16::try_from(content.len()).map_err(|_| {
        let text = format!("a frame of {} bytes: at most {FRAME_BYTES_MAX} fit", content.len());
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })?;
    // In one piece: a frame that is small leaves in one packet.
    let mut frame = Vec::with_capacity(content.len() + 2);
    frame.extend(bytes.to_le_bytes());
    frame.extend(content);
    stream.write_all(&frame).await?;
    stream.flush().await
}

/// A message that came in a frame made no sense.
pub(crate) fn malformed(what: &str, error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}: {error}"))
}
