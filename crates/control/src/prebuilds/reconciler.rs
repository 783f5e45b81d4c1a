//! When all pools are looked at, and by which of several replicas.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use groundhog_host::Host;
use groundhog_prebuilds::{Settings, actions, can_skip, concurrency, state};
use groundhog_wire::id::OrganizationId;
use tokio::select;
use tokio_util::sync::CancellationToken;

use super::{
    carry_out::{carry_out, is_anything_to_do},
    cycle::{Cycle, Failure, Held, LEASE, Over, transact},
    membership,
    side_by_side::{Work, side_by_side},
    snapshot::{self, Snapshot},
    told::{Decided, Limited, Memory},
};
use crate::{
    config::{DaemonsConfig, PrebuildsConfig},
    events,
    metrics::Metrics,
    millis::millis,
    refusal::CallError,
    store::{Store, StoreError, leases, settings},
};

/// Looks at all pools every so often, and sees to what they lack or have too much of. Several may do so over one database:
/// one at a time does anything.
#[derive(Debug)]
pub struct Reconciler {
    host: Host,
    store: Store,
    config: PrebuildsConfig,
    daemons: DaemonsConfig,
    metrics: Metrics,
    memory: Memory,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All pools were looked at.
    Done,
    /// Building ahead is paused, or was in the middle of it.
    Paused,
    /// Another replica is at it.
    Busy,
    /// Another replica took over, because this one did nothing for too long.
    LeaseLost,
    /// The control plane stops.
    Stopped,
    /// The database failed.
    Failed,
}

impl Outcome {
    /// The word that events use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Paused => "paused",
            Self::Busy => "busy",
            Self::LeaseLost => "lease_lost",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// What a cycle came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// How long it took.
    pub elapsed: Duration,
    /// Presets for which workspaces are built ahead, or once were.
    pub presets: u64,
    /// Those that were looked at closer: the others have nothing to be done about them.
    pub reconciled: u64,
    /// The most connections that it held at once.
    pub held_max: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a cycle begins.
enum Begin {
    Paused,
    Busy,
    /// It has the lease; in these organisations the account that builds ahead lacks something.
    Held {
        number: i64,
        missing: Vec<(OrganizationId, String)>,
    },
}

impl Reconciler {
    /// A reconciler over `store`, which is told in `metrics` how long its cycles take. `daemons` says from when on a
    /// daemon counts as gone.
    pub fn new(host: &Host, store: Store, config: PrebuildsConfig, daemons: DaemonsConfig, metrics: Metrics) -> Self {
        Self { host: host.clone(), store, config, daemons, metrics, memory: Memory::default() }
    }

    /// Looks every [`PrebuildsConfig::interval`], for the first time one interval from now, until `stop`. A tick that falls
    /// into a cycle is made up for by one cycle at its end.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut interval = self.host.interval(self.config.interval);
        loop {
            select! {
                biased;
                // First the stop: nothing is begun after it.
                () = stop.cancelled() => return,
                _ = interval.tick() => {}
            }
            // It ends between two transactions once it is to stop.
            self.reconcile_all(&stop).await;
        }
    }

    /// Looks at all pools once. What fails is told and left to the next cycle.
    pub async fn reconcile_all(&mut self, stop: &CancellationToken) -> Stats {
        let begun = self.host.now();
        let held = Held::default();
        let mut stats =
            Stats { elapsed: Duration::ZERO, presets: 0, reconciled: 0, held_max: 0, outcome: Outcome::Stopped };
        let mut number = 0;
        if !stop.is_cancelled() {
            stats.outcome = match self.begin(&held).await {
                Ok(Begin::Paused) => {
                    self.memory.tell_paused();
                    Outcome::Paused
                }
                Ok(Begin::Busy) => Outcome::Busy,
                Ok(Begin::Held { number: held_number, missing }) => {
                    number = held_number;
                    self.held(number, &missing, &held, stop, &mut stats).await
                }
                Err(error) => {
                    tracing::warn!(%error, "the pools could not be looked at");
                    Outcome::Failed
                }
            };
        }
        stats.elapsed = self.host.now().since(begun);
        stats.held_max = held.max();
        self.metrics.cycle_ended(stats.elapsed);
        events::prebuilds_cycle(
            number,
            stats.presets,
            stats.reconciled,
            stats.held_max,
            self.store.connections() as u64,
            u64::try_from(stats.elapsed.as_millis()).unwrap_or(u64::MAX),
            stats.outcome.as_str(),
        );
        stats
    }

    async fn begin(&self, held: &Held) -> Result<Begin, StoreError> {
        let lease_ms = millis(self.config.lease);
        transact(&self.store, held, "prebuilds: begin", |tx| {
            if settings::is_paused(tx)? {
                return Ok(Begin::Paused);
            }
            let Some(number) = leases::take(tx, LEASE, lease_ms)? else { return Ok(Begin::Busy) };
            Ok(Begin::Held { number, missing: membership::missing(tx)? })
        })
        .await
    }

    /// A cycle that has the lease, and gives it back in the end.
    async fn held(
        &mut self,
        number: i64,
        missing: &[(OrganizationId, String)],
        held: &Held,
        stop: &CancellationToken,
        stats: &mut Stats,
    ) -> Outcome {
        let Self { store, config, daemons, memory, .. } = self;
        memory.begin(number);
        let over = Mutex::default();
        let cycle = Cycle { store, config, daemons, stop, held, number, over };
        let looked = look(&cycle, memory, missing, stats).await;
        // Whoever has lost the lease has none to give back, and the number says so.
        let released = transact(store, held, "prebuilds: end", |tx| leases::release(tx, LEASE, number)).await;
        if let Err(error) = released {
            tracing::warn!(%error, "the pools' lease could not be given back: it runs out by itself");
        }
        match (looked, cycle.over()) {
            (_, Some(Over::Paused)) => {
                memory.tell_paused();
                Outcome::Paused
            }
            (_, Some(Over::Stopped)) => Outcome::Stopped,
            (_, Some(Over::LeaseLost)) => Outcome::LeaseLost,
            (Ok(()), None) => Outcome::Done,
            (Err(error), None) => {
                tracing::warn!(%error, "the pools could not be looked at");
                Outcome::Failed
            }
        }
    }
}

async fn look(
    cycle: &Cycle<'_>,
    memory: &mut Memory,
    missing: &[(OrganizationId, String)],
    stats: &mut Stats,
) -> Result<(), CallError> {
    let left_out = complete_memberships(cycle, memory, missing).await;
    let config = cycle.config;
    // Under the lease too: what one that is late has seen is not told after what another one has seen since.
    let snapshot = match cycle.write("prebuilds: snapshot", |tx| Ok(snapshot::take(tx, config)?)).await {
        Ok(snapshot) => snapshot,
        Err(Failure::Over(_)) => return Ok(()),
        Err(Failure::Call(error)) => return Err(error),
    };
    let decided = decide(&snapshot, config, &left_out);
    (stats.presets, stats.reconciled) = (snapshot.presets, decided.iter().filter(|one| !one.membership).count() as u64);
    memory.tell(&decided, snapshot.now_ms);
    let at_once = concurrency(i64::try_from(cycle.store.connections()).unwrap_or(i64::MAX), config.concurrency_max);
    let mut work = Vec::<Work<'_>>::new();
    for decided in decided.iter().filter(|decided| !decided.membership && is_anything_to_do(decided)) {
        work.push(Box::pin(carry_out(cycle, decided)));
    }
    side_by_side(at_once as usize, work).await;
    Ok(())
}

/// Completes the account's memberships. One that can't be leaves out its organisation's presets and no others (P10).
async fn complete_memberships(
    cycle: &Cycle<'_>,
    memory: &mut Memory,
    missing: &[(OrganizationId, String)],
) -> BTreeSet<OrganizationId> {
    let (mut failed, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (organization, name) in missing {
        match cycle.write("prebuilds: membership", |tx| membership::complete(tx, *organization)).await {
            Ok(()) => {}
            Err(Failure::Over(_)) => return failed,
            Err(Failure::Call(error)) => {
                memory.tell_membership(name, &error.to_string());
                failed.insert(*organization);
                names.insert(name.as_str());
            }
        }
    }
    memory.forget_memberships(&names);
    failed
}

/// What is to be done about each pool that is not skipped, in their order.
fn decide<'a>(
    snapshot: &'a Snapshot,
    config: &PrebuildsConfig,
    left_out: &BTreeSet<OrganizationId>,
) -> Vec<Decided<'a>> {
    let settings = Settings {
        backoff_interval_ms: millis(config.backoff_interval),
        lingering_kept_ms: millis(config.lingering_kept),
    };
    let now_ms = snapshot.now_ms;
    let looked_at = snapshot.pools.iter().filter(|pool| !can_skip(&pool.pool, &settings, now_ms));
    looked_at
        .map(|pool| Decided {
            pool,
            state: state(&pool.pool, now_ms),
            actions: actions(&pool.pool, &settings, now_ms),
            gate: Limited::gate(pool),
            membership: left_out.contains(&pool.preset.organization),
        })
        .collect()
}
