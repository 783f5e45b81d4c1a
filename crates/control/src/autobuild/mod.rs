//! Workspaces that start, stop and go by the clock.
//!
//! - [`decide`]: what is due about a workspace, as a pure decision. [`schedule`]: when it is to be started.
//! - [`run`]: looks every minute for workspaces about which something may be due, and does it; each in a transaction of
//!   its own, which looks again. What can be done is [`operations::autobuild`](crate::operations::autobuild).
//!
//! Several replicas may look at the same time, and people and the pools ask for builds too. So nothing is done while a
//! build of a workspace is under way, and a build whose number somebody else was quicker to take is no error: the
//! next look finds what is left.
//!
//! What was built ahead and belongs to nobody is touched in no way: no query finds it, no update changes it, and no
//! decision is made about it.

pub mod decide;
pub mod schedule;

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Host;
use groundhog_wire::id::WorkspaceId;
use tokio::select;
use tokio_util::sync::CancellationToken;

use crate::{
    config::AutobuildConfig,
    events,
    operations::autobuild,
    refusal::{CallError, Refusal},
    store::{Store, StoreError},
    transition::Transition,
};

/// How long one look may take. When the pool is exhausted they must not pile up.
const LOOK_TIMEOUT: Duration = Duration::from_mins(5);

/// What is due about a workspace could not be done, and nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum AutobuildError {
    /// What the workspace is made of does not allow it.
    #[error("{}: {refusal}", action.as_str())]
    Refused {
        /// The build that was due.
        action: Transition,
        /// Why there is none.
        refusal: Refusal,
    },
    /// The database failed: the next look tries again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AutobuildError {
    /// What `error` means if the build `action` was due.
    pub(crate) fn about(action: Transition, error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => Self::Refused { action, refusal },
            CallError::Store(error) => Self::Store(error),
        }
    }
}

/// Looks every [`AutobuildConfig::interval`], until `shutdown`.
pub async fn run(host: Host, store: Store, config: AutobuildConfig, shutdown: CancellationToken) {
    let mut interval = host.interval(config.interval);
    let mut executor = Executor::new(store);
    loop {
        select! {
            biased;
            // First the shutdown: nothing is begun after it.
            () = shutdown.cancelled() => return,
            _ = interval.tick() => {}
        }
        select! {
            biased;
            // First the shutdown, as above: each workspace is a transaction of its own, so a look may stop anywhere.
            () = shutdown.cancelled() => return,
            ended = host.timeout(LOOK_TIMEOUT, executor.look()) => match ended {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "workspaces could not all be looked after"),
                Err(elapsed) => tracing::warn!(error = %elapsed, "workspaces could not all be looked after"),
            },
        }
    }
}

/// Does what is due about workspaces.
#[derive(Debug)]
pub struct Executor {
    store: Store,
    /// What was refused in the last look and has been told: what is refused is so every minute, until somebody sees to
    /// it.
    refused: BTreeMap<WorkspaceId, (Transition, Refusal)>,
}

impl Executor {
    /// An executor over `store`.
    pub fn new(store: Store) -> Self {
        Self { store, refused: BTreeMap::new() }
    }

    /// Looks once; about how many workspaces something was done. One about which nothing can be done does not keep the
    /// others waiting; the first failure of the database is returned in the end.
    pub async fn look(&mut self) -> Result<u32, StoreError> {
        let candidates = self.store.transact("find due workspaces", autobuild::candidates).await?;
        let (mut done, mut failed, mut refused) = (0, None, BTreeMap::new());
        for workspace in candidates {
            match self.store.transact("look after a workspace", |tx| autobuild::look_after(tx, workspace)).await {
                Ok(Some(_)) => done += 1,
                Ok(None) => {}
                Err(AutobuildError::Refused { action, refusal }) => {
                    refused.insert(workspace, (action, refusal));
                }
                // Somebody else has asked for a build in between.
                Err(AutobuildError::Store(error)) if error.is_taken() => {}
                Err(AutobuildError::Store(error)) => failed = failed.or(Some(error)),
            }
        }
        for (workspace, (action, refusal)) in &refused {
            let told = self.refused.get(workspace).is_some_and(|(was, why)| was == action && why == refusal);
            if !told {
                events::autobuild_refused(workspace.event(), action.as_str(), &refusal.to_string());
            }
        }
        self.refused = refused;
        failed.map_or(Ok(done), Err)
    }
}
