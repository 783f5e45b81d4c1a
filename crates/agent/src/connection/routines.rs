//! What is done over a connection.
//!
//! | routine | when the agent closes | a failure |
//! |---|---|---|
//! | presence | goes on | ends the connection |
//! | lifecycle, logs | go on: there is something left to say | ends the connection |
//! | ends of scripts, connections | go on | is tried again (A4) |
//! | coordination | says good-bye and ends | ends the connection |
//! | manifest, listener | ends | ends the connection |
//! | metadata, stats, apps, banners, relays, visits, claims | end | is tried again (A4) |
//!
//! When the agent closes, a routine that ends is dropped where it stands. What its calls may come to then is seen by
//! nobody, so it can't be taken for the connection's failure.

use groundhog_wire::v1::GetManifestRequest;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::{Connection, Failure, connect::Presence};
use crate::{lifecycle::core::State, manifest::Manifest, network, several::Several};

impl Connection<'_> {
    /// Does all of it until the connection ends, and tells why it did.
    pub(crate) async fn run(&self, mut presence: Presence) -> Failure {
        let reachable = CancellationToken::new();
        // In an order in which what is heard comes before what is said of it.
        Several::new()
            .with(presence.hold(&self.shared.host))
            .with(self.until_closing(self.serve_manifest(&reachable)))
            .with(self.coordinate(&reachable))
            .with(self.report_lifecycle())
            .with(self.send_logs())
            .with(self.report_scripts())
            .with(self.report_connections())
            .with(self.until_closing(self.fetch_banners()))
            .next()
            .await
    }

    /// Fetches the manifest, and does what depends on it.
    async fn serve_manifest(&self, reachable: &CancellationToken) -> Failure {
        let manifest = match self.fetch_manifest().await {
            Ok(manifest) => manifest,
            Err(failure) => return failure,
        };
        Several::new()
            .with(async {
                if let Err(error) = network::listen(self.shared).await {
                    return Failure::new("listen", error);
                }
                reachable.cancel();
                Several::new()
                    .with(self.watch_relays())
                    .with(self.listen_at_relay())
                    .with(self.report_stats())
                    .next()
                    .await
            })
            .with(self.report_metadata(&manifest))
            .with(self.watch_apps(&manifest))
            .with(self.watch_claims())
            .next()
            .await
    }

    /// Fetches the manifest and tells what became of it. With the first one the scripts begin, whatever they are like
    /// (A3).
    async fn fetch_manifest(&self) -> Result<Arc<Manifest>, Failure> {
        let shared = self.shared;
        let message = self.call(|mut client| async move { client.get_manifest(GetManifestRequest {}).await }).await;
        let message = message.map_err(|status| Failure::of_call("get manifest", &status))?;
        let manifest = Manifest::read(message, self.agent, shared.config());
        let manifest = Arc::new(manifest.map_err(|error| Failure::new("read manifest", error))?);
        self.tell_startup(&manifest).await?;
        shared.set_relays(manifest.relay_map.clone());
        if shared.surroundings.replace_manifest(manifest.clone()) {
            shared.begun_as(&manifest.owner_id);
            shared.lifecycle.advance(State::Starting, &shared.identity);
            shared.start_scripts(&manifest);
        }
        Ok(manifest)
    }

    /// What ends when the agent closes: then there is nothing to come of it any more.
    async fn until_closing(&self, routine: impl Future<Output = Failure>) -> Failure {
        tokio::select! {
            biased;
            // The order first: what a routine comes to after it means nothing.
            () = self.shared.orders.graceful.cancelled() => std::future::pending().await,
            failure = routine => failure,
        }
    }
}
