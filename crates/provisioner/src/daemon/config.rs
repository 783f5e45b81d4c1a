//! What a daemon is started with.

use std::{collections::BTreeMap, time::Duration};

use groundhog_wire::{ChannelConfig, DaemonName, Endpoints, Secret};

use crate::{runner::RunnerConfig, scripted};

/// How long a close may take, unless set (J8).
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a daemon is started with. [`DaemonConfig::new`] has the defaults, which are this platform's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// The daemon's name. It identifies the worker: after a reconnect or a restart under the same name, the
    /// daemon is the same worker to the control plane (J17).
    pub name: DaemonName,
    /// Where the control plane is, or its replicas.
    pub control: Endpoints,
    /// The key that the control plane lets the daemon in by.
    pub key: Secret,
    /// The provisioner types whose jobs it takes; at least one. Default: the scripted one.
    pub provisioner_types: Vec<String>,
    /// The tags that jobs are matched against. Default: none.
    pub tags: BTreeMap<String, String>,
    /// How many jobs it runs at a time, at least 1. Default: 1.
    pub slots: usize,
    /// How jobs are run.
    pub runner: RunnerConfig,
    /// How the connection behaves; its back-off is 50 ms to 10 s.
    pub channel: ChannelConfig,
    /// How long [`Daemon::close`](super::Daemon::close) may take. Default: [`CLOSE_TIMEOUT`].
    pub close_timeout: Duration,
    /// How long a shutdown waits for the control plane to take note that no job is wanted any more, and a job that
    /// was delivered for the end of its delivery. It only matters when the control plane is stuck or cut off. 5 s.
    pub acquire_cancel_timeout: Duration,
    /// Floor of the back-off between two tries to acquire a job. 10 ms. Must not be zero.
    pub acquire_wait_min: Duration,
    /// Ceiling of the back-off between two tries to acquire a job. 1 s.
    pub acquire_wait_max: Duration,
}

impl DaemonConfig {
    /// A daemon named `name`, which the control plane at `control` lets in by `key`, with every default.
    pub fn new(name: DaemonName, control: impl Into<Endpoints>, key: Secret) -> Self {
        Self {
            name,
            control: control.into(),
            key,
            provisioner_types: vec![scripted::TYPE.to_owned()],
            tags: BTreeMap::new(),
            slots: 1,
            runner: RunnerConfig::default(),
            channel: ChannelConfig::default(),
            close_timeout: CLOSE_TIMEOUT,
            acquire_cancel_timeout: Duration::from_secs(5),
            acquire_wait_min: Duration::from_millis(10),
            acquire_wait_max: Duration::from_secs(1),
        }
    }
}
