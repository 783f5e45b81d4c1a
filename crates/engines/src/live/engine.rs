//! A run: its hosts, and the loop that does what is planned when its time has come.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    path::Path,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use groundhog_host::{
    Host, Random,
    live::{Directory, LiveConfig, LiveMachine},
};
use groundhog_sim::{
    Boot, Config, Engine, EngineError, Fault, Journal, LinkConfig, Narrator, OpenJournal, Outage, Power, Program, Start,
    UnknownHost, stream_key,
};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::{
    clock::Clock,
    loopback::Loopback,
    machine::{Belongings, Life},
    network::Network,
    power::{Order, Orders, Switch},
    refusal,
};
use crate::{
    hosted,
    presence::{Change, Presence},
    timeline::{Planned, Timeline},
};

/// A live run.
pub(super) struct Live {
    config: Config,
    clock: Clock,
    hosts: BTreeMap<String, Actor>,
    timeline: Timeline,
    orders: Arc<Orders>,
    network: Arc<Network>,
    directory: Directory,
    loopback: Loopback,
    // In this order at the end: what runs, what it tells, where its files are.
    runtime: Runtime,
    journal: OpenJournal,
    folder: TempDir,
}

/// A host.
struct Actor {
    boot: Boot,
    address: Ipv4Addr,
    presence: Presence,
    /// Whether its machine exists, for those who ask while tasks run.
    exists: Arc<AtomicBool>,
    belongings: Arc<Belongings>,
    /// What runs of it now.
    living: Option<(LiveMachine, Life)>,
}

/// Says for the journal what time it is, and whose code runs.
struct Told(Clock);

impl Narrator for Told {
    fn now(&self) -> Duration {
        self.0.instant()
    }

    fn host(&self) -> Option<String> {
        hosted::current()
    }
}

impl Live {
    /// A run without hosts. Fails when the machine has no room for one.
    pub(super) fn enter(config: Config) -> io::Result<Self> {
        let loopback = Loopback::take()?;
        let clock = Clock::new();
        let waited = clock.clone();
        let runtime = Builder::new_current_thread().enable_all().on_thread_unpark(move || waited.tick()).build()?;
        let folder = tempfile::Builder::new().prefix("groundhog-").tempdir()?;
        Ok(Self {
            config,
            journal: Journal::open(Told(clock.clone())),
            clock,
            hosts: BTreeMap::new(),
            timeline: Timeline::default(),
            orders: Arc::default(),
            network: Arc::new(Network::new(loopback.proxy())),
            directory: Directory::new(),
            loopback,
            runtime,
            folder,
        })
    }

    fn actor(&self, name: &str) -> Result<&Actor, UnknownHost> {
        self.hosts.get(name).ok_or_else(|| UnknownHost(name.to_owned()))
    }

    /// Does everything whose time has come.
    fn carry_out_due(&mut self) {
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

    fn carry_out(&mut self, planned: &Planned) {
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

    fn stop(&mut self, name: &str) {
        let living = self.hosts.get_mut(name).and_then(|actor| actor.living.take());
        if let Some((machine, life)) = living {
            life.end();
            self.runtime.block_on(machine.stop());
        }
    }
}

/// The rule that is broken when a host can't be started, which a full disk can be the reason of.
const CANNOT_START: &str = "host-starts";

/// How long a story that is over is watched. What follows from its last event without anybody's doing takes
/// milliseconds; what is to come later a story has an expectation for.
const CALM: Duration = Duration::from_secs(1);

impl Engine for Live {
    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn epoch(&self) -> Timestamp {
        self.clock.epoch()
    }

    fn folder(&self) -> Option<&Path> {
        Some(self.folder.path())
    }

    fn calm(&self) -> Option<Duration> {
        Some(CALM)
    }

    fn random(&self, purpose: &str) -> Random {
        Random::from_seed(stream_key(self.config.seed, &["world", purpose]))
    }

    fn add(&mut self, name: &str, start: Start, boot: Boot) {
        assert!(!self.hosts.contains_key(name), "the run has a host called {name:?} already");
        let exists = start != Start::WhenMade;
        let address = self.loopback.next_address().expect("a story has fewer hosts than a network has addresses");
        self.network.add(name, address, exists);
        self.directory.insert(name, address.into());
        let actor = Actor {
            boot,
            address,
            presence: Presence::new(exists),
            exists: Arc::new(AtomicBool::new(exists)),
            belongings: Arc::default(),
            living: None,
        };
        self.hosts.insert(name.to_owned(), actor);
        match start {
            Start::WhenMade => {}
            Start::At(at) if at <= self.clock.now() => self.carry_out(&Planned::Start(name.to_owned())),
            Start::At(at) => self.timeline.add(at, Planned::Start(name.to_owned())),
        }
    }

    fn power(&self, name: &str) -> Result<Power, UnknownHost> {
        let exists = self.actor(name)?.exists.clone();
        Ok(Power::new(Switch { host: name.to_owned(), orders: self.orders.clone(), exists }))
    }

    fn handle(&self, name: &str) -> Result<Host, UnknownHost> {
        let living = self.actor(name)?.living.as_ref();
        living.map(|(_, life)| life.host()).ok_or_else(|| UnknownHost(name.to_owned()))
    }

    fn install(&mut self, host: &str, program_name: &str, program: Arc<dyn Program>) -> Result<(), UnknownHost> {
        let programs = &self.actor(host)?.belongings.programs;
        programs.lock().unwrap_or_else(PoisonError::into_inner).insert(program_name.to_owned(), program);
        Ok(())
    }

    fn link(&mut self, from: &str, to: &str, _config: &LinkConfig) -> Result<(), EngineError> {
        self.actor(from)?;
        self.actor(to)?;
        Err(refusal::link(from, to))
    }

    fn plan(&mut self, at: Duration, lasts: Option<Duration>, fault: &Fault) -> Result<(), EngineError> {
        let (first, second) = fault.hosts();
        self.actor(first)?;
        self.actor(second)?;
        refusal::check_fault(fault)?;
        self.timeline.add_fault(at, lasts, fault);
        Ok(())
    }

    fn plan_outage(&mut self, at: Duration, lasts: Option<Duration>, outage: &Outage) {
        self.timeline.add_outage(at, lasts, outage);
    }

    fn ready(&mut self) -> Result<(), EngineError> {
        refusal::check_network(&self.config.network)
    }

    fn run_until(&mut self, until: Duration) {
        self.clock.begin();
        self.clock.tick();
        loop {
            self.carry_out_due();
            if self.clock.now() >= until {
                return;
            }
            let wake_at = self.timeline.next_at().map_or(until, |next| next.min(until));
            let (orders, clock) = (self.orders.clone(), self.clock.clone());
            self.runtime.block_on(async move {
                // In this order: what was asked for comes before what is planned.
                tokio::select! {
                    biased;
                    () = orders.given() => {}
                    () = clock.reach(wake_at) => {}
                }
            });
            self.clock.tick();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // While the journal is open: tasks own things whose destructors speak.
        let names: Vec<String> = self.hosts.keys().cloned().collect();
        for name in names {
            self.stop(&name);
        }
    }
}
