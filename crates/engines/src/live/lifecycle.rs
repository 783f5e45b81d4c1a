//! What happens to hosts, and to what is between them, when its time has come.

use std::sync::atomic::Ordering;

use groundhog_host::live::{LiveConfig, LiveMachine};
use groundhog_sim::Fault;

use super::{engine::Live, machine::Life, power::Order};
use crate::{presence::Change, timeline::Planned};

/// The rule that is broken when a host can't be started, which a full disk can be the reason of.
const CANNOT_START: &str = "host-starts";

impl Live {
    /// Does everything whose time has come.
    pub(super) fn carry_out_due(&mut self) {
        loop {
            if let Some(order) = self.orders.take() {
                self.obey(&order);
            } else if let Some(planned) = self.timeline.take_due(self.clock.now()) {
                self.carry_out(&planned);
            } else {
                return;
            }
        }
    }

    fn obey(&mut self, order: &Order) {
        let (Order::On(name) | Order::Off(name)) = order;
        let Some(actor) = self.hosts.get_mut(name) else { return };
        match order {
            Order::On(_) => {
                let was = actor.presence.exists();
                let change = actor.presence.create();
                actor.exists.store(true, Ordering::SeqCst);
                if !was {
                    self.network.appear(name);
                }
                self.change(name, change, "");
            }
            Order::Off(_) => {
                let (existed, change) = actor.presence.remove();
                actor.exists.store(false, Ordering::SeqCst);
                if !existed {
                    return;
                }
                // First nothing is heard of it, then it is gone: nobody is told that its connections end.
                self.network.vanish(name);
                if change.is_none() {
                    self.tell("host.removed", name);
                }
                self.change(name, change, "host.removed");
            }
        }
    }

    pub(super) fn carry_out(&mut self, planned: &Planned) {
        match planned {
            Planned::Start(name) => {
                let change = self.hosts.get_mut(name).and_then(|actor| actor.presence.start());
                self.change(name, change, "");
            }
            Planned::Begin(fault) => self.apply(fault, true),
            Planned::End(fault) => self.apply(fault, false),
            Planned::BeginOutage(outage) => outage.apply(&self.journal, true),
            Planned::EndOutage(outage) => outage.apply(&self.journal, false),
        }
    }

    fn apply(&mut self, fault: &Fault, begins: bool) {
        // Told first: what follows from it comes after it in the log.
        if let Some((event, fields)) = fault.told(begins) {
            self.journal.world(event, fields);
        }
        match fault {
            Fault::Kill { host } => {
                let change = self.hosts.get_mut(host).and_then(|actor| match begins {
                    true => actor.presence.go_down(),
                    false => actor.presence.come_back(),
                });
                self.change(host, change, "host.killed");
            }
            Fault::Reset { from, to } if begins => {
                let streams = self.network.reset(from, to).to_string();
                let fields = vec![("from", from.clone()), ("to", to.clone()), ("streams", streams)];
                self.journal.world("fault.reset", fields);
            }
            Fault::StepClock { host, micros } => {
                let by = if begins { *micros } else { micros.saturating_neg() };
                if let Some(actor) = self.hosts.get(host) {
                    actor.belongings.clock_ahead.fetch_add(by, Ordering::SeqCst);
                }
            }
            other => self.network.apply(other, begins),
        }
    }

    fn tell(&self, event: &str, host: &str) {
        self.journal.world(event, vec![("host", host.to_owned())]);
    }

    /// Starts or stops a host's software. `stopped` is the event that tells of the latter.
    fn change(&mut self, name: &str, change: Option<Change>, stopped: &str) {
        match change {
            None => {}
            Some(Change::Start) => {
                self.tell("host.started", name);
                self.start(name);
            }
            Some(Change::Stop) => {
                self.tell(stopped, name);
                self.stop(name);
            }
        }
    }

    fn start(&mut self, name: &str) {
        let Some(actor) = self.hosts.get_mut(name) else { return };
        let mut config = LiveConfig::new(self.folder.path().join("machines").join(name));
        config.bind = actor.address.into();
        config.directory = self.directory.clone();
        let machine = {
            let _inside = self.runtime.enter();
            LiveMachine::new(name, config)
        };
        let machine = match machine {
            Ok(machine) => machine,
            Err(error) => {
                let text = format!("the host {name} could not be started: {error}");
                return self.journal.violate(CANNOT_START, text);
            }
        };
        let network = self.network.clone();
        let life = Life::new(machine.machine(), actor.belongings.clone(), network, self.runtime.handle().clone());
        let host = life.host();
        actor.living = Some((machine, life));
        // The simulator lets a boot begin within its host too.
        let boot = actor.boot.clone();
        host.spawn("boot", (*boot)(host.clone())).detach();
    }

    pub(super) fn stop(&mut self, name: &str) {
        let living = self.hosts.get_mut(name).and_then(|actor| actor.living.take());
        if let Some((machine, life)) = living {
            life.end();
            self.runtime.block_on(machine.stop());
        }
    }
}
