//! Telling the control plane where the agent can be reached, and hearing who may reach it.

use groundhog_host::until;
use groundhog_wire::v1::{CoordinateRequest, Disconnect, Node, coordinate_request::Kind};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Failure};

/// The name of the call.
const CALL: &str = "coordinate";

impl Connection<'_> {
    /// Coordinates as soon as the agent is `reachable`. When it closes, says good-bye, and ends when that was heard.
    pub(crate) async fn coordinate(&self, reachable: &CancellationToken) -> Failure {
        let closing = &self.shared.orders.graceful;
        tokio::select! {
            biased;
            // The order first: nobody is to come any more.
            () = closing.cancelled() => return std::future::pending().await,
            () = reachable.cancelled() => {}
        }
        let network = &self.shared.network;
        // Until the good-bye has been heard, or the connection has ended and nobody is left to hear it.
        let open = network.coordinating();
        // Room for the first message and for the good-bye, so that neither ever waits.
        let (sender, receiver) = mpsc::channel(2);
        let mut told = self.node();
        // There is room.
        let _ = sender.try_send(CoordinateRequest { kind: Some(Kind::UpdateSelf(told.clone())) });
        let mut sender = Some(sender);
        let call = self.call(|mut client| async move { client.coordinate_agent(ReceiverStream::new(receiver)).await });
        let mut answers = match call.await {
            Ok(answers) => answers,
            Err(status) => return Failure::of_call(CALL, &status),
        };
        network.peers().all_lost(self.shared.host.now());
        loop {
            let forget_at = network.peers().next_forgotten();
            // Listening before looking: a change in between is not missed.
            let changed = network.relay_changed.notified();
            let node = self.node();
            let is_news = node != told && sender.is_some();
            tokio::select! {
                biased;
                // The order first: it is what the rest is waited for.
                () = closing.cancelled(), if sender.is_some() => {
                    // With the good-bye this side of the call ends; the other side ends when it was heard.
                    if let Some(sender) = sender.take() {
                        let _ = sender.try_send(CoordinateRequest { kind: Some(Kind::Disconnect(Disconnect {})) });
                    }
                }
                // Where the agent is, as soon as the message before has left.
                () = tell_node(sender.as_ref(), &node), if is_news => told = node,
                () = changed, if !is_news => {}
                answer = answers.message() => match answer {
                    Ok(Some(answer)) => {
                        let now = self.shared.host.now();
                        for update in &answer.updates {
                            network.peers().update(update, now);
                        }
                    }
                    _ if sender.is_none() => break,
                    Ok(None) => return Failure::new(CALL, "the control plane ended the call"),
                    Err(status) => return Failure::of_call(CALL, &status),
                },
                () = until(&self.shared.host, forget_at) => network.peers().forget(self.shared.host.now()),
            }
        }
        drop(open);
        std::future::pending().await
    }

    /// Where the agent can be reached.
    fn node(&self) -> Node {
        let direct = self.shared.surroundings.manifest().is_some_and(|manifest| !manifest.disable_direct);
        let endpoints = match self.shared.network.port() {
            Some(port) if direct => vec![format!("{}:{port}", self.shared.host.name())],
            _ => Vec::new(),
        };
        Node { endpoints, relay: *self.shared.network.relay_now() }
    }
}

/// Tells the control plane where the agent is. Leaves room for the good-bye. Cancel safe.
async fn tell_node(sender: Option<&mpsc::Sender<CoordinateRequest>>, node: &Node) {
    let Some(sender) = sender else { return std::future::pending().await };
    // Two places: when both are free, one is left.
    if let Ok(mut permits) = sender.reserve_many(2).await
        && let Some(permit) = permits.next()
    {
        permit.send(CoordinateRequest { kind: Some(Kind::UpdateSelf(node.clone())) });
    }
}
