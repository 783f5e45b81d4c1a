//! All pools as they stand at one moment.

use std::collections::{BTreeMap, btree_map::Entry};

use groundhog_prebuilds::{
    Backoff, InProgress, Lingering, Pool, Prebuilt, Preset,
    failures::{Attempt, backoff_window, is_hard_limited},
};
use groundhog_wire::{
    id::{BuildId, WorkspaceId},
    v1,
};

use crate::{
    config::PrebuildsConfig,
    job_status::JobStatus,
    millis::millis,
    pool_terms,
    store::{
        StoreError, Tx,
        pools::{self, FirstBuild, Unclaimed},
        users,
    },
    transition::Transition,
};

/// All pools.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was taken, in milliseconds since 1970.
    pub now_ms: i64,
    /// How many presets there are for which workspaces are built ahead, or once were.
    pub presets: u64,
    /// The pools of those about which there may be anything to do, by template, version and place.
    pub pools: Vec<PresetPool>,
}

/// One preset's pool, with what it takes to carry out what is decided of it.
#[derive(Clone, Debug)]
pub struct PresetPool {
    /// The preset.
    pub preset: pools::Preset,
    /// What is decided by.
    pub pool: Pool<WorkspaceId>,
    /// The build that each of its workspaces was last seen with.
    pub builds: BTreeMap<WorkspaceId, BuildId>,
    /// The workspaces whose first build waits and is to be withdrawn, if any is.
    pub waiting: Vec<WorkspaceId>,
}

impl PresetPool {
    /// How the preset is called where it is told of.
    pub fn name(&self) -> String {
        format!("{}/{}", self.preset.template_name, self.preset.name)
    }
}

/// Reads all pools.
pub fn take(tx: &Tx<'_>, config: &PrebuildsConfig) -> Result<Snapshot, StoreError> {
    let now_ms = tx.now_ms();
    let count = pools::count(tx)?;
    let presets = if count == 0 { Vec::new() } else { pools::presets(tx, users::PREBUILDS)? };
    if presets.is_empty() {
        return Ok(Snapshot { now_ms, presets: count, pools: Vec::new() });
    }
    let mut unclaimed = by_preset(pools::unclaimed(tx, users::PREBUILDS)?, |workspace| workspace.preset);
    let agents = by_preset(pools::agents(tx, users::PREBUILDS)?, |(build, _)| *build);
    // A preset's own window may be shorter: it is cut where it is decided.
    let wanted = presets.iter().map(|preset| preset.desired_instances).max().unwrap_or(0);
    let depth = wanted.max(config.failure_hard_limit).max(1);
    let since = now_ms.saturating_sub(millis(config.backoff_lookback));
    let attempts = pools::first_builds(tx, users::PREBUILDS, depth, since)?;
    let mut attempts = by_preset(attempts, |build| build.preset);
    let pool = |preset: pools::Preset| {
        let unclaimed = unclaimed.remove(&preset.id).unwrap_or_default();
        let attempts = attempts.remove(&preset.id).unwrap_or_default();
        pool(preset, &unclaimed, &agents, &attempts, config, now_ms)
    };
    Ok(Snapshot { now_ms, presets: count, pools: presets.into_iter().map(pool).collect() })
}

fn by_preset<K: Ord, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> BTreeMap<K, Vec<V>> {
    let mut sorted = BTreeMap::new();
    for row in rows {
        match sorted.entry(key(&row)) {
            Entry::Vacant(place) => drop(place.insert(vec![row])),
            Entry::Occupied(mut place) => place.get_mut().push(row),
        }
    }
    sorted
}

fn pool(
    preset: pools::Preset,
    unclaimed: &[Unclaimed],
    agents: &BTreeMap<BuildId, Vec<(BuildId, v1::AgentLifecycle)>>,
    attempts: &[FirstBuild],
    config: &PrebuildsConfig,
    now_ms: i64,
) -> PresetPool {
    let mut pool = Pool {
        preset: terms(&preset),
        running: Vec::new(),
        in_progress: InProgress::default(),
        pending: 0,
        lingering: Vec::new(),
        backoff: None,
        hard_limited: false,
    };
    let mut waiting = Vec::new();
    for workspace in unclaimed {
        match standing(workspace) {
            Standing::Runs => {
                let steps = agents.get(&workspace.build).map_or(&[][..], Vec::as_slice);
                pool.running.push(prebuilt(workspace, steps));
            }
            Standing::Lingers { since_ms } => pool.lingering.push(Lingering { id: workspace.id, since_ms }),
            Standing::UnderWay => {
                if workspace.of_active_version {
                    count(&mut pool.in_progress, workspace.transition);
                } else if is_withdrawable(workspace) {
                    pool.pending = pool.pending.saturating_add(1);
                    waiting.push(workspace.id);
                }
            }
            Standing::Leaves => {}
        }
    }
    (pool.backoff, pool.hard_limited) = failures(&preset, attempts, config, now_ms);
    let builds = unclaimed.iter().map(|workspace| (workspace.id, workspace.build)).collect();
    PresetPool { preset, pool, builds, waiting }
}

/// Where an unclaimed workspace stands.
enum Standing {
    /// Its latest build is a start that succeeded.
    Runs,
    /// A build of it waits or is carried out.
    UnderWay,
    /// Its latest build is being cancelled, or is a destroy that succeeded: it will be something else in a moment.
    Leaves,
    /// It has ended, and neither runs nor is gone (P19).
    Lingers { since_ms: i64 },
}

fn standing(workspace: &Unclaimed) -> Standing {
    match (workspace.status, workspace.transition) {
        (JobStatus::Pending | JobStatus::Running, _) => Standing::UnderWay,
        (JobStatus::Succeeded, Transition::Start) => Standing::Runs,
        (JobStatus::Canceling, _) | (JobStatus::Succeeded, Transition::Destroy) => Standing::Leaves,
        (JobStatus::Succeeded, Transition::Stop) | (JobStatus::Canceled | JobStatus::Failed, _) => {
            // A job that has an error or is cancelled and over has ended: the tables see to it.
            Standing::Lingers { since_ms: workspace.ended_at.unwrap_or(workspace.created_at) }
        }
    }
}

/// Whether a workspace's first build waits for a daemon and is of a version that is not the active one: then it is withdrawn.
pub fn is_withdrawable(workspace: &Unclaimed) -> bool {
    let Unclaimed { number, transition, of_active_version, status, taken, .. } = *workspace;
    number == 1 && transition == Transition::Start && !of_active_version && status == JobStatus::Pending && !taken
}

fn count(in_progress: &mut InProgress, transition: Transition) {
    let number = match transition {
        Transition::Start => &mut in_progress.starting,
        Transition::Stop => &mut in_progress.stopping,
        Transition::Destroy => &mut in_progress.deleting,
    };
    *number = number.saturating_add(1);
}

/// A workspace that runs; `steps` are the last ones of its agents' lives.
fn prebuilt(workspace: &Unclaimed, steps: &[(BuildId, v1::AgentLifecycle)]) -> Prebuilt<WorkspaceId> {
    let steps: Vec<_> = steps.iter().map(|(_, step)| *step).collect();
    let ready = pool_terms::is_ready(&steps);
    Prebuilt { id: workspace.id, created_at_ms: Some(workspace.created_at), ready }
}

fn terms(preset: &pools::Preset) -> Preset {
    let standing = pool_terms::Standing {
        active: preset.using_active_version,
        deleted: preset.deleted,
        deprecated: preset.deprecated,
        last_invalidated_at: preset.last_invalidated_at,
    };
    pool_terms::terms(&preset.declared, standing)
}

fn failures(
    preset: &pools::Preset,
    attempts: &[FirstBuild],
    config: &PrebuildsConfig,
    now_ms: i64,
) -> (Option<Backoff>, bool) {
    let attempt = |build: &FirstBuild| Attempt {
        id: build.id,
        created_at_ms: build.created_at,
        failed: build.status == JobStatus::Failed,
    };
    let attempts: Vec<_> = attempts.iter().map(attempt).collect();
    let lookback = millis(config.backoff_lookback);
    (
        backoff_window(&attempts, preset.desired_instances, lookback, now_ms),
        is_hard_limited(&attempts, config.failure_hard_limit),
    )
}
