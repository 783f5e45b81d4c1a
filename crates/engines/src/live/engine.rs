//! A run: what it is made of, and the loop that lets it go on.

use std::{
    collections::BTreeMap,
    io,
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use groundhog_host::{
    Host, Random,
    live::{Directory, LiveMachine},
};
use groundhog_sim::{
    Boot, Config, Engine, EngineError, Fault, Journal, LinkConfig, Narrator, OpenJournal, Outage, Power, Program,
    Start, UnknownHost, stream_key,
};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::{
    clock::Clock,
    loopback::Loopback,
    machine::{Belongings, Life},
    network::Network,
    power::{Orders, Switch},
    refusal,
};
use crate::{
    hosted,
    presence::Presence,
    timeline::{Planned, Timeline},
};

/// A live run.
pub(super) struct Live {
    config: Config,
    pub(super) clock: Clock,
    pub(super) hosts: BTreeMap<String, Actor>,
    pub(super) timeline: Timeline,
    pub(super) orders: Arc<Orders>,
    pub(super) network: Arc<Network>,
    pub(super) directory: Directory,
    loopback: Loopback,
    // In this order at the end: what runs, what it tells, where its files are.
    pub(super) runtime: Runtime,
    pub(super) journal: OpenJournal,
    pub(super) folder: TempDir,
}

/// A host.
pub(super) struct Actor {
    pub(super) boot: Boot,
    pub(super) address: Ipv4Addr,
    pub(super) presence: Presence,
    /// Whether its machine exists, for those who ask while tasks run.
    pub(super) exists: Arc<AtomicBool>,
    pub(super) belongings: Arc<Belongings>,
    /// What runs of it now.
    pub(super) living: Option<(LiveMachine, Life)>,
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
}

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
