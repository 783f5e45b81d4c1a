//! The parts of a scenario that are there: machines, network, people, templates.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use groundhog_control::{AutobuildConfig, PrebuildsConfig};

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
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// How many connections to the database there are.
    pub connections: u32,
    /// How long a statement takes.
    pub statement_latency: DurationRange,
    /// How many bytes of log are kept of one job.
    pub log_bytes_max: u64,
    /// How large a job may be that is handed to a daemon, in bytes.
    pub job_bytes_max: u32,
    /// How many of it there are, over one database.
    pub replicas: u32,
    /// How replicas tell each other what has happened.
    pub notices: Notices,
    /// The other services that are set up, for templates that want their users logged in there.
    pub external_auth: BTreeSet<String>,
    /// Each replica passes on what clients and agents that cannot reach each other have to say.
    pub relays: bool,
    /// How often connected agents are told to beat.
    pub beat_interval: Duration,
    /// After how long a silence a running job counts as hung.
    pub hung_after: Duration,
    /// How often it is looked for jobs that are hung.
    pub reaper_interval: Duration,
    /// How workspaces are built ahead, if they are.
    pub prebuilds: PrebuildsConfig,
    /// For how many workspaces that are built ahead there are machines.
    pub ahead_machines: u32,
    /// How workspaces start, stop and go by the clock, if they do.
    pub autobuild: AutobuildConfig,
}

/// People to whom templates belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// Who is in it.
    pub members: Vec<String>,
    /// Who is in it is said elsewhere: it takes no new members and groups.
    pub closed: bool,
}

/// How replicas of the control plane tell each other what has happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notices {
    /// How long a notice takes.
    pub latency: DurationRange,
    /// Which share of them is lost, from 0 to 1.
    pub loss: f64,
}

/// Somebody with an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// What they may do.
    pub role: Role,
    /// After how much of the run their session token is no longer taken; never if left out.
    pub token_expires: Option<Duration>,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// To see and change what is their own.
    #[default]
    Member,
    /// To make templates, too.
    TemplateAdmin,
    /// To make templates and to look after the platform, too.
    Admin,
    /// The platform's own account, for which workspaces are built ahead: people's jobs come first.
    Prebuilds,
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
    /// The organisation whose it is; the default one if left out.
    pub organization: Option<String>,
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
    /// How many jobs it runs at once.
    pub slots: u32,
    /// Which replica of the control plane it tries first; unless set, provisioners take them in turn.
    pub control: Option<String>,
    /// The name of the key that admits it.
    pub key: String,
    /// Its provisioner opens no session, and says why.
    pub refuses_sessions: Option<String>,
}
