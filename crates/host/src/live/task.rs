//! Tasks on a tokio runtime, owned by a machine.

use std::{
    collections::BTreeMap,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{AbortHandle, JoinHandle},
};

use crate::{
    machine::BoxFuture,
    task::{Task, TaskControl},
};

/// The tasks of one machine.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    keys_given: u64,
    /// Every task that has not been dropped yet; without a handle while it is being spawned.
    running: BTreeMap<u64, Option<AbortHandle>>,
}

impl Tasks {
    /// Starts a task. On a stopped machine it is dropped unpolled and counts as ended.
    pub(super) fn spawn(
        self: &Arc<Self>,
        runtime: &Handle,
        name: &'static str,
        site: &'static Location<'static>,
        future: BoxFuture<'static, ()>,
    ) -> Task {
        let key = {
            let mut state = self.lock();
            if state.stopped {
                drop(state);
                return Task::new(Box::new(Ended));
            }
            state.keys_given += 1;
            let key = state.keys_given;
            state.running.insert(key, None);
            key
        };
        // Spawned without the lock: a runtime that shuts down drops the future here and now, and that takes it.
        let handle = runtime.spawn(Owned { future, _entry: Entry { tasks: self.clone(), key, name, site } });
        let mut state = self.lock();
        if state.stopped {
            handle.abort();
        } else if let Some(slot) = state.running.get_mut(&key) {
            *slot = Some(handle.abort_handle());
        }
        drop(state);
        Task::new(Box::new(Control { abort: handle.abort_handle(), join: Mutex::new(Some(handle)) }))
    }

    /// Ends every task, and those that are spawned from now on before they begin.
    pub(super) fn stop(&self) {
        let handles: Vec<_> = {
            let mut state = self.lock();
            state.stopped = true;
            state.running.values_mut().filter_map(Option::take).collect()
        };
        for handle in handles {
            handle.abort();
        }
    }

    /// Completes once no task is left.
    pub(super) async fn wait_until_gone(&self) {
        loop {
            // Listening before looking: a task that ends in between is not missed.
            let ended = self.ended.notified();
            if self.lock().running.is_empty() {
                return;
            }
            ended.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's future with its entry, which must be dropped last: the task is gone only when all it owned is.
struct Owned {
    future: BoxFuture<'static, ()>,
    _entry: Entry,
}

impl Future for Owned {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.future.as_mut().poll(context)
    }
}

struct Entry {
    tasks: Arc<Tasks>,
    key: u64,
    name: &'static str,
    site: &'static Location<'static>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        // tokio drops a panicking task while it unwinds, which is the only notice that anybody gets of it.
        if std::thread::panicking() {
            tracing::error!(task = self.name, site = %self.site, "task panicked");
        }
        self.tasks.lock().running.remove(&self.key);
        self.tasks.ended.notify_waiters();
    }
}

struct Control {
    abort: AbortHandle,
    /// None once the end has been seen: tokio's handle may not be polled again then.
    join: Mutex<Option<JoinHandle<()>>>,
}

impl TaskControl for Control {
    /// A poll that is in progress on another thread finishes first: a running thread can't be taken back.
    fn abort(&self) {
        self.abort.abort();
    }

    fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut join = self.join.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = join.as_mut() {
            // How it ended does not matter here: a panic was reported when it happened.
            if Pin::new(handle).poll(context).is_pending() {
                return Poll::Pending;
            }
            *join = None;
        }
        Poll::Ready(())
    }
}

struct Ended;

impl TaskControl for Ended {
    fn abort(&self) {}

    fn poll_ended(&self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
