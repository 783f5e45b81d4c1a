//! The state of the run on this thread, and the way to it.
//!
//! A simulation lives on one thread. What components hold (hosts, streams, timers) are plain numbers; the state
//! behind them is here, in a thread-local. That makes every handle `Send`, as `tonic` and `tokio` want, without
//! a lock on any hot path and without unsafe code.
//!
//! One rule keeps the cells below from being borrowed twice: **no foreign code runs while one is borrowed**. A
//! future is polled or dropped, a boot function or an observer called, only between borrows. Waking is allowed
//! everywhere: a wake touches nothing but the executor's ready list.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use crate::{
    event_queue::EventQueue,
    executor::Executor,
    hosts::Hosts,
    journal::{Journal, Narrator},
    network::Network,
    streams::Streams,
    timers::Timers,
    trace::Trace,
};

/// What can happen at a point in time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A host's timer is due.
    Timer(crate::arena::Key),
    /// Something happens in the network.
    Network(crate::network::Event),
    /// The world does something that was planned, such as a fault.
    Planned(usize),
}

/// All state of one run.
pub(crate) struct Kernel {
    /// Virtual time, in microseconds since the run began.
    pub(crate) now: Cell<u64>,
    /// The wall clock at the beginning of the run, in microseconds since 1970.
    pub(crate) epoch: u64,
    pub(crate) queue: RefCell<EventQueue<Event>>,
    pub(crate) executor: Executor,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) hosts: RefCell<Hosts>,
    pub(crate) network: RefCell<Network>,
    /// What the world will do by itself.
    pub(crate) planned: RefCell<Vec<Option<crate::plan::Planned>>>,
    pub(crate) journal: Rc<Journal>,
    pub(crate) trace: Trace,
    pub(crate) streams: Streams,
    pub(crate) past_the_seam: crate::interpose::PastTheSeam,
}

impl Kernel {
    #[inline]
    pub(crate) fn schedule(&self, at: u64, event: Event) {
        self.queue.borrow_mut().push(at, event);
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Kernel>>> = const { RefCell::new(None) };
}

/// Calls `f` with the run on this thread. `None` when there is none: it has ended, or a handle was carried to
/// another thread.
#[inline]
pub(crate) fn with<T>(f: impl FnOnce(&Kernel) -> T) -> Option<T> {
    // A thread that is being torn down has no run any more.
    CURRENT.try_with(|current| current.borrow().as_deref().map(f)).ok().flatten()
}

/// Says for the journal what the run on this thread knows.
pub(crate) struct Leap;

impl Narrator for Leap {
    fn now(&self) -> Duration {
        Duration::from_micros(with(|kernel| kernel.now.get()).unwrap_or(0))
    }

    fn host(&self) -> Option<String> {
        with(|kernel| kernel.executor.current_host().map(|id| kernel.hosts.borrow()[id].name.to_string())).flatten()
    }

    fn noted(&self, ordinal: u64, line: &str) {
        with(|kernel| kernel.trace.record(ordinal, line));
    }
}

/// Makes `kernel` this thread's run until the guard is dropped.
pub(crate) fn enter(kernel: Rc<Kernel>) -> Entered {
    CURRENT.with(|current| {
        let mut current = current.borrow_mut();
        assert!(current.is_none(), "a simulation already runs on this thread: end it before another begins");
        *current = Some(kernel);
    });
    Entered(())
}

/// Ends the run on this thread when dropped.
pub(crate) struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        // Taken out first: dropping the state runs destructors, which may look for the run.
        let kernel = CURRENT.with(|current| current.borrow_mut().take());
        drop(kernel);
    }
}
