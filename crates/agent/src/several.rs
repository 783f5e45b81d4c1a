//! Several futures at once, in one task.

use std::{fmt, future::poll_fn, task::Poll};

use groundhog_host::machine::BoxFuture;

/// Futures that run side by side. They are polled in the order in which they were added, whichever was woken, so that a
/// run is the same each time.
pub(crate) struct Several<'a, T> {
    open: Vec<BoxFuture<'a, T>>,
}

impl<'a, T> Several<'a, T> {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { open: Vec::new() }
    }

    /// Adds one.
    pub(crate) fn add(&mut self, future: impl Future<Output = T> + Send + 'a) {
        self.open.push(Box::pin(future));
    }

    /// The same with one more.
    #[must_use]
    pub(crate) fn with(mut self, future: impl Future<Output = T> + Send + 'a) -> Self {
        self.add(future);
        self
    }

    /// Waits for the first one to end, and gives what it gave. Without any, it waits for ever. Cancel safe.
    pub(crate) async fn next(&mut self) -> T {
        poll_fn(|context| {
            for at in 0..self.open.len() {
                if let Poll::Ready(output) = self.open[at].as_mut().poll(context) {
                    drop(self.open.remove(at));
                    return Poll::Ready(output);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Whether all have ended.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl<T> fmt::Debug for Several<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Several").field(&self.open.len()).finish()
    }
}
