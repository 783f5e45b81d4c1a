//! The relays, as they change.

use groundhog_wire::v1::WatchRelayMapRequest;
use tonic::Status;

use crate::{
    connection::{Connection, Failure},
    optional::Optional,
};

impl Connection<'_> {
    /// Hears of the relays.
    pub(crate) async fn watch_relays(&self) -> Failure {
        let mut optional = Optional::new("watch_relay_map");
        loop {
            let error = match self.hear_relays(&mut optional).await {
                Err(status) => status,
                Ok(()) => Status::unavailable("the control plane ended the call"),
            };
            self.shared.host.sleep(optional.failed(&error)).await;
        }
    }

    async fn hear_relays(&self, optional: &mut Optional) -> Result<(), Status> {
        let request = WatchRelayMapRequest {};
        let mut maps = self.call(|mut client| async move { client.watch_relay_map(request).await }).await?;
        while let Some(map) = maps.message().await? {
            optional.succeeded();
            self.shared.set_relays(map);
        }
        Ok(())
    }
}
