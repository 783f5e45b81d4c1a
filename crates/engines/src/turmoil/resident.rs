//! A task that works for something that a component holds, such as a listener.

use std::{
    future::poll_fn,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use groundhog_host::{Machine, machine::BoxFuture};

use super::{machine::TurmoilMachine, station::Station};

type Work = Arc<Mutex<Option<BoxFuture<'static, ()>>>>;

/// Work on a machine that is gone, with the port that it has, at the moment in which this is dropped by the machine's own
/// code. Dropped elsewhere it goes on, because turmoil's sockets can be closed by their own host only: the work itself must
/// come to an end once nobody is left.
pub(crate) struct Resident {
    work: Work,
    station: Arc<Station>,
}

fn lock(work: &Work) -> MutexGuard<'_, Option<BoxFuture<'static, ()>>> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Resident {
    /// Begins `work`. It must not own what this is part of.
    pub(crate) fn new(machine: &TurmoilMachine, name: &'static str, work: BoxFuture<'static, ()>) -> Self {
        let work: Work = Arc::new(Mutex::new(Some(work)));
        let shared = work.clone();
        let task = poll_fn(move |context| match lock(&shared).as_mut() {
            Some(work) => work.as_mut().poll(context),
            None => Poll::Ready(()),
        });
        machine.spawn(name, Location::caller(), Box::pin(task)).detach();
        Self { work, station: machine.station.clone() }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        if self.station.runs() {
            let work = lock(&self.work).take();
            drop(work);
        }
    }
}
