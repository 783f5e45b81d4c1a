//! What goes through an agent's connections, and telling the control plane.
//!
//! - [`core`]: the counters.
//! - [`counted`]: a stream that is counted.
//! - [`Stats`] (here): the counters where the parts of an agent reach them, and the routine.

pub(crate) mod core;
pub(crate) mod counted;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_wire::v1::{AgentStats, UpdateStatsRequest, UpdateStatsResponse};
use tonic::Status;

use self::core::Counters;
use crate::{
    connection::{Connection, Failure, refused_for_good},
    optional::Optional,
    unsent::Unsent,
};

/// How often they are told, if the control plane does not say.
const REPORT_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// The least interval that the control plane may ask for: below it, an agent would do nothing else.
const REPORT_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// The counters. They begin with the agent and outlive every connection.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    counters: Mutex<Counters>,
}

impl Stats {
    /// The counters.
    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection<'_> {
    /// Asks how often to report, and does so from then on.
    pub(crate) async fn report_stats(&self) -> Failure {
        let shared = self.shared;
        let mut optional = Optional::new("update_stats");
        let mut interval = loop {
            match self.update_stats(None).await {
                Ok(interval) => break interval,
                Err(status) => shared.host.sleep(optional.failed(&status)).await,
            }
        };
        optional.succeeded();
        let give_back = |counters| shared.stats.counters().give_back(counters);
        loop {
            shared.host.sleep(interval).await;
            let counters = std::mem::take(&mut *shared.stats.counters());
            let stats = counters.message(shared.terminal_count());
            let unsent = Unsent::new(counters, &give_back);
            match self.update_stats(Some(stats)).await {
                Ok(next) => {
                    optional.succeeded();
                    unsent.sent();
                    interval = next;
                }
                Err(status) => {
                    optional.failed(&status);
                    // What is refused for good would be refused again, and everything with it.
                    if refused_for_good(&status) {
                        unsent.sent();
                    }
                }
            }
        }
    }

    /// Reports, or only asks. How long it is to the next report.
    async fn update_stats(&self, stats: Option<AgentStats>) -> Result<Duration, Status> {
        let request = UpdateStatsRequest { stats };
        let UpdateStatsResponse { report_interval_ms } =
            self.call(|mut client| async move { client.update_stats(request).await }).await?;
        Ok(match report_interval_ms {
            0 => REPORT_INTERVAL,
            ms => Duration::from_millis(ms.into()).max(REPORT_INTERVAL_MIN),
        })
    }
}
