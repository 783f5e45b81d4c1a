//! Telling what the agent has found out about its machine.

use groundhog_wire::v1::UpdateStartupRequest;

use super::{Connection, Failure};
use crate::manifest::Manifest;

impl Connection<'_> {
    /// Tells the agent's version, and where it works.
    pub(super) async fn tell_startup(&self, manifest: &Manifest) -> Result<(), Failure> {
        let request = UpdateStartupRequest {
            version: self.shared.config().version.clone(),
            expanded_directory: manifest.directory.clone(),
            subsystems: self.shared.config().subsystems.clone(),
        };
        let answer = self.call(|mut client| async move { client.update_startup(request).await }).await;
        answer.map(drop).map_err(|status| Failure::of_call("update startup", &status))
    }
}
