//! What is shown of a program that does its work over a connection to a control plane.

use groundhog_wire::Connected;
use tokio_util::sync::CancellationToken;

use super::Pages;

/// What is shown of a program that does its work over a connection to a control plane.
pub(crate) struct ConnectedPage {
    /// Whether it has one.
    pub(crate) connected: Connected,
    /// It is ending, or has ended.
    pub(crate) ending: CancellationToken,
    /// Tells what it has counted.
    pub(crate) metrics: Box<dyn Fn() -> String + Send + Sync>,
}

#[tonic::async_trait]
impl Pages for ConnectedPage {
    async fn not_ready(&self) -> Option<String> {
        if self.ending.is_cancelled() {
            Some("shutting down".to_owned())
        } else if self.connected.get() {
            None
        } else {
            Some("there is no connection to a control plane".to_owned())
        }
    }

    async fn metrics(&self) -> Result<String, String> {
        Ok((self.metrics)())
    }
}
