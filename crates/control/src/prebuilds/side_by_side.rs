//! A few things at once.

use std::{future::Future, pin::Pin, task::Poll};

/// Something that is yet to be done.
pub type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Does all of `work`, at most `limit` (at least one) at once. It is begun in its order, and what can go on is gone on
/// with in that order too, so that nothing depends on a scheduler. Ends when all has ended.
pub async fn side_by_side(limit: usize, work: Vec<Work<'_>>) {
    let mut waiting = work.into_iter();
    let mut running = Vec::new();
    std::future::poll_fn(move |context| {
        loop {
            running.extend(waiting.by_ref().take(limit.max(1).saturating_sub(running.len())));
            let before = running.len();
            running.retain_mut(|work: &mut Work<'_>| work.as_mut().poll(context).is_pending());
            if before == 0 {
                return Poll::Ready(());
            }
            // Where something has ended there is room for more, or nothing is left.
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
}
