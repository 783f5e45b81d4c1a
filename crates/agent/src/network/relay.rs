//! Listening at the control plane's relay, for those whom no direct path lets through.

use std::{sync::Arc, time::Duration};

use groundhog_host::Stream;
use groundhog_wire::{
    Channel, Limited, call,
    chunks::{ChunkPath, chunks},
    v1::{
        AcceptVisit, ListenRelayRequest, RelayListening, RelayVisit, agents_client::AgentsClient,
        relay_chunk::Kind as Chunk, relay_news::Kind as News,
    },
};
use tonic::Status;

use super::{
    Network,
    visitor::{self, Way},
};
use crate::{
    connection::{Connection, Failure},
    events,
    optional::Optional,
    shared::Shared,
};

/// How long a relay may take to let a visitor through.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The agent listens at a relay, as long as this is there.
struct Listening<'a> {
    shared: &'a Shared,
}

impl<'a> Listening<'a> {
    fn at(shared: &'a Shared, relay: u32) -> Self {
        shared.network.set_relay(relay);
        events::agent_relay(shared.identity.event(), relay.into());
        Self { shared }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.shared.network.set_relay(0);
        events::agent_relay(self.shared.identity.event(), 0);
    }
}

impl Network {
    fn set_relay(&self, relay: u32) {
        *self.relay_now() = relay;
        self.relay_changed.notify_waiters();
    }
}

impl Connection<'_> {
    /// Listens at the relay of the replica that the agent is connected to, if there are relays at all.
    pub(crate) async fn listen_at_relay(&self) -> Failure {
        let mut optional = Optional::new("listen_relay");
        loop {
            self.shared.relays_there().await;
            let error = match self.hear_visits(&mut optional).await {
                Err(status) => status,
                Ok(()) => Status::unavailable("the control plane ended the call"),
            };
            self.shared.host.sleep(optional.failed(&error)).await;
        }
    }

    async fn hear_visits(&self, optional: &mut Optional) -> Result<(), Status> {
        let request = ListenRelayRequest {};
        let mut news = self.call(|mut client| async move { client.listen_relay(request).await }).await?;
        let mut listening = None;
        while let Some(message) = news.message().await? {
            optional.succeeded();
            match message.kind {
                Some(News::Listening(RelayListening { relay })) => {
                    // The old one goes before the new one comes.
                    drop(listening.take());
                    listening = Some(Listening::at(self.shared, relay));
                }
                Some(News::Visit(visit)) => self.take_visit(visit),
                // What it says now is for agents that know more.
                None => {}
            }
        }
        drop(listening);
        Ok(())
    }

    /// Lets a visitor in, on a connection of its own: one that does not read holds up nobody else.
    fn take_visit(&self, visit: RelayVisit) {
        let Ok(permit) = self.shared.network.paths.clone().try_acquire_owned() else {
            return tracing::debug!("a visit was refused: too many paths are open");
        };
        let (shared, channel) = (self.shared.clone(), self.another_channel());
        let serve = async move {
            match accept(&shared, channel, visit).await {
                Ok(path) => visitor::serve(&shared, path, Way::Relay).await,
                Err(status) => tracing::debug!(error = status.message(), "a visit came to nothing"),
            }
            drop(permit);
        };
        self.shared.host.spawn("agent relay visit", serve).detach();
    }
}

async fn accept(shared: &Arc<Shared>, channel: Channel, visit: RelayVisit) -> Result<Stream, Status> {
    let mut client = AgentsClient::new(channel).limited();
    let (chunks, writer) = chunks(Chunk::Accept(AcceptVisit { visit_id: visit.visit_id }));
    let answer = call(&shared.host, ACCEPT_TIMEOUT, client.accept_relay_visit(chunks)).await?;
    // Who is behind the relay is not known here.
    Ok(Stream::new(ChunkPath::new(writer, answer.into_inner()), ""))
}
