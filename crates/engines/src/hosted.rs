//! Whose code runs: a runtime that knows nothing of hosts polls tasks of all of them on one thread.

use std::{
    cell::RefCell,
    future::Future,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use groundhog_host::machine::BoxFuture;
use groundhog_sim::Journal;

thread_local! {
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// The host whose task runs on this thread at the moment.
pub(crate) fn current() -> Option<String> {
    CURRENT.with(|current| current.borrow().as_deref().map(str::to_owned))
}

/// A task of a host: what it tells is the host's word, and that it panics makes the run fail instead of the program.
pub(crate) struct Hosted {
    host: Arc<str>,
    name: &'static str,
    site: &'static Location<'static>,
    /// None once it has ended, so that what it owned is gone with its end.
    future: Option<BoxFuture<'static, ()>>,
}

impl Hosted {
    pub(crate) fn new(
        host: Arc<str>,
        name: &'static str,
        site: &'static Location<'static>,
        future: BoxFuture<'static, ()>,
    ) -> Self {
        Self { host, name, site, future: Some(future) }
    }

    /// Calls `f` as the host's code.
    fn inside<T>(host: &Arc<str>, f: impl FnOnce() -> T) -> T {
        let before = CURRENT.with(|current| current.replace(Some(host.clone())));
        let result = f();
        CURRENT.with(|current| current.replace(before));
        result
    }
}

impl Future for Hosted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(future) = this.future.as_mut() else { return Poll::Ready(()) };
        let polled = Self::inside(&this.host, || catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))));
        match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(())) => {}
            Err(_) => {
                if let Some(journal) = Journal::current() {
                    journal.task_panicked(&this.host, this.name, this.site);
                }
            }
        }
        // Destructors speak for the host too.
        let future = this.future.take();
        Self::inside(&this.host, || drop(future));
        Poll::Ready(())
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        let future = self.future.take();
        Self::inside(&self.host, || drop(future));
    }
}
