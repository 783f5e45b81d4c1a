//! What a host of turmoil's runs for the whole run: it runs the host's software, start by start.

use std::{
    future::{Future, poll_fn},
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use groundhog_sim::{Boot, Journal};
use tokio::{task::LocalSet, time::Instant};

use super::{
    machine::{self},
    station::{Order, Station},
};
use crate::hosted::Hosted;

/// How many times in one instant the software may ask to go on before it is given up as a livelock. Each time it ran some
/// sixty tasks: 300 000 task runs in all, as many as the simulator allows.
const ROUNDS_PER_INSTANT_MAX: u32 = 5_000;

/// A machine's firmware. Its end would be the end of the host, so it never ends.
pub(crate) async fn run(station: Arc<Station>, boot: Boot) -> turmoil::Result {
    let mut firmware = Firmware { station: station.clone(), boot, software: None, rounds: 0, instant: Instant::now() };
    poll_fn(move |context| {
        station.inside(|| firmware.poll(context));
        Poll::Pending
    })
    .await
}

struct Firmware {
    station: Arc<Station>,
    boot: Boot,
    /// The tasks of the present start. Dropping it ends them all, at once and in the host's own context, in which turmoil
    /// tells the other ends of their streams.
    software: Option<LocalSet>,
    rounds: u32,
    instant: Instant,
}

impl Firmware {
    fn poll(&mut self, context: &mut Context<'_>) {
        // Orders first: what is over does not run on.
        for order in self.station.take_orders(context.waker()) {
            // Also before a start: nothing of an earlier one is left.
            self.software = None;
            if let Order::Start(start) = order {
                self.start(start);
            }
        }
        // Its timers and messages wake it meanwhile, and it looks at them when it goes on.
        if self.station.is_suspended() {
            return;
        }
        loop {
            let spawned = self.station.take_spawned();
            let Some(software) = &mut self.software else { return };
            for task in spawned {
                software.spawn_local(task);
            }
            if self.has_livelocked() {
                self.software = None;
                return;
            }
            let Some(software) = &mut self.software else { return };
            let _ = Pin::new(&mut *software).poll(context);
            if !self.station.has_spawned() {
                return;
            }
        }
    }

    fn start(&mut self, start: u32) {
        let software = LocalSet::new();
        let boot = (self.boot)(machine::handle(&self.station, start));
        software.spawn_local(Hosted::new(self.station.name.clone(), "boot", Location::caller(), boot));
        self.software = Some(software);
    }

    /// Whether the software goes on and on while time does not.
    fn has_livelocked(&mut self) -> bool {
        let now = Instant::now();
        self.rounds = if self.instant == now { self.rounds + 1 } else { 0 };
        self.instant = now;
        if self.rounds <= ROUNDS_PER_INSTANT_MAX {
            return false;
        }
        if let Some(journal) = Journal::current() {
            let host = &self.station.name;
            let message =
                format!("host {host} does not come to rest in one instant: some tasks wake each other without end");
            journal.violate("livelock", message);
        }
        self.rounds = 0;
        self.station.clock.stop();
        true
    }
}
