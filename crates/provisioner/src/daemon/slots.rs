//! Several futures at once, in one task.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// Runs all of these until each has ended. They are polled in their order, whichever was woken, so that a run is the
/// same each time.
pub(super) async fn all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut open: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    poll_fn(|context| {
        open.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
