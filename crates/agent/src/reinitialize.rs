//! Beginning anew when the workspace has been claimed (F9, F10).

use groundhog_wire::v1::{Reinitialization, WatchReinitializationRequest};
use tonic::Status;

use crate::{
    connection::{Connection, Failure},
    optional::Optional,
};

/// Whether an agent that has begun as `begun_as`'s has to begin anew, now that it hears that the workspace is `owner`'s.
/// It hears so on every connection, for ever: what counts is not how often it was told, but whose it has begun as.
pub(crate) fn is_news(begun_as: Option<&str>, owner: &str) -> bool {
    begun_as.is_some_and(|begun_as| begun_as != owner)
}

impl Connection<'_> {
    /// Hears of claims, and has the agent begin anew.
    pub(crate) async fn watch_claims(&self) -> Failure {
        let mut optional = Optional::new("watch_reinitialization");
        loop {
            let error = match self.hear_claims(&mut optional).await {
                Err(status) => status,
                Ok(()) => Status::unavailable("the control plane ended the call"),
            };
            self.shared.host.sleep(optional.failed(&error)).await;
        }
    }

    async fn hear_claims(&self, optional: &mut Optional) -> Result<(), Status> {
        let request = WatchReinitializationRequest {};
        let mut claims = self.call(|mut client| async move { client.watch_reinitialization(request).await }).await?;
        while let Some(Reinitialization { reason, owner_id }) = claims.message().await? {
            optional.succeeded();
            self.shared.claimed(&owner_id, &reason);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_begins_anew_once_for_each_owner() {
        // It has not begun: the manifest that comes is the new owner's.
        assert!(!is_news(None, "bob"));
        assert!(is_news(Some("prebuilds"), "bob"));
        // The one that has begun in its place hears the same.
        assert!(!is_news(Some("bob"), "bob"));
        assert!(is_news(Some("bob"), "carol"));
    }
}
