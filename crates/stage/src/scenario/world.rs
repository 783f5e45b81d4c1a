//! The parts of a scenario that are there: machines, network, people, templates.

use std::collections::BTreeMap;
use std::time::Duration;

use super::units::DurationRange;

/// How one host reaches another, in either direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// How long a byte takes, one way.
    pub latency: DurationRange,
    /// Which share of the packets is lost, from 0 to 1.
    pub loss: f64,
    /// Bytes per second, each way; no limit if left out.
    pub bandwidth: Option<u64>,
}

/// Two hosts whose path differs from the network's.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The two hosts, as the file names them.
    pub between: (String, String),
    /// How they reach each other, what the file leaves out being taken from the network.
    pub path: Path,
}

/// The control plane's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// How many connections to the database there are.
    pub connections: u32,
    /// How long a statement takes.
    pub statement_latency: DurationRange,
    /// How many bytes of log are kept of one job.
    pub log_bytes_max: u64,
}

/// People who share a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Credits a day.
    pub budget: u32,
    /// Who is in it.
    pub members: Vec<String>,
}

/// What workspaces are made from: how provisioning one behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// What a provisioner must have among its tags to build it.
    pub tags: BTreeMap<String, String>,
    /// Finding out what is to be done.
    pub plan: Phase,
    /// Doing it.
    pub apply: Phase,
}

/// How one phase of provisioning behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// How long it takes; without meaning if it hangs.
    pub takes: Duration,
    /// What a cancel does to it.
    pub on_cancel: OnCancel,
    /// What it writes.
    pub logs: Option<Logs>,
    /// The error with which it ends, if it fails.
    pub fails: Option<String>,
    /// It never ends by itself.
    pub hangs: bool,
    /// What its resources cost, in credits a day.
    pub daily_cost: u32,
    /// What it leaves behind, for the next build to find.
    pub state: Option<String>,
}

/// What a cancel does to a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCancel {
    /// It ends after a while.
    Obey {
        /// How long that takes.
        takes: Duration,
    },
    /// Nothing.
    Ignore,
}

/// Lines that a phase writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// The time before each line.
    pub every: Duration,
    /// The line, in which `{n}` stands for its number.
    pub line: String,
    /// How many lines; until the phase ends if left out.
    pub count: Option<u64>,
    /// Their level.
    pub level: LogLevel,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "everybody knows the five levels")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// A daemon that builds workspaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioner {
    /// Its name, which is its host's too.
    pub name: String,
    /// When its host boots.
    pub start: Duration,
    /// Which jobs it takes.
    pub tags: BTreeMap<String, String>,
    /// How often it tells that it lives.
    pub update_interval: Duration,
    /// How long a cancelled job may take before it is ended by force.
    pub force_cancel_interval: Duration,
}
