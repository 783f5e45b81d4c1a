//! Machines that are made and deleted while the run goes on.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use groundhog_sim::PowerControl;

/// What was asked of the cloud, in order: the host's name, and whether its machine is to be made or to be deleted. Carried
/// out between two ticks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders(Arc<Mutex<Vec<(String, bool)>>>);

impl Orders {
    fn add(&self, host: &str, on: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((host.to_owned(), on));
    }

    /// What was asked for since the last time.
    pub(crate) fn take(&self) -> Vec<(String, bool)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The power of one machine.
#[derive(Debug)]
pub(crate) struct Switch {
    pub(crate) host: String,
    pub(crate) orders: Orders,
    /// Whether the machine exists.
    pub(crate) exists: Arc<AtomicBool>,
}

impl PowerControl for Switch {
    fn on(&self) {
        self.orders.add(&self.host, true);
    }

    fn off(&self) {
        self.orders.add(&self.host, false);
    }

    fn exists(&self) -> bool {
        self.exists.load(Ordering::Relaxed)
    }
}
