//! A few things at once.

use std::{future::Future, pin::Pin, task::Poll};

/// Does `work` on every item, on at most `limit` (at least one) at once. They are begun in their order, and those that can
/// go on are gone on with in that order too, so that nothing depends on a scheduler. Ends when all have ended.
pub async fn side_by_side<I, F>(limit: usize, items: impl IntoIterator<Item = I>, work: impl Fn(I) -> F)
where
    F: Future<Output = ()>,
{
    let mut waiting = items.into_iter();
    let mut running: Vec<Pin<Box<F>>> = Vec::new();
    std::future::poll_fn(move |context| {
        loop {
            while running.len() < limit.max(1)
                && let Some(item) = waiting.next()
            {
                running.push(Box::pin(work(item)));
            }
            let before = running.len();
            running.retain_mut(|future| future.as_mut().poll(context).is_pending());
            if running.is_empty() && before == 0 {
                return Poll::Ready(());
            }
            // Where something has ended there is room, or nothing is left.
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
}
