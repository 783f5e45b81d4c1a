//! An end of a stream on a path.

use std::{io, time::Duration};

use groundhog_host::Host;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{core::Violation, frame::Frame, stream::StreamHandle};

/// How long the other end may take to close a path that it was told the last word on: closing first could take that
/// word away from it.
const PARTING: Duration = Duration::from_secs(5);

/// A stream's place on a path. Dropping it leaves the path.
#[derive(Debug)]
pub struct Attachment {
    handle: StreamHandle,
    number: u64,
}

/// Why a path has ended.
#[derive(Debug, thiserror::Error)]
pub enum PathEnd {
    /// The stream has.
    #[error("the stream has ended")]
    Over,
    /// The stream has left it, or goes on over another one.
    #[error("another path is used")]
    Left,
    /// It broke, or what came on it made no sense.
    #[error(transparent)]
    Broken(io::Error),
    /// The other end has done what it must not, and the stream was reset.
    #[error(transparent)]
    Violated(Violation),
}

impl Attachment {
    pub(super) fn new(handle: StreamHandle, number: u64) -> Self {
        Self { handle, number }
    }

    /// Carries what is written and what comes until the path has ended, and tells why it has. `path` is one whose hello
    /// was said and answered.
    pub async fn drive(self, host: &Host, path: impl AsyncRead + AsyncWrite + Send) -> PathEnd {
        let (mut reader, mut writer) = tokio::io::split(path);
        let end = tokio::select! {
            biased;
            // That the path was left comes first: nothing that comes on it counts then. What comes before what goes,
            // because a word that ends the stream makes the rest needless.
            () = self.handle.until_left(self.number) => PathEnd::Left,
            end = self.hear(host, &mut reader) => end,
            end = self.say(&mut writer) => end,
        };
        match &end {
            PathEnd::Over | PathEnd::Violated(_) => {
                let parting = async {
                    if let PathEnd::Violated(_) = &end {
                        // It says so, if it still can.
                        self.say(&mut writer).await;
                    }
                    writer.shutdown().await?;
                    let mut rest = [0; 1 << 10];
                    while reader.read(&mut rest).await? > 0 {}
                    io::Result::Ok(())
                };
                // The path is of no more use, whatever comes of it.
                let _ = host.timeout(PARTING, parting).await;
            }
            PathEnd::Left | PathEnd::Broken(_) => {}
        }
        end
    }

    async fn hear(&self, host: &Host, path: &mut (impl AsyncRead + Unpin)) -> PathEnd {
        loop {
            let frame = match Frame::read(path).await {
                Ok(frame) => frame,
                Err(_) if self.handle.is_over() => return PathEnd::Over,
                Err(error) => return PathEnd::Broken(error),
            };
            let now = host.now();
            let received = self.handle.act(|state| {
                // One that is late counts no more.
                if state.path != self.number {
                    return Ok(());
                }
                state.heard_at = Some(now);
                let received = state.core.receive(frame);
                if let Err(violation) = &received {
                    state.core.reset(&violation.to_string());
                }
                received
            });
            if let Err(violation) = received {
                return PathEnd::Violated(violation);
            }
        }
    }

    async fn say(&self, path: &mut (impl AsyncWrite + Unpin)) -> PathEnd {
        loop {
            let next = self.handle.next_due(|state| match () {
                // What is said on a path that was left would be lost.
                () if state.path != self.number => Some(Err(PathEnd::Left)),
                () if state.core.is_over() => Some(Err(PathEnd::Over)),
                () => state.core.next_frame().map(Ok),
            });
            let frame = match next.await {
                Ok(frame) => frame,
                Err(end) => return end,
            };
            if let Err(error) = frame.write(path).await {
                return PathEnd::Broken(error);
            }
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.handle.act(|state| {
            if state.path == self.number {
                state.attached = false;
            }
        });
    }
}
