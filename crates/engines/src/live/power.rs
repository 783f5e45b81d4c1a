//! What is asked of the machines while tasks run, to be done between two of them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use groundhog_sim::PowerControl;
use tokio::sync::Notify;

/// What is to be done to a host's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It is made.
    On(String),
    /// It is deleted.
    Off(String),
}

/// The orders that nobody has carried out yet, in the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Orders {
    waiting: Mutex<VecDeque<Order>>,
    given: Notify,
}

impl Orders {
    fn give(&self, order: Order) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
        self.given.notify_one();
    }

    /// Takes the next one.
    pub(super) fn take(&self) -> Option<Order> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Waits for one. May come back without any.
    pub(super) async fn given(&self) {
        self.given.notified().await;
    }
}

/// The power of one host's machine.
pub(super) struct Switch {
    pub(super) host: String,
    pub(super) orders: Arc<Orders>,
    pub(super) exists: Arc<AtomicBool>,
}

impl PowerControl for Switch {
    fn on(&self) {
        self.orders.give(Order::On(self.host.clone()));
    }

    fn off(&self) {
        self.orders.give(Order::Off(self.host.clone()));
    }

    fn exists(&self) -> bool {
        self.exists.load(Ordering::SeqCst)
    }
}
