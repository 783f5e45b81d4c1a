//! Waiting for a deadline that there may or may not be.

use groundhog_host::{Host, Instant};

/// Completes at `deadline`, or never without one. Cancel safe.
pub(crate) async fn until(host: &Host, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => host.sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
