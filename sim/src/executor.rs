//! Runs tasks: all that are ready, one after another, in an order drawn from the seed.
//!
//! Runtimes for production take tasks first in, first out; under them a seed would show one interleaving for
//! ever. Here whatever is ready at one instant is run in any order, which is where races show themselves.
//!
//! A task belongs to a host and dies with it: its future is dropped, and no further line of it runs.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, Location, catch_unwind},
    task::{Context, Poll, Waker},
};

use async_task::Runnable;
use groundhog_host::{
    machine::BoxFuture,
    task::{Task, TaskControl},
};

use crate::{
    arena::{Arena, Key},
    hosts::HostId,
    kernel,
    streams::{Stream, below},
    trace::{
        Step,
        recorder::{self, Source},
    },
};

/// What every task knows of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    /// Counts the run's tasks.
    serial: u64,
    pub(crate) host: HostId,
    key: Key,
}

struct Entry {
    handle: async_task::Task<(), Identity>,
    serial: u64,
    host: HostId,
    name: &'static str,
    site: &'static Location<'static>,
    /// Who waits for its end.
    waiters: Vec<Waker>,
}

/// A task that panicked.
#[derive(Debug)]
pub(crate) struct Panicked {
    pub(crate) host: HostId,
    pub(crate) task: &'static str,
    pub(crate) site: &'static Location<'static>,
}

pub(crate) struct Executor {
    ready: RefCell<Vec<Runnable<Identity>>>,
    tasks: RefCell<Arena<Entry>>,
    draws: RefCell<Stream>,
    spawned: Cell<u64>,
    current: Cell<Option<Identity>>,
    /// Whether the task that is running has come to its end.
    ended: Cell<bool>,
}

/// Called by a task's waker. On a thread without the run, the wake is lost with the run it belonged to.
fn wake(runnable: Runnable<Identity>) {
    let mut runnable = Some(runnable);
    kernel::with(|kernel| {
        if let Some(runnable) = runnable.take() {
            kernel.trace.note(Step::Wake, runnable.metadata().serial);
            kernel.executor.ready.borrow_mut().push(runnable);
        }
    });
}

impl Executor {
    pub(crate) fn new(draws: Stream) -> Self {
        Self {
            ready: RefCell::default(),
            tasks: RefCell::default(),
            draws: RefCell::new(draws),
            spawned: Cell::new(0),
            current: Cell::new(None),
            ended: Cell::new(false),
        }
    }

    /// The host whose task is running, if one is.
    #[inline]
    pub(crate) fn current_host(&self) -> Option<HostId> {
        self.current.get().map(|identity| identity.host)
    }

    /// The serial number of the task that is running, if one is.
    pub(crate) fn current_serial(&self) -> Option<u64> {
        self.current.get().map(|identity| identity.serial)
    }

    pub(crate) fn spawn(
        &self,
        host: HostId,
        name: &'static str,
        site: &'static Location<'static>,
        future: BoxFuture<'static, ()>,
    ) -> Task {
        let serial = self.spawned.get();
        self.spawned.set(serial + 1);
        recorder::with(|recorder| recorder.spawned(host, name, site));
        let future = async move {
            future.await;
            kernel::with(|kernel| kernel.executor.ended.set(true));
        };
        let mut runnable = None;
        let key = self.tasks.borrow_mut().insert_with(|key| {
            let identity = Identity { serial, host, key };
            let (first_run, handle) = async_task::Builder::new().metadata(identity).spawn(move |_| future, wake);
            runnable = Some(first_run);
            Entry { handle, serial, host, name, site, waiters: Vec::new() }
        });
        if let Some(runnable) = runnable {
            runnable.schedule();
        }
        Task::new(Box::new(Control { key }))
    }

    /// Draws the next ready task.
    #[inline]
    pub(crate) fn next(&self, trace: &crate::trace::Trace) -> Option<Runnable<Identity>> {
        let mut ready = self.ready.borrow_mut();
        match ready.len() {
            0 => None,
            // Nothing to choose: no draw, so a busy stretch with one task at a time costs none.
            1 => ready.pop(),
            count => {
                let draw = self.draws.borrow_mut().draw();
                trace.draw(Source::Executor, draw);
                Some(ready.swap_remove(below(draw, u32::try_from(count).unwrap_or(u32::MAX)) as usize))
            }
        }
    }

    /// Polls a task once. Tells if it panicked.
    #[inline]
    pub(crate) fn run(&self, runnable: Runnable<Identity>, trace: &crate::trace::Trace) -> Option<Panicked> {
        let identity = *runnable.metadata();
        trace.note(Step::Run, identity.serial);
        self.current.set(Some(identity));
        let outcome = catch_unwind(AssertUnwindSafe(|| runnable.run()));
        self.current.set(None);
        if !self.ended.replace(false) && outcome.is_ok() {
            return None;
        }
        // Gone already if the task aborted itself in its last breath.
        let entry = self.tasks.borrow_mut().remove(identity.key)?;
        entry.waiters.into_iter().for_each(Waker::wake);
        outcome.is_err().then_some(Panicked { host: entry.host, task: entry.name, site: entry.site })
    }

    fn abort(&self, key: Key) {
        let entry = self.tasks.borrow_mut().remove(key);
        if let Some(entry) = entry {
            // Cancelling schedules the task once more, for the executor to drop its future instead of running it.
            drop(entry.handle);
            entry.waiters.into_iter().for_each(Waker::wake);
        }
    }

    fn poll_ended(&self, key: Key, context: &mut Context<'_>) -> Poll<()> {
        match self.tasks.borrow_mut().get_mut(key) {
            None => Poll::Ready(()),
            Some(entry) => {
                if !entry.waiters.iter().any(|waker| waker.will_wake(context.waker())) {
                    entry.waiters.push(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// Ends every task of the hosts that `dead` chooses, in the order in which they were spawned: their futures are dropped here and
    /// now, and none is polled again. Destructors run, on hosts that are already dead and on which they can do
    /// nothing.
    pub(crate) fn kill(&self, dead: impl Fn(HostId) -> bool) {
        let mut doomed: Vec<(u64, Key)> =
            self.tasks.borrow().iter().filter(|(_, e)| dead(e.host)).map(|(key, e)| (e.serial, key)).collect();
        doomed.sort_unstable_by_key(|(serial, _)| *serial);
        for (_, key) in doomed {
            self.abort(key);
        }
        // A destructor may wake another doomed task, never start one: two rounds would do, and this ends.
        loop {
            let mut dropped = Vec::new();
            let mut kept = Vec::new();
            for runnable in self.ready.take() {
                if dead(runnable.metadata().host) { dropped.push(runnable) } else { kept.push(runnable) }
            }
            self.ready.borrow_mut().splice(0..0, kept);
            if dropped.is_empty() {
                return;
            }
            drop(dropped);
        }
    }

    /// Makes tasks ready again that were set aside while their host was suspended.
    pub(crate) fn put_back(&self, runnables: Vec<Runnable<Identity>>) {
        self.ready.borrow_mut().extend(runnables);
    }
}

struct Control {
    key: Key,
}

impl TaskControl for Control {
    fn abort(&self) {
        kernel::with(|kernel| kernel.executor.abort(self.key));
    }

    fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()> {
        kernel::with(|kernel| kernel.executor.poll_ended(self.key, context)).unwrap_or(Poll::Ready(()))
    }
}
