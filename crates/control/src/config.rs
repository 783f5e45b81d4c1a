//! What can be set on a control plane.

use std::{collections::BTreeSet, time::Duration};

use groundhog_wire::{ServerConfig, v1};

use crate::store::StoreConfig;

/// The port on which all services are served, unless set.
pub const PORT: u16 = 7080;

/// What a message adds to the job in it, at most: a tag and a length.
const ENVELOPE_BYTES: usize = 16;

/// The largest job that is handed to a daemon, in bytes, unless set: what fits the protocol's largest message.
pub const JOB_BYTES_MAX: u32 = (groundhog_wire::MESSAGE_BYTES_MAX - ENVELOPE_BYTES) as u32;

/// A control plane's settings. The defaults are what such a platform is deployed with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The port to listen on; [`PORT`].
    pub port: u16,
    /// Connections: how many, how long they may be silent, how they end.
    pub server: ServerConfig,
    /// The store's pool and latency.
    pub store: StoreConfig,
    /// How jobs reach daemons.
    pub acquire: AcquireConfig,
    /// How jobs end that nothing is heard of.
    pub reaper: ReaperConfig,
    /// What a job may write.
    pub logs: LogConfig,
    /// The largest job that is handed to a daemon, in bytes; [`JOB_BYTES_MAX`]. A job above it is failed, because no
    /// retry would make it smaller.
    pub job_bytes_max: usize,
    /// How long the token is good by which a started workspace calls as its owner, from its issue; 24 h. A start
    /// issues a new one.
    pub session_lifetime: Duration,
    /// How daemons are known to be there.
    pub daemons: DaemonsConfig,
    /// What replicas over one database hear of each other.
    pub notices: NoticeConfig,
    /// The ids of the services that owners can log in to; none. An import that names another one fails.
    pub external_auth: BTreeSet<String>,
    /// Workspace agents and those who connect to them.
    pub agents: AgentsConfig,
    /// Workspaces that are built ahead.
    pub prebuilds: PrebuildsConfig,
    /// Workspaces that start, stop and go by the clock.
    pub autobuild: AutobuildConfig,
}

/// Workspaces that are built ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrebuildsConfig {
    /// Whether this replica builds ahead; it does. Who asks for a workspace is given one that was built ahead either way.
    pub enabled: bool,
    /// Between two looks at all pools; 1 min (P4). Must be above zero.
    pub interval: Duration,
    /// By how much each failure of a preset's builds puts off its next one; 1 min.
    pub backoff_interval: Duration,
    /// How long a failure counts for that; 1 h.
    pub backoff_lookback: Duration,
    /// After so many failures in a row nothing more is built for a preset; 3. 0 for never.
    pub failure_hard_limit: u32,
    /// Presets that are worked on at once, at most; 5. No more than half of the store's connections either, but at
    /// least one (P1).
    pub concurrency_max: u32,
    /// How long a workspace is kept that was built ahead and neither runs nor is built; 1 h (P19).
    pub lingering_kept: Duration,
    /// How long a replica has the pools to itself after the last thing that it did about them; 1 min. If it dies, the
    /// others wait for so long.
    pub lease: Duration,
}

impl Default for PrebuildsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_mins(1),
            backoff_interval: Duration::from_mins(1),
            backoff_lookback: Duration::from_hours(1),
            failure_hard_limit: 3,
            concurrency_max: 5,
            lingering_kept: Duration::from_hours(1),
            lease: Duration::from_mins(1),
        }
    }
}

/// Workspaces that start, stop and go by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutobuildConfig {
    /// Whether this replica looks after them; it does.
    pub enabled: bool,
    /// Between two looks; 1 min. Must be above zero.
    pub interval: Duration,
}

impl Default for AutobuildConfig {
    fn default() -> Self {
        Self { enabled: true, interval: Duration::from_mins(1) }
    }
}

/// Workspace agents and those who connect to them.
#[derive(Clone, Debug)]
pub struct AgentsConfig {
    /// How often a connected agent is told to beat; 15 s. At least a millisecond, at most `u32::MAX` of them.
    pub beat_interval: Duration,
    /// A connected agent that nothing was heard of for so long counts as disconnected; 45 s, three beats.
    pub inactive_after: Duration,
    /// How long a session is good after the agent's last sign of life; 1 h. It is more than a laptop's lid is closed
    /// for over lunch.
    pub session_lifetime: Duration,
    /// How often agents are told to report stats; 5 min. At most `u32::MAX` milliseconds.
    pub stats_interval: Duration,
    /// What an agent may write into its logs, and how they are read and followed: 1 MiB of output.
    pub logs: LogConfig,
    /// The relays, as agents and clients are told of them; none. The same at every replica.
    pub relays: Vec<v1::Relay>,
    /// Which of them this replica is, by its number; 0, none. A replica that is one passes bytes between agents and
    /// clients that can't reach each other directly.
    pub relay: u32,
    /// How other services reach an app of a workspace; empty for not at all.
    pub proxy_uri: String,
    /// Whether agents are told not to use direct paths; they are not.
    pub disable_direct: bool,
    /// What is shown to whoever opens a terminal; none.
    pub banners: Vec<v1::Banner>,
    /// How agents and their clients find each other.
    pub peers: PeersConfig,
    /// How connections to agents are told what they have to know of.
    pub watches: WatchConfig,
}

/// How connections to agents are told what they have to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchConfig {
    /// How often a watched workspace is looked at even though nothing was heard of it; 15 s. It bounds how long a
    /// change can be missing whose notice was lost. Must be above zero.
    pub poll: Duration,
    /// Watches that may be open at once; 10 000. One more is told to come again.
    pub watches_max: usize,
}

/// How agents and their clients find each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeersConfig {
    /// How often a replica that has peers connected notes that it lives, and looks after peers whose replica does not;
    /// 15 s. It also bounds how long a change can be missing here whose notice was lost. Must be above zero.
    pub beat_interval: Duration,
    /// Peers whose replica nothing was heard of for so long are lost; 45 s, three beats (T10).
    pub lost_after: Duration,
    /// How long a lost peer is kept, with its tunnels, before it counts as gone; 15 min (T10).
    pub kept: Duration,
    /// Agents that a client may have tunnels to; 1 000.
    pub tunnels_max: u32,
}

/// How daemons are known to be there.
#[derive(Clone, Debug)]
pub struct DaemonsConfig {
    /// How often a daemon that waits for a job is noted as seen; 1 min. Must be above zero.
    pub heartbeat_interval: Duration,
    /// A daemon counts as offline after so long unseen; 90 s. It is more than the interval, so that one late
    /// heartbeat says nothing.
    pub stale_after: Duration,
    /// A daemon is forgotten after so long unseen; 7 days.
    pub deleted_after: Duration,
}

/// What replicas over one database hear of each other. What they do not hear, their polls find.
#[derive(Clone, Debug)]
pub struct NoticeConfig {
    /// The least that a notice takes to arrive here; zero.
    pub latency_min: Duration,
    /// The most that it takes; zero.
    pub latency_max: Duration,
    /// How likely it is that one never arrives, from 0 to 1; 0.
    pub loss: f64,
    /// Notices that may be on their way to this replica; 1 000. More of them are one that says "look at
    /// everything" (J14).
    pub queue_max: usize,
}

/// How jobs reach daemons.
#[derive(Clone, Debug)]
pub struct AcquireConfig {
    /// How often every idle domain asks the database even though nothing was posted; 30 s. It bounds how long a
    /// job waits whose posting this process never saw, because another one queued it or died after its commit.
    /// Must be above zero.
    pub backup_poll: Duration,
    /// Daemons that may wait at once; 10 000. One more is told to come again.
    pub waiters_max: usize,
}

/// How jobs end that nothing is heard of.
#[derive(Clone, Debug)]
pub struct ReaperConfig {
    /// Between two runs; 1 min. Must be above zero.
    pub interval: Duration,
    /// A running job is hung after so long without an update; 5 min, sixty heartbeats.
    pub hung_after: Duration,
    /// A job that no worker took is given up after so long; 30 min.
    pub pending_after: Duration,
    /// At most so many are ended in a run; 10. A mass of hung jobs means that something larger is wrong, and is
    /// taken slowly.
    pub jobs_per_run: u32,
}

/// What a job may write, and how it is read.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Bytes of output that are kept of a job; 1 MiB.
    pub bytes_max: u64,
    /// Lines that are kept of a job; 262 144, four bytes a line at the full byte limit. Without it empty lines
    /// would be free.
    pub lines_max: u64,
    /// Lines in one page of a listing, or of what a follower is told at once; 1 000.
    pub page_lines_max: u32,
    /// How often a follower's log is looked at even though nothing was heard of it; 30 s. It bounds how long a line
    /// can be missing whose notice was lost. Must be above zero.
    pub follow_poll: Duration,
    /// Logs that may be followed at once; 1 000. One more is told to come again.
    pub followers_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: PORT,
            server: ServerConfig::default(),
            store: StoreConfig::default(),
            acquire: AcquireConfig::default(),
            reaper: ReaperConfig::default(),
            logs: LogConfig::default(),
            job_bytes_max: JOB_BYTES_MAX as usize,
            session_lifetime: Duration::from_hours(24),
            daemons: DaemonsConfig::default(),
            notices: NoticeConfig::default(),
            external_auth: BTreeSet::new(),
            agents: AgentsConfig::default(),
            prebuilds: PrebuildsConfig::default(),
            autobuild: AutobuildConfig::default(),
        }
    }
}

impl Default for AgentsConfig {
    fn default() -> Self {
        Self {
            beat_interval: Duration::from_secs(15),
            inactive_after: Duration::from_secs(45),
            session_lifetime: Duration::from_hours(1),
            stats_interval: Duration::from_mins(5),
            logs: LogConfig::default(),
            relays: Vec::new(),
            relay: 0,
            proxy_uri: String::new(),
            disable_direct: false,
            banners: Vec::new(),
            peers: PeersConfig::default(),
            watches: WatchConfig::default(),
        }
    }
}

impl Default for PeersConfig {
    fn default() -> Self {
        Self {
            beat_interval: Duration::from_secs(15),
            lost_after: Duration::from_secs(45),
            kept: Duration::from_mins(15),
            tunnels_max: 1_000,
        }
    }
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self { poll: Duration::from_secs(15), watches_max: 10_000 }
    }
}

impl Default for DaemonsConfig {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_mins(1),
            stale_after: Duration::from_secs(90),
            deleted_after: Duration::from_hours(7 * 24),
        }
    }
}

impl Default for NoticeConfig {
    fn default() -> Self {
        Self { latency_min: Duration::ZERO, latency_max: Duration::ZERO, loss: 0.0, queue_max: 1_000 }
    }
}

impl Default for AcquireConfig {
    fn default() -> Self {
        Self { backup_poll: Duration::from_secs(30), waiters_max: 10_000 }
    }
}

impl Default for ReaperConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(1),
            hung_after: Duration::from_mins(5),
            pending_after: Duration::from_mins(30),
            jobs_per_run: 10,
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            bytes_max: 1 << 20,
            lines_max: 1 << 18,
            page_lines_max: 1_000,
            follow_poll: Duration::from_secs(30),
            followers_max: 1_000,
        }
    }
}
