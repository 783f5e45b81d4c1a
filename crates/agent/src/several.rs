//! Several futures at once, in one task.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Wake, Waker},
};

use groundhog_host::machine::BoxFuture;

/// Futures that run side by side. Those that were woken are polled, in the order in which they were added, so that a
/// run is the same each time. An agent has fifteen of them over a connection and most are idle: to poll them all at each
/// beat was a good part of what an idle agent costs.
pub(crate) struct Several<'a, T> {
    open: Vec<(BoxFuture<'a, T>, Arc<Bell>)>,
    task: Arc<Mutex<Waker>>,
}

/// By which one future is woken: it notes which one it was, and wakes the task that all of them are polled by.
struct Bell {
    rung: AtomicBool,
    task: Arc<Mutex<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        task.wake();
    }
}

impl<'a, T> Several<'a, T> {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { open: Vec::new(), task: Arc::new(Mutex::new(Waker::noop().clone())) }
    }

    /// Adds one.
    pub(crate) fn add(&mut self, future: impl Future<Output = T> + Send + 'a) {
        let bell = Bell { rung: AtomicBool::new(true), task: self.task.clone() };
        self.open.push((Box::pin(future), Arc::new(bell)));
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
            self.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(context.waker());
            for at in 0..self.open.len() {
                let (future, bell) = &mut self.open[at];
                if !bell.rung.swap(false, Ordering::AcqRel) {
                    continue;
                }
                let waker = Waker::from(bell.clone());
                if let Poll::Ready(output) = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
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

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        pin::pin,
        sync::atomic::AtomicU32,
        task::{Context, Poll},
    };

    use super::*;

    /// Counts its polls and hands out its waker; ends once it is told to.
    fn watched<'a>(
        polls: &'a AtomicU32,
        waker: &'a Mutex<Option<Waker>>,
        done: &'a AtomicBool,
    ) -> impl Future<Output = u32> + Send + 'a {
        poll_fn(move |context| {
            polls.fetch_add(1, Ordering::SeqCst);
            *waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            if done.load(Ordering::SeqCst) { Poll::Ready(7) } else { Poll::Pending }
        })
    }

    #[test]
    fn only_what_was_woken_is_polled_and_a_new_task_is_woken_too() {
        struct Count(AtomicU32);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let (idle, idle_waker, never) = (AtomicU32::new(0), Mutex::new(None), AtomicBool::new(false));
        let (busy, busy_waker, done) = (AtomicU32::new(0), Mutex::new(None), AtomicBool::new(false));
        let mut several =
            Several::new().with(watched(&idle, &idle_waker, &never)).with(watched(&busy, &busy_waker, &done));
        let polled = Cell::new(0);
        let poll = |several: &mut Several<'_, u32>, task: &Arc<Count>| {
            polled.set(polled.get() + 1);
            let waker = Waker::from(task.clone());
            pin!(several.next()).poll(&mut Context::from_waker(&waker))
        };
        let (first, second) = (Arc::new(Count(AtomicU32::new(0))), Arc::new(Count(AtomicU32::new(0))));
        assert!(poll(&mut several, &first).is_pending());
        assert!(poll(&mut several, &second).is_pending());
        assert_eq!((idle.load(Ordering::SeqCst), busy.load(Ordering::SeqCst)), (1, 1));
        done.store(true, Ordering::SeqCst);
        let woken = busy_waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        woken.into_iter().for_each(Waker::wake);
        assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), (0, 1));
        assert_eq!(poll(&mut several, &second), Poll::Ready(7));
        assert_eq!((idle.load(Ordering::SeqCst), busy.load(Ordering::SeqCst)), (1, 2));
        assert!(!several.is_empty());
    }
}
