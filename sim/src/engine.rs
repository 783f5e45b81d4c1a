//! What a story is put on: hosts that run something, a network between them, a clock, and what goes wrong when.
//!
//! [`World`](crate::World) is the first engine and the one that simulates all of it. Others implement the same trait on
//! something else, so that the same story can be told twice. What they can't do they refuse by name, before the story
//! begins, rather than do something like it.

use std::{future::Future, path::Path, rc::Rc, sync::Arc, time::Duration};

use groundhog_host::{Host, Random, machine::BoxFuture};
use jiff::Timestamp;

use crate::{
    fault::{Fault, UnknownHost},
    journal::Journal,
    network::link::LinkConfig,
    outage::Outage,
    power::Power,
    process::Program,
};

/// What a host runs: called at each start of the host, with a handle on it.
pub type Boot = Rc<dyn Fn(Host) -> BoxFuture<'static, ()>>;

/// When a host starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this time since the run began. Until then its machine is there and refuses connections.
    At(Duration),
    /// When its machine is made, by its [`Power`]. Until then nothing of it answers, and no fault's end starts it.
    WhenMade,
}

/// Why an engine does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineError {
    /// It has no such host.
    UnknownHost(UnknownHost),
    /// It can't: a whole sentence, which names the engine and what to do.
    Unsupported(String),
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownHost(error) => error.fmt(f),
            Self::Unsupported(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<UnknownHost> for EngineError {
    fn from(error: UnknownHost) -> Self {
        Self::UnknownHost(error)
    }
}

/// Something on which a story can be played. It belongs to the thread on which it was made; all that it runs, it runs
/// there.
///
/// Methods panic only where their twins of [`World`](crate::World) do.
pub trait Engine {
    /// What happened so far.
    fn journal(&self) -> &Journal;

    /// Time since the run began.
    fn now(&self) -> Duration;

    /// What the hosts' wall clocks showed when the run began.
    fn epoch(&self) -> Timestamp;

    /// A folder of the real file system for what hosts share, if this engine's run is real.
    fn folder(&self) -> Option<&Path> {
        None
    }

    /// How long the world must have been at rest, with every expectation met, for a story to be over before its time. None
    /// where time costs next to nothing: a story is played to the end then, unless it says itself that it may end at rest.
    fn calm(&self) -> Option<Duration> {
        None
    }

    /// A random stream for what is drawn before or beside the hosts, the same for the same seed.
    fn random(&self, purpose: &str) -> Random;

    /// Adds a host of a name that no other has.
    fn add(&mut self, name: &str, start: Start, boot: Boot);

    /// What makes and deletes a host's machine.
    fn power(&self, name: &str) -> Result<Power, UnknownHost>;

    /// A handle on a host as it runs now. It is dead once the host is restarted.
    fn handle(&self, name: &str) -> Result<Host, UnknownHost>;

    /// Installs a program on a host, to be started by the name `program_name`.
    fn install(&mut self, host: &str, program_name: &str, program: Arc<dyn Program>) -> Result<(), UnknownHost>;

    /// Gives the path from one host to another, that direction only, its own behaviour.
    fn link(&mut self, from: &str, to: &str, config: &LinkConfig) -> Result<(), EngineError>;

    /// Plans a fault for `at` since the run began, to end after `lasts`, or never.
    fn plan(&mut self, at: Duration, lasts: Option<Duration>, fault: &Fault) -> Result<(), EngineError>;

    /// Plans that something is away from `at` since the run began, for `lasts`, or for good.
    fn plan_outage(&mut self, at: Duration, lasts: Option<Duration>, outage: &Outage);

    /// Called once everything has been put on it, before the story begins: the last word of an engine that can't do
    /// what it was asked by its [`Config`](crate::Config), or by several calls together.
    fn ready(&mut self) -> Result<(), EngineError> {
        Ok(())
    }

    /// Lets the run go on until `until` since it began.
    fn run_until(&mut self, until: Duration);
}

impl dyn Engine + '_ {
    /// Adds a host that runs `boot` from the beginning, and again after each crash.
    pub fn host<F, Fut>(&mut self, name: &str, boot: F)
    where
        F: Fn(Host) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.host_at(Duration::ZERO, name, boot);
    }

    /// As `host`, but started at `at` only.
    pub fn host_at<F, Fut>(&mut self, at: Duration, name: &str, boot: F)
    where
        F: Fn(Host) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add(name, Start::At(at), Rc::new(move |host| Box::pin(boot(host))));
    }

    /// Adds a machine that is made and deleted in the course of the run, by its [`power`](Engine::power).
    pub fn machine<F, Fut>(&mut self, name: &str, boot: F)
    where
        F: Fn(Host) -> Fut + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.add(name, Start::WhenMade, Rc::new(move |host| Box::pin(boot(host))));
    }

    /// Installs a program on a host, to be started by the name `program_name`.
    pub fn program(&mut self, host: &str, program_name: &str, program: impl Program) -> Result<(), UnknownHost> {
        self.install(host, program_name, Arc::new(program))
    }

    /// Shows every record to `check` as it is made, quiet ones too. What it returns makes the run fail.
    pub fn observe(&mut self, check: impl FnMut(&crate::Record) -> Option<crate::Violation> + 'static) {
        self.journal().observe(check);
    }
}
