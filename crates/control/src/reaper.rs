//! Looks every minute for jobs that nothing is heard of, and ends them.
//!
//! A daemon that died says nothing, and neither does one that is cut off. Without the reaper their jobs would run
//! for ever, and their workspaces could not be built again. See [`operations::reap`](crate::operations::reap) for
//! what ending means.

use std::time::Duration;

use groundhog_host::Host;
use tokio::select;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{DaemonsConfig, ReaperConfig},
    operations::{administration, reap},
    store::{Store, StoreError},
};

/// How long one run may take. It is a few transactions; when the pool is exhausted it must not pile up.
const RUN_TIMEOUT: Duration = Duration::from_mins(5);

/// Runs every [`ReaperConfig::interval`], until `shutdown`. Each run also forgets daemons that were not seen for long.
pub async fn run(host: Host, store: Store, config: ReaperConfig, daemons: DaemonsConfig, shutdown: CancellationToken) {
    let mut interval = host.interval(config.interval);
    loop {
        select! {
            biased;
            // First the shutdown: nothing is begun after it.
            () = shutdown.cancelled() => return,
            _ = interval.tick() => {}
        }
        select! {
            biased;
            // First the shutdown, as above: each job is a transaction of its own, so a run may stop anywhere.
            () = shutdown.cancelled() => return,
            ended = host.timeout(RUN_TIMEOUT, tick(&store, &config, &daemons)) => match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the reaper could not finish its run"),
                Err(elapsed) => tracing::warn!(error = %elapsed, "the reaper could not finish its run"),
            },
        }
    }
}

async fn tick(store: &Store, config: &ReaperConfig, daemons: &DaemonsConfig) -> Result<(), StoreError> {
    let reaped = run_once(store, config).await.map(drop);
    let forgotten = store.transact("forget daemons", |tx| administration::forget_daemons(tx, daemons)).await;
    reaped.and(forgotten.map(drop))
}

/// One run: each candidate is looked at again and ended in a transaction of its own; how many were ended. A job
/// that can't be ended does not keep the others from it; the first such error is returned in the end.
pub async fn run_once(store: &Store, config: &ReaperConfig) -> Result<u32, StoreError> {
    let candidates = store.transact("find silent jobs", |tx| reap::candidates(tx, config)).await?;
    let mut ended = 0;
    let mut failed = None;
    for job in candidates {
        match store.transact("reap a job", |tx| reap::reap(tx, job, config)).await {
            Ok(true) => ended += 1,
            Ok(false) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(ended), Err)
}
