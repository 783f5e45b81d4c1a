//! A task of a host's software.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use futures_util::future::{AbortHandle, Abortable};
use groundhog_host::{machine::BoxFuture, task::TaskControl};
use tokio::sync::oneshot;

use crate::hosted::Hosted;

/// The handle on a task.
pub(crate) struct Control {
    abort: AbortHandle,
    /// None once it is known to have ended.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

/// Makes a task, to be run by its host's firmware, and the handle on it.
pub(crate) fn new(task: Hosted) -> (BoxFuture<'static, ()>, Control) {
    let (ends, ended) = oneshot::channel();
    let (abort, registration) = AbortHandle::new_pair();
    let task = async move {
        // Dropped last, when all that the task owned is gone, whether it came to its end, was aborted, or went with its host.
        let _ends: oneshot::Sender<()> = ends;
        let _ = Abortable::new(task, registration).await;
    };
    (Box::pin(task), Control { abort, ended: Mutex::new(Some(ended)) })
}

impl TaskControl for Control {
    fn abort(&self) {
        self.abort.abort();
    }

    fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = ended.as_mut() {
            // It is never told but by being dropped.
            let _ = ready!(Pin::new(receiver).poll(context));
            *ended = None;
        }
        Poll::Ready(())
    }
}

/// The handle on a task that a dead host asked for.
pub(crate) struct NeverStarted;

impl TaskControl for NeverStarted {
    fn abort(&self) {}

    fn poll_ended(&self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
