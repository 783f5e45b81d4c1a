//! The answer to a call that is a stream of messages which a task of its own makes.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
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
