//! The engine: what is planned, what was ordered, one tick, and so on.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use groundhog_host::{Host, Random};
use groundhog_sim::{
    Boot, Config, Engine, EngineError, Fault, Journal, LinkConfig, Narrator, OpenJournal, Outage, Power, Start,
    UnknownHost, process::Program, stream_key,
};
use jiff::Timestamp;
use turmoil::Sim;

use super::{
    Options,
    clock::Clock,
    faults::{self, refuse},
    firmware,
    lifecycle::Lifecycle,
    machine,
    network::{Network, Reach, TURMOIL_CAPACITY},
    paths::{self, Paths},
    power::{Orders, Switch},
    station::Station,
};
use crate::{
    hosted,
    timeline::{Planned, Timeline},
};

/// Which ports a host's own end of a stream is given: Linux's first one, and all above it, because turmoil does not give
/// back those of streams that came to nothing.
const EPHEMERAL_PORTS: std::ops::RangeInclusive<u16> = 32_768..=65_535;

/// The run on turmoil. It lives on the thread that made it.
pub(crate) struct Turmoil {
    // First, so that what tasks say when they are dropped still has a journal to go to.
    pub(super) sim: Sim<'static>,
    pub(super) hosts: BTreeMap<String, Lifecycle>,
    pub(super) paths: Paths,
    pub(super) network: Arc<Network>,
    pub(super) orders: Orders,
    clock: Arc<Clock>,
    timeline: Timeline,
    /// What the configuration asks for that turmoil can't do.
    refused: Option<EngineError>,
    seed: u64,
    /// Time does not go on after turmoil has given up.
    has_stopped: bool,
    journal: OpenJournal,
}

/// What only this engine can say.
struct Teller(Arc<Clock>);

impl Narrator for Teller {
    fn now(&self) -> Duration {
        self.0.tick_began()
    }

    fn host(&self) -> Option<String> {
        hosted::current()
    }
}

impl Turmoil {
    pub(crate) fn enter(config: &Config, options: Options) -> Self {
        let clock = Arc::new(Clock::new(config.epoch));
        let journal = Journal::open(Teller(clock.clone()));
        let (min, max) = paths::latency(&config.network);
        let epoch = u64::try_from(config.epoch.as_microsecond()).unwrap_or(0);
        let tick = Duration::from_millis(u64::try_from(options.tick.as_millis()).unwrap_or(u64::MAX).max(1));
        let sim = turmoil::Builder::new()
            .epoch(UNIX_EPOCH + Duration::from_micros(epoch))
            .rng_seed(config.seed)
            .tick_duration(tick)
            .min_message_latency(min)
            .max_message_latency(max)
            .tcp_capacity(TURMOIL_CAPACITY)
            .ephemeral_ports(EPHEMERAL_PORTS)
            .build();
        Self {
            sim,
            hosts: BTreeMap::new(),
            paths: Paths::new(&config.network),
            network: Arc::default(),
            orders: Orders::default(),
            clock,
            timeline: Timeline::default(),
            refused: faults::unsupported_link(&config.network, "the network").err(),
            seed: config.seed,
            has_stopped: false,
            journal,
        }
    }

    fn find(&self, name: &str) -> Result<&Lifecycle, UnknownHost> {
        self.hosts.get(name).ok_or_else(|| UnknownHost(name.to_owned()))
    }

    /// Does everything that is to happen by now.
    fn catch_up(&mut self) {
        let now = self.sim.elapsed();
        self.clock.set(now);
        for (host, on) in self.orders.take() {
            if on { self.create(&host) } else { self.remove(&host) }
        }
        while let Some(planned) = self.timeline.take_due(now) {
            match planned {
                Planned::Start(host) => self.start(&host),
                Planned::Begin(fault) => self.apply(&fault, true),
                Planned::End(fault) => self.apply(&fault, false),
                Planned::BeginOutage(outage) => outage.apply(&self.journal, true),
                Planned::EndOutage(outage) => outage.apply(&self.journal, false),
            }
        }
    }

    /// Lets every host go through one tick.
    fn step(&mut self) {
        if let Err(error) = self.sim.step() {
            self.journal.violate("turmoil", format!("turmoil gave the run up: {error}"));
            self.has_stopped = true;
        }
        self.has_stopped |= self.clock.is_stopped();
    }
}

impl Drop for Turmoil {
    fn drop(&mut self) {
        // Also what was spawned and never ran: it holds handles on the very machine that keeps it.
        self.hosts.values().for_each(|host| host.station.stop());
    }
}

impl Engine for Turmoil {
    fn journal(&self) -> &Journal {
        &self.journal
    }

    fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    fn epoch(&self) -> Timestamp {
        self.clock.epoch()
    }

    fn random(&self, purpose: &str) -> Random {
        Random::from_seed(stream_key(self.seed, &["world", purpose]))
    }

    fn add(&mut self, name: &str, start: Start, boot: Boot) {
        assert!(!self.hosts.contains_key(name), "the world has a host called {name:?} already");
        let ip = self.sim.lookup(name);
        let station = Arc::new(Station::new(name, ip, self.seed, &self.clock, &self.network));
        let here = station.clone();
        self.sim.host(name, move || firmware::run(here.clone(), boot.clone()));
        let exists = start != Start::WhenMade;
        self.hosts.insert(name.to_owned(), Lifecycle::new(station, exists));
        self.set_reach(name, if exists { Reach::Awake } else { Reach::Dark });
        match start {
            Start::WhenMade => {}
            Start::At(at) if at <= self.sim.elapsed() => self.start(name),
            Start::At(at) => self.timeline.add(at, Planned::Start(name.to_owned())),
        }
    }

    fn power(&self, name: &str) -> Result<Power, UnknownHost> {
        let exists = self.find(name)?.exists.clone();
        Ok(Power::new(Switch { host: name.to_owned(), orders: self.orders.clone(), exists }))
    }

    fn handle(&self, name: &str) -> Result<Host, UnknownHost> {
        let station = &self.find(name)?.station;
        Ok(machine::handle(station, station.last_start()))
    }

    fn install(&mut self, host: &str, program_name: &str, program: Arc<dyn Program>) -> Result<(), UnknownHost> {
        self.find(host)?.station.install(program_name, program);
        Ok(())
    }

    fn link(&mut self, from: &str, to: &str, config: &LinkConfig) -> Result<(), EngineError> {
        self.find(from)?;
        self.find(to)?;
        faults::unsupported_link(config, &format!("the link from {from} to {to}"))?;
        if self.paths.configure(&self.sim, from, to, config) { Ok(()) } else { Err(faults::lopsided(from, to)) }
    }

    fn plan(&mut self, at: Duration, lasts: Option<Duration>, fault: &Fault) -> Result<(), EngineError> {
        let (from, to) = fault.hosts();
        self.find(from)?;
        self.find(to)?;
        refuse(fault)?;
        self.timeline.add_fault(at, lasts, fault);
        Ok(())
    }

    fn plan_outage(&mut self, at: Duration, lasts: Option<Duration>, outage: &Outage) {
        self.timeline.add_outage(at, lasts, outage);
    }

    fn ready(&mut self) -> Result<(), EngineError> {
        if let Some(refused) = self.refused.take() {
            return Err(refused);
        }
        match self.paths.lopsided() {
            Some((from, to)) => Err(faults::lopsided(from, to)),
            None => Ok(()),
        }
    }

    fn run_until(&mut self, until: Duration) {
        loop {
            self.catch_up();
            // The tick that begins at `until` is part of it: what happens at that instant has happened.
            if self.has_stopped || self.sim.elapsed() > until {
                return;
            }
            self.step();
        }
    }
}
