//! What is shown of a control plane.

use groundhog_control::{PrebuildsConfig, Store, metrics::Metrics, operations, refusal::CallError, store::settings};
use groundhog_wire::v1::GetMetricsRequest;
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::{families::Families, process::ProcessMetrics},
    pages::Pages,
};

/// What is shown of a control plane.
pub(super) struct ControlPage {
    store: Store,
    metrics: Metrics,
    prebuilds: PrebuildsConfig,
    process: ProcessMetrics,
    /// It is ending, or has ended.
    shutdown: CancellationToken,
}

impl ControlPage {
    pub(super) fn new(
        store: Store,
        metrics: Metrics,
        prebuilds: PrebuildsConfig,
        process: ProcessMetrics,
        shutdown: CancellationToken,
    ) -> Self {
        Self { store, metrics, prebuilds, process, shutdown }
    }
}

#[tonic::async_trait]
impl Pages for ControlPage {
    async fn not_ready(&self) -> Option<String> {
        if self.shutdown.is_cancelled() {
            return Some("shutting down".to_owned());
        }
        // Any question will do: that the database answers is the answer.
        let asked = self.store.transact("readiness", settings::is_paused);
        asked.await.err().map(|error| error.to_string())
    }

    async fn metrics(&self) -> Result<String, String> {
        let request = GetMetricsRequest::default();
        let counted =
            self.store.transact("metrics", |tx| operations::metrics::get(tx, &request, &self.metrics, &self.prebuilds));
        let counted = counted.await.map_err(|error: CallError| error.to_string())?;
        Ok(crate::metrics::text(vec![Box::new(self.process.clone()), Box::new(Families(counted.families))]))
    }
}
