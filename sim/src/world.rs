//! The world: hosts, a network between them, and the loop that moves time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use crate::{
    clock::{Clock, micros},
    disk::Disk,
    engine::{Boot, Engine, EngineError, Start},
    event_queue::EventQueue,
    executor::Executor,
    fault::{self, Fault, UnknownHost},
    hosts::{Belongings, HostId, HostState, Hosts, Status},
    interpose::{self, PastTheSeam, SeamBypass},
    journal::{Journal, OpenJournal},
    kernel::{self, Event, Kernel},
    lifecycle,
    log::{Record, WORLD},
    machine,
    network::{self, Network, link::LinkConfig},
    outage::Outage,
    plan::{self, Planned},
    power::Power,
    process::Program,
    streams::Streams,
    timers::{self, Timers},
    trace::{Digest, Trace, recorder, recording::Recording},
    violation::Violation,
};
use groundhog_host::{Host, Random};
use jiff::Timestamp;

/// How a world begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every random decision of the run is drawn from.
    pub seed: u64,
    /// What every host's wall clock shows at the beginning.
    pub epoch: Timestamp,
    /// The path between any two hosts, unless [`World::link`] says otherwise.
    pub network: LinkConfig,
    /// Whether every step is kept, for [`World::take_recording`]. The run itself is the same, but takes longer.
    pub record: bool,
}

impl Config {
    /// The seed, a Monday morning, and the usual network.
    pub fn new(seed: u64) -> Self {
        // 2026-01-05T09:00:00Z: a time of day at which schedules do something.
        let epoch = Timestamp::constant(1_767_603_600, 0);
        Self { seed, epoch, network: LinkConfig::default(), record: false }
    }
}

/// How many task runs may happen in one instant of virtual time before the run is given up as a livelock. The
/// busiest honest instants, a thousand agents that reconnect at once, stay three times below; and a campaign that
/// meets a livelock must not stand still for a minute.
const RUNS_PER_INSTANT_MAX: u64 = 300_000;

/// Runs a simulation on a fresh thread and returns what `story` returns.
///
/// A fresh thread, because what a library keeps per thread (the seeds of hash maps, for one) must not be left
/// over from an earlier run.
///
/// # Panics
///
/// When `story` panics, with its payload.
pub fn simulate<T: Send>(config: Config, story: impl FnOnce(&mut World) -> T + Send) -> T {
    #[allow(clippy::disallowed_methods, reason = "the thread runs alone: its caller waits for it")]
    let outcome = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("simulation".to_owned())
            // Unoptimised futures of an RPC stack nest deeply.
            .stack_size(16 << 20)
            .spawn_scoped(scope, || story(&mut World::enter(config)))
            .expect("the machine can start one more thread")
            .join()
    });
    outcome.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// A simulated world, which lives on the thread that made it; see [`simulate`].
pub struct World {
    kernel: Rc<Kernel>,
    /// Time does not go on after a livelock.
    has_livelocked: bool,
    _journal: OpenJournal,
    _entered: kernel::Entered,
}

impl World {
    fn enter(config: Config) -> Self {
        let journal = Journal::open(kernel::Leap);
        let streams = Streams::new(config.seed);
        let kernel = Rc::new(Kernel {
            now: Cell::new(0),
            epoch: u64::try_from(config.epoch.as_microsecond()).unwrap_or(0),
            queue: RefCell::new(EventQueue::new()),
            executor: Executor::new(streams.stream(&["executor"])),
            timers: RefCell::new(Timers::default()),
            hosts: RefCell::new(Hosts::default()),
            network: RefCell::new(Network::new(&config.network)),
            planned: RefCell::default(),
            journal: journal.share(),
            trace: if config.record { Trace::recorded() } else { Trace::new() },
            past_the_seam: PastTheSeam::new(streams.stream(&["past the seam"])),
            streams,
        });
        let entered = kernel::enter(kernel.clone());
        interpose::check();
        recorder::switch(config.record);
        Self { kernel, has_livelocked: false, _journal: journal, _entered: entered }
    }

    /// Adds a host that runs `boot` from the beginning, and again after each crash.
    ///
    /// # Panics
    ///
    /// When a host of that name exists already.
    pub fn host<F, Fut>(&mut self, name: &str, boot: F)
    where
        F: Fn(Host) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.host_at(Duration::ZERO, name, boot);
    }

    /// As [`host`](Self::host), but started at `at` only. Until then its machine refuses connections.
    ///
    /// # Panics
    ///
    /// When a host of that name exists already.
    pub fn host_at<F, Fut>(&mut self, at: Duration, name: &str, boot: F)
    where
        F: Fn(Host) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add_host(name, Start::At(at), Rc::new(move |host| Box::pin(boot(host))));
    }

    /// Adds a machine that is made and deleted in the course of the run, by its [`power`](Self::power). Until it is
    /// made nothing of it answers, and no fault's end starts it.
    ///
    /// # Panics
    ///
    /// When a host of that name exists already.
    pub fn machine<F, Fut>(&mut self, name: &str, boot: F)
    where
        F: Fn(Host) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add_host(name, Start::WhenMade, Rc::new(move |host| Box::pin(boot(host))));
    }

    /// What makes and deletes a host's machine.
    pub fn power(&self, name: &str) -> Result<Power, UnknownHost> {
        Ok(Power::of(self.find(name)?))
    }

    /// Adds a host of a name that no other has.
    fn add_host(&mut self, name: &str, start: Start, boot: Boot) {
        let id = self.declare(name, start != Start::WhenMade, boot);
        match start {
            Start::WhenMade => {}
            Start::At(at) if micros(at) <= self.kernel.now.get() => lifecycle::start(&self.kernel, id),
            Start::At(at) => plan::add(&self.kernel, at, Planned::Start(id)),
        }
    }

    fn declare(&mut self, name: &str, exists: bool, boot: Boot) -> HostId {
        let now = self.kernel.now.get();
        let wall = i64::try_from(self.kernel.epoch.saturating_add(now)).unwrap_or(i64::MAX);
        let mut hosts = self.kernel.hosts.borrow_mut();
        assert!(hosts.find(name).is_none(), "the world has a host called {name:?} already");
        hosts.add(HostState {
            name: name.into(),
            status: if exists { Status::Stopped } else { Status::Off },
            start: 0,
            clock: Clock::new(now, wall),
            own: Box::new(Belongings {
                disk: Disk::default(),
                boot,
                programs: BTreeMap::new(),
                exists,
                downs: 0,
                stalled: Vec::new(),
                streams_given: BTreeMap::new(),
            }),
        })
    }

    fn find(&self, name: &str) -> Result<HostId, UnknownHost> {
        self.kernel.hosts.borrow().find(name).ok_or_else(|| UnknownHost(name.to_owned()))
    }

    /// A handle on a host, with which a test can do what a component of it could: spawn, connect, read clocks.
    /// It is dead once the host is restarted.
    pub fn handle(&self, name: &str) -> Result<Host, UnknownHost> {
        machine::handle(self.find(name)?).ok_or_else(|| UnknownHost(name.to_owned()))
    }

    /// A random stream for what is drawn before or beside the hosts, such as the tokens that a test hands out.
    pub fn random(&self, purpose: &str) -> Random {
        let key = self.kernel.streams.key(&["world", purpose]);
        recorder::with(|recorder| recorder.seed(&key, format!("{WORLD}/{purpose}")));
        Random::from_seed(key)
    }

    /// Installs a program on a host, to be started by that name.
    pub fn program(&mut self, host: &str, name: &str, program: impl Program) -> Result<(), UnknownHost> {
        let id = self.find(host)?;
        self.install_on(id, name, Arc::new(program));
        Ok(())
    }

    fn install_on(&self, host: HostId, name: &str, program: Arc<dyn Program>) {
        self.kernel.hosts.borrow_mut()[host].own.programs.insert(name.to_owned(), program);
    }

    /// Gives the path from one host to another, that direction only, its own behaviour.
    pub fn link(&mut self, from: &str, to: &str, config: &LinkConfig) -> Result<(), UnknownHost> {
        network::faults::configure(&self.kernel, self.find(from)?, self.find(to)?, config);
        Ok(())
    }

    /// Begins a fault now.
    pub fn begin(&mut self, fault: &Fault) -> Result<(), UnknownHost> {
        let targets = fault.targets(&self.kernel)?;
        fault::apply(&self.kernel, fault, targets, true);
        Ok(())
    }

    /// Ends a fault that was begun.
    pub fn end(&mut self, fault: &Fault) -> Result<(), UnknownHost> {
        let targets = fault.targets(&self.kernel)?;
        fault::apply(&self.kernel, fault, targets, false);
        Ok(())
    }

    /// Plans a fault for `at` since the run began, to end after `lasts`, or never.
    pub fn plan(&mut self, at: Duration, lasts: Option<Duration>, fault: &Fault) -> Result<(), UnknownHost> {
        let targets = fault.targets(&self.kernel)?;
        plan::add(&self.kernel, at, Planned::Begin(fault.clone(), targets));
        if let Some(lasts) = lasts {
            plan::add(&self.kernel, at.saturating_add(lasts), Planned::End(fault.clone(), targets));
        }
        Ok(())
    }

    /// Plans that something is away from `at` since the run began, for `lasts`, or for good.
    pub fn plan_outage(&mut self, at: Duration, lasts: Option<Duration>, outage: &Outage) {
        plan::add(&self.kernel, at, Planned::BeginOutage(outage.clone()));
        if let Some(lasts) = lasts {
            plan::add(&self.kernel, at.saturating_add(lasts), Planned::EndOutage(outage.clone()));
        }
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.kernel.now.get())
    }

    /// Moves time on by `duration`: runs everything that is ready, then leaps to the next event, and so on. Ends
    /// early only for a livelock, after which time does not go on.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now().saturating_add(duration));
    }

    /// Moves time on until `until` since the run began.
    pub fn run_until(&mut self, until: Duration) {
        let until = micros(until);
        let mut runs_in_instant = 0;
        loop {
            if self.has_livelocked || !self.run_ready(&mut runs_in_instant) {
                self.has_livelocked = true;
                return;
            }
            let next = self.kernel.queue.borrow_mut().advance(until);
            let Some(time) = next else { break };
            if self.kernel.now.replace(time) != time {
                runs_in_instant = 0;
            }
            self.kernel.trace.note(crate::trace::Step::Time, time);
            // Everything that happens at this instant, before anything that it makes ready: so the draw of the
            // next task has all of it to choose from.
            loop {
                let event = self.kernel.queue.borrow_mut().pop_due();
                match event {
                    None => break,
                    Some(Event::Timer(key)) => timers::fire(&self.kernel, key),
                    Some(Event::Network(event)) => network::happen(&self.kernel, event),
                    Some(Event::Planned(index)) => plan::carry_out(&self.kernel, index),
                }
            }
        }
        self.kernel.now.set(until.max(self.kernel.now.get()));
    }

    /// Runs tasks until none is ready, and counts them in `runs`. False if that never ends.
    fn run_ready(&self, runs: &mut u64) -> bool {
        let kernel = &*self.kernel;
        while let Some(runnable) = kernel.executor.next(&kernel.trace) {
            *runs += 1;
            let host = runnable.metadata().host;
            if kernel.hosts.borrow().suspended > 0 {
                let mut hosts = kernel.hosts.borrow_mut();
                if let Status::Suspended { .. } = hosts[host].status {
                    hosts[host].own.stalled.push(runnable);
                    continue;
                }
            }
            if let Some(panicked) = kernel.executor.run(runnable, &kernel.trace) {
                let host = kernel.hosts.borrow()[panicked.host].name.to_string();
                kernel.journal.task_panicked(&host, panicked.task, panicked.site);
            }
            if *runs > RUNS_PER_INSTANT_MAX {
                let message = format!("{runs} task runs in one instant: some tasks wake each other without end");
                kernel.journal.violate("livelock", message);
                return false;
            }
        }
        true
    }

    /// Shows every record to `check` as it is made, quiet ones too. What it returns makes the run fail.
    pub fn observe(&mut self, check: impl FnMut(&Record) -> Option<Violation> + 'static) {
        self.kernel.journal.observe(check);
    }

    /// An error-level event that contains `part` does not make the run fail.
    pub fn expect_error(&mut self, part: impl Into<String>) {
        self.kernel.journal.expect_error(part);
    }

    /// The id that records call `name`, such as `job#1`, in its usual form of 36 characters; none if nothing is called so
    /// yet. It is how a story that goes by the log can talk about something to whoever knows it by its id.
    pub fn id(&self, name: &str) -> Option<String> {
        self.kernel.journal.id(name)
    }

    /// All records so far, quiet ones too.
    pub fn records(&self) -> Vec<Record> {
        self.kernel.journal.records()
    }

    /// What has gone wrong so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.kernel.journal.violations()
    }

    /// Whether anything has gone wrong so far.
    pub fn failed(&self) -> bool {
        self.kernel.journal.failed()
    }

    /// The digest of the log's text: equal for equal logs.
    pub fn log_digest(&self) -> Digest {
        self.kernel.journal.digest()
    }

    /// The digest of everything that happened, down to each wake and draw: equal for equal runs.
    pub fn trace_digest(&self) -> Digest {
        self.kernel.trace.digest()
    }

    /// Every step so far, if the run is recorded. Taken once, and last: names of functions are looked up for it,
    /// during which nothing is simulated, and nothing that happens afterwards is kept.
    pub fn take_recording(&mut self) -> Option<Recording> {
        recorder::switch(false);
        interpose::pass_through(|| self.kernel.trace.recorder()?.finish(&self.kernel.hosts.borrow()))
    }

    /// What was asked of the C library instead of a host.
    pub fn seam_bypass(&self) -> SeamBypass {
        self.kernel.past_the_seam.counts()
    }
}

impl Engine for World {
    fn journal(&self) -> &Journal {
        &self.kernel.journal
    }

    fn now(&self) -> Duration {
        self.now()
    }

    fn epoch(&self) -> Timestamp {
        let epoch = i64::try_from(self.kernel.epoch).unwrap_or(i64::MAX);
        Timestamp::from_microsecond(epoch).unwrap_or(Timestamp::MAX)
    }

    fn random(&self, purpose: &str) -> Random {
        self.random(purpose)
    }

    fn add(&mut self, name: &str, start: Start, boot: Boot) {
        self.add_host(name, start, boot);
    }

    fn power(&self, name: &str) -> Result<Power, UnknownHost> {
        self.power(name)
    }

    fn handle(&self, name: &str) -> Result<Host, UnknownHost> {
        self.handle(name)
    }

    fn install(&mut self, host: &str, program_name: &str, program: Arc<dyn Program>) -> Result<(), UnknownHost> {
        self.install_on(self.find(host)?, program_name, program);
        Ok(())
    }

    fn link(&mut self, from: &str, to: &str, config: &LinkConfig) -> Result<(), EngineError> {
        Ok(self.link(from, to, config)?)
    }

    fn plan(&mut self, at: Duration, lasts: Option<Duration>, fault: &Fault) -> Result<(), EngineError> {
        Ok(self.plan(at, lasts, fault)?)
    }

    fn plan_outage(&mut self, at: Duration, lasts: Option<Duration>, outage: &Outage) {
        self.plan_outage(at, lasts, outage);
    }

    fn run_until(&mut self, until: Duration) {
        self.run_until(until);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        recorder::switch(false);
        // While the run is still there to be asked: tasks own things whose destructors look for it.
        let ids: Vec<_> = self.kernel.hosts.borrow().ids().collect();
        for id in ids {
            let stalled = {
                let mut hosts = self.kernel.hosts.borrow_mut();
                hosts[id].status = Status::Off;
                std::mem::take(&mut hosts[id].own.stalled)
            };
            self.kernel.executor.put_back(stalled);
        }
        self.kernel.executor.kill(|_| true);
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}
