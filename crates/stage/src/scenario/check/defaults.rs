//! What holds where a file says nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use groundhog_control::{AgentsConfig, AutobuildConfig, PrebuildsConfig, ReaperConfig};
use jiff::Timestamp;

use crate::scenario::units::DurationRange;
use crate::scenario::{Control, NetworkPath, Notices};

/// When a story begins: on a Monday at nine in the morning, where clocks show UTC.
pub(crate) fn starts_at() -> Timestamp {
    groundhog_sim::Config::new(0).epoch
}

/// For how many workspaces that are built ahead there are machines: a few presets' worth, and those that come and go.
pub(crate) const AHEAD_MACHINES: u32 = 20;

/// How long the world may take to come to rest: the reaper's bound for a job that nobody took (30 min) aside,
/// everything that heals does so within the force-cancel interval and the reaper's bound for a hung one.
pub(crate) const SETTLE: Duration = Duration::from_mins(20);

/// The network: machines of one region.
pub(crate) const NETWORK: NetworkPath = NetworkPath {
    latency: DurationRange { min: Duration::from_millis(1), max: Duration::from_millis(5) },
    loss: 0.0,
    bandwidth: None,
};

/// How many connections to the database there are.
pub(crate) const CONNECTIONS: u32 = 10;

/// How long a statement takes: the database is beside the control plane.
pub(crate) const STATEMENT_LATENCY: DurationRange =
    DurationRange { min: Duration::ZERO, max: Duration::from_millis(2) };

/// The control plane: a database beside it, and the field's limit on logs. Its
/// replicas, if there are several, are machines of one region. What the platform does by itself is off.
pub(crate) fn control() -> Control {
    Control {
        connections: CONNECTIONS,
        statement_latency: STATEMENT_LATENCY,
        log_bytes_max: 1 << 20,
        job_bytes_max: groundhog_control::config::JOB_BYTES_MAX,
        replicas: 1,
        notices: Notices { latency: DurationRange { min: Duration::ZERO, max: Duration::from_millis(5) }, loss: 0.0 },
        external_auth: BTreeSet::new(),
        relays: false,
        beat_interval: AgentsConfig::default().beat_interval,
        hung_after: ReaperConfig::default().hung_after,
        reaper_interval: ReaperConfig::default().interval,
        prebuilds: PrebuildsConfig { enabled: false, ..PrebuildsConfig::default() },
        ahead_machines: AHEAD_MACHINES,
        autobuild: AutobuildConfig { enabled: false, ..AutobuildConfig::default() },
    }
}
