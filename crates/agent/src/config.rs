//! What an agent is started with.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use groundhog_wire::{ChannelConfig, Endpoints, Secret};

/// What an agent is started with. [`AgentConfig::new`] has the defaults, which are this platform's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentConfig {
    /// Where the control plane is, or its replicas.
    pub control: Endpoints,
    /// The agent's token: what it is let in by.
    pub token: Secret,
    /// The shell that scripts are handed to, as `shell -c TEXT`. `sh`.
    pub shell: String,
    /// The home folder of whoever the agent works for: an absolute path.
    pub home: String,
    /// The environment that the agent's own process has. None.
    pub process_environment: BTreeMap<String, String>,
    /// What everything that the agent starts finds in its environment, whatever the manifest says. None.
    pub environment: BTreeMap<String, String>,
    /// The agent's version, as it tells the control plane.
    pub version: String,
    /// What kind of machine it is part of, as it tells the control plane. None.
    pub subsystems: Vec<String>,
    /// The port on which people reach the agent; 0 for any free one. 4100.
    pub listen_port: u16,
    /// On which port of its own machine the agent shows what it knows, to debug it; none unless set.
    pub debug_port: Option<u16>,
    /// The folder of the scripts' log files, and of the agent's own. `.groundhog/log` in the home folder.
    pub log_folder: PathBuf,
    /// Below it are the folders in which scripts keep data and programs. `.groundhog/scripts` in the home folder.
    pub script_folder: PathBuf,
    /// How the connection to the control plane behaves.
    pub channel: ChannelConfig,
    /// The shortest wait of the back-off between two connections. 100 ms. Must not be zero.
    pub reconnect_wait_min: Duration,
    /// The longest wait of that back-off. 10 s.
    pub reconnect_wait_max: Duration,
    /// A connection that has lived so long makes the back-off begin anew (A2). 10 s.
    pub reconnect_good_after: Duration,
    /// How long a call may take. 30 s.
    pub call_timeout: Duration,
    /// How long a close may take, beside the stop scripts, which have their own time-outs (A5). 5 s.
    pub close_timeout: Duration,
    /// How often metadata are looked at: those that are due are collected, and those that are new are sent. 1 s.
    pub metadata_interval: Duration,
    /// How often the banners are asked for. 2 min.
    pub banner_interval: Duration,
    /// How long a terminal session without anybody in it goes on. 5 min.
    pub terminal_idle_timeout: Duration,
    /// The processes' priorities that the agent sees to; none unless set.
    pub priority: Option<PriorityConfig>,
}

/// How the agent sees to the priority of the processes around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityConfig {
    /// How willing the kernel is to end a process when memory is short, from -1000 to 1000; chosen by the agent's own
    /// if absent.
    pub oom_score: Option<i32>,
    /// How often it looks. 1 s.
    pub interval: Duration,
}

impl Default for PriorityConfig {
    fn default() -> Self {
        Self { oom_score: None, interval: Duration::from_secs(1) }
    }
}

impl AgentConfig {
    /// An agent that the control plane at `control` lets in by `token`, and that works for whoever has `home` for a
    /// home folder; with every default.
    pub fn new(control: impl Into<Endpoints>, token: Secret, home: impl Into<String>) -> Self {
        let home = home.into();
        let own = Path::new(&home).join(".groundhog");
        Self {
            control: control.into(),
            token,
            shell: "sh".to_owned(),
            process_environment: BTreeMap::new(),
            environment: BTreeMap::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            subsystems: Vec::new(),
            listen_port: 4_100,
            debug_port: None,
            log_folder: own.join("log"),
            script_folder: own.join("scripts"),
            channel: ChannelConfig::default(),
            reconnect_wait_min: Duration::from_millis(100),
            reconnect_wait_max: Duration::from_secs(10),
            reconnect_good_after: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            metadata_interval: Duration::from_secs(1),
            banner_interval: Duration::from_secs(120),
            terminal_idle_timeout: Duration::from_secs(300),
            priority: None,
            home,
        }
    }
}
