//! How a host starts and ends; how a machine comes to be and is deleted.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use groundhog_sim::{Engine, SuspendedClock};

use super::{engine::Turmoil, network::Reach, station::Station};
use crate::presence::{Change, Presence};

/// One host, as the engine knows it.
pub(crate) struct Lifecycle {
    pub(crate) station: Arc<Station>,
    presence: Presence,
    /// Whether its machine exists, for whoever holds its power.
    pub(crate) exists: Arc<AtomicBool>,
}

impl Lifecycle {
    /// A host that has not started. `exists`: its machine is there from the beginning.
    pub(crate) fn new(station: Arc<Station>, exists: bool) -> Self {
        Self { station, presence: Presence::new(exists), exists: Arc::new(AtomicBool::new(exists)) }
    }
}

impl Turmoil {
    /// Changes what is known of a host, and returns what is to be done.
    fn change<T>(&mut self, name: &str, change: impl FnOnce(&mut Presence) -> T) -> Option<T> {
        let host = self.hosts.get_mut(name)?;
        let result = change(&mut host.presence);
        host.exists.store(host.presence.exists(), Ordering::Relaxed);
        Some(result)
    }

    fn record(&self, event: &str, host: &str) {
        self.journal().world(event, vec![("host", host.to_owned())]);
    }

    /// What becomes of messages to and from a host from now on.
    pub(super) fn set_reach(&mut self, name: &str, reach: Reach) {
        self.network.set_reach(name, reach);
        let network = self.network.clone();
        let others = self.hosts.keys().map(String::as_str);
        self.paths.reach_changed(&self.sim, name, others, |host| network.reach(host));
    }

    fn begin(&mut self, name: &str, change: Option<Change>) {
        if change != Some(Change::Start) {
            return;
        }
        self.set_reach(name, Reach::Awake);
        self.record("host.started", name);
        if let Some(host) = self.hosts.get(name) {
            host.station.start();
        }
    }

    /// A host starts.
    pub(super) fn start(&mut self, name: &str) {
        let change = self.change(name, Presence::start).flatten();
        self.begin(name, change);
    }

    /// A fault that kept a host down ends.
    pub(super) fn come_back(&mut self, name: &str) {
        let change = self.change(name, Presence::come_back).flatten();
        self.begin(name, change);
    }

    /// Makes a machine that did not exist. It starts now, or when the last fault that would keep it down has ended.
    pub(super) fn create(&mut self, name: &str) {
        let change = self.change(name, Presence::create).flatten();
        self.begin(name, change);
    }

    /// Ends a host's software; its machine resets its streams.
    pub(super) fn kill(&mut self, name: &str) {
        if self.change(name, Presence::go_down).flatten() == Some(Change::Stop) {
            self.record("host.killed", name);
            if let Some(host) = self.hosts.get(name) {
                self.network.kill(host.station.ip);
                host.station.stop();
            }
            // A machine whose software is gone answers, also if that was suspended.
            self.set_reach(name, Reach::Awake);
        }
    }

    /// A host loses power.
    pub(super) fn lose_power(&mut self, name: &str) {
        let change = self.change(name, Presence::go_down).flatten();
        let was_dark = self.network.is_dark(name);
        if !was_dark {
            self.record("host.power_lost", name);
        }
        self.go_dark(name, change);
    }

    /// Deletes a machine: it loses power, and no fault's end starts it again.
    pub(super) fn remove(&mut self, name: &str) {
        let Some((existed, change)) = self.change(name, Presence::remove) else { return };
        if existed {
            // Told also if a fault had it already, because nothing brings it back now.
            self.record("host.removed", name);
            self.go_dark(name, change);
        }
    }

    /// Nothing is sent any more, and what was not synced is lost.
    fn go_dark(&mut self, name: &str, change: Option<Change>) {
        // Before its software goes: what turmoil would tell the other ends of its streams is lost with it.
        self.set_reach(name, Reach::Dark);
        if let Some(host) = self.hosts.get(name) {
            host.station.lose_power();
            if change == Some(Change::Stop) {
                host.station.stop();
            }
        }
    }

    /// A host stops where it is.
    pub(super) fn suspend(&mut self, name: &str, clock: SuspendedClock) {
        let Some(host) = self.hosts.get(name) else { return };
        if !host.presence.is_up() || !host.station.suspend(clock) {
            return;
        }
        self.set_reach(name, Reach::Asleep);
        let word = if clock == SuspendedClock::Stops { "stops" } else { "runs" };
        self.journal().world("host.suspended", vec![("host", name.to_owned()), ("clock", word.to_owned())]);
    }

    /// A suspended host goes on where it stopped.
    pub(super) fn resume(&mut self, name: &str) {
        let Some(host) = self.hosts.get(name) else { return };
        if host.station.resume() {
            self.set_reach(name, Reach::Awake);
            self.record("host.resumed", name);
        }
    }
}
