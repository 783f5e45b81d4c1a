//! How long things may take.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use groundhog_control::{AcquireConfig, AgentsConfig, ReaperConfig};
use groundhog_provisioner::RunnerConfig;

use super::weather::Weather;
use crate::cast::control::inactive_after;
use crate::scenario::{AHEAD, Action, NetworkPath, Role, Scenario, defaults};

/// How long things may take: what the components are set to, and what is allowed on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How often a worker tells that it lives; the longest where workers differ.
    pub update_interval: Duration,
    /// How long a cancelled job may take before it is ended by force; the longest where workers differ.
    pub force_cancel_interval: Duration,
    /// How long a worker whose job is over may go on handing its last log lines over before it says so.
    pub last_flush: Duration,
    /// After how long a silence a running job counts as hung.
    pub hung_after: Duration,
    /// How often the reaper looks.
    pub reaper_interval: Duration,
    /// How many jobs the reaper ends at one look.
    pub reaper_batch: u64,
    /// How long a job and a daemon that takes it can wait for each other.
    pub pickup: Duration,
    /// What a machine takes, at most, to act on a timer of its own.
    pub machine: Duration,
    /// What calls, statements, reconnecting and cleaning up may take on top.
    pub slack: Duration,
    /// Whether the network, when no fault is on it, lets every call through well within the slack. Where it does
    /// not, nothing is promised about how soon a worker learns of a cancel.
    pub network_is_sound: bool,
    /// Whether calls are so quick that no runner falls behind with its log lines for long.
    pub calls_are_quick: bool,
    /// How many replicas the control plane has.
    pub replicas: u32,
    /// How many jobs one daemon runs at once, at most.
    pub slots: u32,
    /// How long an agent that can reach the control plane may be without a connection to it.
    pub agent_returns: Duration,
    /// How long a notice between replicas takes, at most.
    pub notice: Duration,
    /// After how long a notice that was lost is made up for.
    pub backup_poll: Duration,
    /// How many connections to the database there are.
    pub connections: u32,
    /// How long nothing is heard of an agent before it counts as disconnected.
    pub agent_inactive_after: Duration,
    /// What people call the workspaces that they make themselves.
    pub people_call: BTreeSet<String>,
    /// Whose jobs come after all others.
    pub queue: Queue,
}

/// What the log does not tell of a job's place in the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// The accounts for which workspaces are built ahead.
    pub prebuilds: BTreeSet<String>,
    /// By owner and name of a workspace: what its builds ask of a daemon, where that is always the same.
    pub workspaces: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// The same by template of what the platform builds ahead by itself.
    pub templates: BTreeMap<String, BTreeMap<String, String>>,
}

impl Queue {
    fn of(scenario: &Scenario) -> Self {
        let prebuilds = scenario.users.iter().filter(|(_, user)| user.role == Role::Prebuilds);
        let made = scenario.steps.iter().filter_map(|step| match &step.action {
            Action::CreateWorkspace { name, owner, template, .. } => Some(((owner.clone(), name.clone()), template)),
            _ => None,
        });
        let (mut workspaces, mut differ) = (BTreeMap::new(), BTreeSet::new());
        for (workspace, template) in made {
            let Some(tags) = tags_of(scenario, template) else {
                differ.insert(workspace);
                continue;
            };
            if *workspaces.entry(workspace.clone()).or_insert_with(|| tags.clone()) != *tags {
                differ.insert(workspace);
            }
        }
        workspaces.retain(|workspace, _| !differ.contains(workspace));
        let ahead = scenario.control.prebuilds.enabled;
        let platform = ahead.then(|| AHEAD.to_owned());
        let names = scenario.templates.iter().map(|template| &template.name).chain(scenario.imported());
        let templates =
            names.filter(|_| ahead).filter_map(|name| Some((name.clone(), tags_of(scenario, name)?.clone())));
        Self {
            prebuilds: prebuilds.map(|(name, _)| name.clone()).chain(platform).collect(),
            workspaces,
            templates: templates.collect(),
        }
    }
}

/// What all versions of a template ask of a daemon; none if they differ.
fn tags_of<'a>(scenario: &'a Scenario, template: &str) -> Option<&'a BTreeMap<String, String>> {
    let imported = scenario.steps.iter().filter_map(|step| match &step.action {
        Action::ImportTemplate { template: other, like, .. } if other == template => Some(like.as_str()),
        _ => None,
    });
    let written = |name: &str| scenario.templates.iter().find(|template| template.name == name);
    let mut versions = imported.chain([template]).filter_map(written).map(|template| &template.tags);
    let first = versions.next()?;
    versions.all(|tags| tags == first).then_some(first)
}

/// Reconnecting takes at most the longest back-off (10 s) and the time-outs before it (30 s each way).
const SLACK: Duration = Duration::from_mins(1);

/// More than a simulated machine takes to act on a timer.
const MACHINE: Duration = Duration::from_secs(1);

/// The same of a real one, which may have other things to do.
const REAL_MACHINE: Duration = Duration::from_secs(20);

/// More trips than any call takes, its retries and the connection's handshakes included.
const TRIPS_MAX: u32 = 100;

/// More statements than the reaper runs in one look, or any call, its wait for a connection included.
const STATEMENTS_MAX: u32 = 200;

/// The longest wait of an agent's back-off (A2).
const AGENT_RECONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// More statements than letting one agent in takes, its first reports included.
const STATEMENTS_PER_AGENT_MAX: u32 = 50;

/// More than the control plane takes to hand a job to a daemon that waits, its statements left aside.
const PICKUP: Duration = Duration::from_secs(5);

/// More statements than storing the largest batch of log lines takes.
const BATCH_STATEMENTS_MAX: u32 = 4_000;

/// A network that loses more than this makes connections break again and again.
const LOSS_MAX: f64 = 0.1;

/// How long a packet may take for calls to be quick: with this and the next, handing over a hundred lines takes less
/// than a quarter of a second, the time after which a runner hands over what it has.
const QUICK_LATENCY_MAX: Duration = Duration::from_millis(50);

/// How long a statement may take for calls to be quick; an update takes less than ten.
const QUICK_STATEMENT_MAX: Duration = Duration::from_millis(10);

/// Bytes per second below which a batch of log lines alone takes longer than the slack.
const BANDWIDTH_MIN: u64 = 100_000;

/// What the components are set to unless a scenario says otherwise.
impl Default for Bounds {
    fn default() -> Self {
        let (runner, reaper) = (RunnerConfig::default(), ReaperConfig::default());
        Self {
            update_interval: runner.update_interval,
            force_cancel_interval: runner.force_cancel_interval,
            last_flush: runner.last_flush_max,
            hung_after: reaper.hung_after,
            reaper_interval: reaper.interval,
            reaper_batch: u64::from(reaper.jobs_per_run),
            pickup: PICKUP,
            machine: MACHINE,
            slack: SLACK,
            network_is_sound: true,
            calls_are_quick: true,
            replicas: 1,
            slots: 1,
            agent_returns: AGENT_RECONNECT_WAIT_MAX.saturating_add(SLACK),
            notice: Duration::ZERO,
            backup_poll: AcquireConfig::default().backup_poll,
            connections: defaults::CONNECTIONS,
            agent_inactive_after: AgentsConfig::default().inactive_after,
            people_call: BTreeSet::new(),
            queue: Queue::default(),
        }
    }
}

impl Bounds {
    /// The bounds of a scenario's run.
    pub fn of(scenario: &Scenario) -> Self {
        let paths: Vec<NetworkPath> =
            std::iter::once(scenario.network).chain(scenario.links.iter().map(|link| link.path)).collect();
        let latency_max = paths.iter().map(|path| path.latency.max).max().unwrap_or_default();
        let is_sound = |path: &NetworkPath| {
            path.loss <= LOSS_MAX && path.bandwidth.is_none_or(|bandwidth| bandwidth >= BANDWIDTH_MIN)
        };
        let provisioners = &scenario.provisioners;
        let default = Self::default();
        Self {
            update_interval: provisioners
                .iter()
                .map(|provisioner| provisioner.update_interval)
                .max()
                .unwrap_or(default.update_interval),
            hung_after: scenario.control.hung_after,
            reaper_interval: scenario.control.reaper_interval,
            force_cancel_interval: provisioners
                .iter()
                .map(|provisioner| provisioner.force_cancel_interval)
                .max()
                .unwrap_or(default.force_cancel_interval),
            pickup: PICKUP.saturating_add(
                scenario.control.statement_latency.max.saturating_mul(statements_before_a_question(scenario)),
            ),
            slack: SLACK
                .saturating_add(latency_max.saturating_mul(TRIPS_MAX))
                .saturating_add(scenario.control.statement_latency.max.saturating_mul(STATEMENTS_MAX)),
            network_is_sound: paths.iter().all(is_sound),
            calls_are_quick: latency_max <= QUICK_LATENCY_MAX
                && scenario.control.statement_latency.max <= QUICK_STATEMENT_MAX,
            replicas: scenario.control.replicas,
            slots: provisioners.iter().map(|provisioner| provisioner.slots).max().unwrap_or(1),
            agent_returns: agent_returns(scenario, latency_max),
            notice: scenario.control.notices.latency.max,
            connections: scenario.control.connections,
            agent_inactive_after: inactive_after(scenario.control.beat_interval),
            people_call: people_call(scenario),
            queue: Queue::of(scenario),
            ..default
        }
    }

    /// The same for a run that is real. What people and networks are given is plenty there, too; what a machine does by
    /// itself takes no time in a simulator, and does on one that others use besides.
    #[must_use]
    pub fn in_real_time(self) -> Self {
        Self { machine: REAL_MACHINE, pickup: self.pickup.saturating_add(REAL_MACHINE), ..self }
    }

    /// How long a running job can be silent before the reaper has ended it, while at most so many jobs are open.
    pub(super) fn reaped_within(&self, jobs_open: u64) -> Duration {
        // The reaper takes a mass of hung jobs batch by batch, one at each look.
        let looks = 1 + jobs_open / self.reaper_batch.max(1);
        let looking = self.reaper_interval.saturating_mul(u32::try_from(looks).unwrap_or(u32::MAX));
        self.hung_after.saturating_add(looking).saturating_add(self.slack)
    }

    /// How far the clocks of several replicas have ever been apart. One by itself is never apart from itself.
    pub(super) fn clocks_apart(&self, weather: &Weather, now: Duration) -> Duration {
        if self.replicas > 1 { weather.control_clocks_apart(now) } else { Duration::ZERO }
    }

    /// How long a cancelled job can run on while its worker is well and can be reached.
    pub(super) fn canceled_within(&self) -> Duration {
        // Two heartbeats, not one: a beat that falls just short of the interval after a flush is put off by one.
        self.update_interval
            .saturating_mul(2)
            .saturating_add(self.force_cancel_interval)
            .saturating_add(self.last_flush)
            .saturating_add(self.slack)
    }
}

/// What people call the workspaces that steps make.
fn people_call(scenario: &Scenario) -> BTreeSet<String> {
    let names = scenario.steps.iter().filter_map(|step| match &step.action {
        Action::CreateWorkspace { name, .. } => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// How long an agent that can reach the control plane may be without a connection: all of them may come at once.
fn agent_returns(scenario: &Scenario, latency_max: Duration) -> Duration {
    let of_nobody = scenario.ahead_machines().count().saturating_add(scenario.chat_machines().count());
    let agents = scenario.machines().len().saturating_add(of_nobody);
    let agents = u32::try_from(agents).unwrap_or(u32::MAX);
    AGENT_RECONNECT_WAIT_MAX
        .saturating_add(SLACK)
        .saturating_add(latency_max.saturating_mul(TRIPS_MAX))
        .saturating_add(scenario.control.statement_latency.max.saturating_mul(STATEMENTS_MAX))
        .saturating_add(
            scenario.control.statement_latency.max.saturating_mul(agents.saturating_mul(STATEMENTS_PER_AGENT_MAX)),
        )
}

/// How many statements can stand before the answer to a question for a job. A call waits for a connection to the
/// database where daemons can use all of them at once, each with a batch of log lines.
fn statements_before_a_question(scenario: &Scenario) -> u32 {
    let slots = scenario.provisioners.iter().map(|provisioner| u64::from(provisioner.slots)).sum::<u64>();
    let daemons = u32::try_from(slots).unwrap_or(u32::MAX);
    let batches = if scenario.control.connections > daemons.saturating_mul(2) { 0 } else { daemons.saturating_add(1) };
    STATEMENTS_MAX.saturating_add(batches.saturating_mul(BATCH_STATEMENTS_MAX))
}
