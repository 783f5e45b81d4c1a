//! The answer to a call that is a stream of messages which a task of its own makes.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use groundhog_host::Host;
use tokio::sync::mpsc;
use tonic::Status;

/// The messages of one call, in the order in which its task sends them.
#[derive(Debug)]
pub struct Messages<T> {
    messages: mpsc::Receiver<Result<T, Status>>,
}

impl<T> Messages<T> {
    /// A stream, and where to send its messages: one at a time, because who reads slowly is not read ahead for.
    pub(crate) fn new() -> (mpsc::Sender<Result<T, Status>>, Self) {
        let (sender, messages) = mpsc::channel(1);
        (sender, Self { messages })
    }
}

impl<T> Stream for Messages<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.messages.poll_recv(context)
    }
}

/// What a stream ends with when the control plane stops: its caller comes again.
pub(crate) fn stopping() -> Status {
    Status::unavailable("the control plane is stopping: try again")
}

/// How long the last word of a call waits for the one before it to be read.
const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends the last word of a call: it waits for a while until the message before it is read, so that a caller who reads
/// slowly learns why the call ended, and one who does not read at all keeps nothing waiting.
pub(crate) async fn last_word<T>(host: &Host, messages: &mpsc::Sender<Result<T, Status>>, status: Status) {
    // A caller that hung up or does not read needs none.
    let _ = host.timeout(LAST_WORD_TIMEOUT, messages.send(Err(status))).await;
}
