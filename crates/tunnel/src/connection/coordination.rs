//! A client's end of coordination: says whom it wants to reach, and hears where that is.
//!
//! The peer is the same for the connection's life. Every call says everything anew (F38), because the control plane may
//! be another replica, or have forgotten; and what was heard in earlier calls stays: a control plane that is away says
//! nothing about the agent. When the connection closes, the control plane is told, so that the agent forgets this end
//! (F30).

use std::time::Duration;

use groundhog_host::Backoff;
use groundhog_wire::{
    Limited, Secret, retryable,
    v1::{
        AddTunnel, CoordinateRequest, CoordinateResponse, Disconnect, Introduce, Node, PeerUpdate,
        coordinate_request::Kind, peer_update::Kind as Told, workspace_agents_client::WorkspaceAgentsClient,
    },
};
use tokio::{select, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{
    error::DialError,
    route::{ENDPOINTS_MAX, Place},
    shared::{Found, Progress, Shared},
};

/// The waits between two calls.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
/// How long the control plane may take to begin a call.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to hear that this end goes.
const PARTING: Duration = Duration::from_secs(5);
/// All that is said in a call: who comes, where it is, whom it wants, that it goes.
const MESSAGES: usize = 4;

/// A call.
struct Call {
    say: mpsc::Sender<CoordinateRequest>,
    answers: Streaming<CoordinateResponse>,
}

/// Coordinates until the connection is to be closed, and then until the control plane has heard so, or it takes too long.
pub(super) async fn coordinate(shared: &Shared) {
    let mut call = None;
    select! {
        biased;
        // The order first: whatever is heard then is of no use.
        () = shared.closing.cancelled() => {}
        never = keep_asking(shared, &mut call) => match never {},
    }
    // What is not heard in time, the control plane finds out by itself.
    let _ = shared.host.timeout(PARTING, part(shared, call)).await;
}

/// Calls, and calls again. The call as it stands is left in `present`.
async fn keep_asking(shared: &Shared, present: &mut Option<Call>) -> std::convert::Infallible {
    let mut random = shared.host.random("coordination");
    let mut backoff = BACKOFF;
    loop {
        let error = match begin(shared, &greetings(shared)).await {
            Ok(call) => {
                let call = present.insert(call);
                loop {
                    match call.answers.message().await {
                        Ok(Some(answer)) => {
                            hear(shared, &answer);
                            // Its tunnel has gone with it. It may come back, and is asked for anew until the dial fails.
                            if shared.found.get().gone && *shared.progress.get() == Progress::Dialling {
                                break Status::unavailable("the agent has gone");
                            }
                            backoff.reset();
                        }
                        Ok(None) => break Status::unavailable("the control plane ended the call"),
                        Err(status) => break status,
                    }
                }
            }
            Err(status) => status,
        };
        *present = None;
        tracing::debug!(agent = %shared.agent, error = error.message(), "a call of coordination has ended");
        // Once it was let in, a connection outlives whatever the control plane says: the agent is told, too.
        if !retryable(&error) && shared.found.get().secret.is_none() {
            shared.fail(DialError::Refused { agent: shared.agent, error: error.message().to_owned() });
        }
        shared.host.sleep(backoff.next_wait_drawn(&mut random)).await;
    }
}

/// What is said at the begin of a call.
fn greetings(shared: &Shared) -> [Kind; 3] {
    [
        introduction(shared),
        // It takes no streams, so it is nowhere.
        Kind::UpdateSelf(Node::default()),
        Kind::AddTunnel(AddTunnel { agent_id: shared.agent.to_string() }),
    ]
}

fn introduction(shared: &Shared) -> Kind {
    Kind::Introduce(Introduce { peer_id: shared.peer.to_string() })
}

async fn begin(shared: &Shared, messages: &[Kind]) -> Result<Call, Status> {
    let (say, said) = mpsc::channel(MESSAGES);
    for kind in messages {
        // There is room for all that is ever said.
        let _ = say.try_send(CoordinateRequest { kind: Some(kind.clone()) });
    }
    let mut client = WorkspaceAgentsClient::new(shared.control.clone()).limited();
    let answers = client.coordinate_client(ReceiverStream::new(said));
    let answers = groundhog_wire::call(&shared.host, BEGIN_TIMEOUT, answers).await?.into_inner();
    Ok(Call { say, answers })
}

/// Says that this end goes, in the present call or in one for that purpose, and waits until that was heard.
async fn part(shared: &Shared, call: Option<Call>) {
    let mut random = shared.host.random("parting");
    let mut backoff = BACKOFF;
    let mut call = call;
    loop {
        let told = match call.take() {
            Some(call) => {
                // There is room, as above.
                let _ = call.say.try_send(CoordinateRequest { kind: Some(Kind::Disconnect(Disconnect {})) });
                Ok(call)
            }
            None => begin(shared, &[introduction(shared), Kind::Disconnect(Disconnect {})]).await,
        };
        if let Ok(Call { say, mut answers }) = told {
            // With this side of the call ends the other one, once it has heard.
            drop(say);
            let ended = loop {
                match answers.message().await {
                    Ok(Some(_)) => {}
                    Ok(None) => break true,
                    Err(status) => break !retryable(&status),
                }
            };
            if ended {
                return;
            }
        }
        shared.host.sleep(backoff.next_wait_drawn(&mut random)).await;
    }
}

/// Takes what the control plane tells of the agent. What can't be understood changes nothing.
fn hear(shared: &Shared, answer: &CoordinateResponse) {
    for update in &answer.updates {
        if update.peer_id.parse() != Ok(shared.agent) {
            continue;
        }
        let mut found = shared.found.get().clone();
        take(&mut found, update);
        shared.found.set(found);
    }
}

fn take(found: &mut Found, update: &PeerUpdate) {
    match update.kind() {
        Told::Node => {
            let node = update.node.clone().unwrap_or_default();
            let endpoints = node.endpoints.iter().take(ENDPOINTS_MAX).filter_map(|text| text.parse().ok()).collect();
            let Ok(secret) = Secret::new(&update.secret) else { return };
            *found = Found { place: Place { endpoints, relay: node.relay }, secret: Some(secret), gone: false };
        }
        Told::Disconnected => *found = Found { gone: true, ..Found::default() },
        // Nothing is heard of it: what is connected to it stays, and where it was it may still be (T10).
        Told::Lost | Told::Unspecified => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(kind: Told, endpoints: &[&str], relay: u32, secret: &str) -> PeerUpdate {
        let endpoints = endpoints.iter().map(|text| (*text).to_owned()).collect();
        let node = Some(Node { endpoints, relay });
        PeerUpdate { peer_id: String::new(), kind: kind.into(), node, secret: secret.to_owned() }
    }

    #[test]
    fn an_agent_that_is_lost_stays_where_it_was() {
        let mut found = Found::default();
        take(&mut found, &update(Told::Node, &["here:1", "no place"], 2, "secret"));
        let place = Place { endpoints: vec!["here:1".parse().expect("an address")], relay: 2 };
        assert_eq!(found, Found { place, secret: Secret::new("secret").ok(), gone: false });
        let before = found.clone();
        for update in [
            update(Told::Lost, &[], 0, ""),
            update(Told::Unspecified, &["there:1"], 0, "secret"),
            update(Told::Node, &["there:1"], 0, "no secret"),
        ] {
            take(&mut found, &update);
            assert_eq!(found, before, "{update:?}");
        }
        take(&mut found, &update(Told::Disconnected, &[], 0, ""));
        assert!(found.gone);
    }
}
