//! Making a path to an agent.

use std::io;

use groundhog_host::{Address, Stream};
use groundhog_wire::{
    Channel, Endpoints, Identity, Limited, Secret,
    chunks::{ChunkPath, chunks},
    resumable::{Attachment, HelloError, Refused, StreamHandle, hello},
    v1::{
        GetRelayMapRequest, PeerHello, VisitAgent, relay_chunk::Kind as Chunk,
        workspace_agents_client::WorkspaceAgentsClient,
    },
};

use super::{route::Way, shared::Shared};

/// How many endpoints of a relay are tried. This bounds what the control plane can make a client do.
const RELAY_ENDPOINTS_MAX: usize = 8;

/// Why a path was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum PathError {
    /// The network, or the relay, did not let it through.
    #[error("{0}")]
    Network(String),
    /// The agent won't have it.
    #[error("the agent refuses it: {0}")]
    Refused(#[from] Refused),
    /// The agent has not been told of yet.
    #[error("the agent has not told where it is")]
    NotFound,
}

impl From<io::Error> for PathError {
    fn from(error: io::Error) -> Self {
        Self::Network(error.to_string())
    }
}

impl From<HelloError> for PathError {
    fn from(error: HelloError) -> Self {
        match error {
            HelloError::Path(error) => error.into(),
            HelloError::Refused(refused) => refused.into(),
        }
    }
}

/// Which stream a path is made for.
pub(super) struct For<'a> {
    pub(super) handle: &'a StreamHandle,
    pub(super) id: uuid::Uuid,
    /// Which of the agent's services it is for.
    pub(super) port: u32,
    /// The agent has it already.
    pub(super) resumes: bool,
}

/// Makes a path and says hello on it: the stream goes over it from now on. The path before is left no sooner than this
/// one has come so far. Bounding it is the caller's.
pub(super) async fn make(shared: &Shared, way: &Way, stream: For<'_>) -> Result<(Stream, Attachment), PathError> {
    let secret = shared.found.get().secret.clone().ok_or(PathError::NotFound)?;
    let made = match way {
        Way::Direct(address) => begin(shared, shared.host.connect(address).await?, secret, stream).await,
        Way::Relay(relay) => match visit(shared, *relay).await {
            Ok(path) => begin(shared, path, secret, stream).await,
            Err(error) => Err(error),
        },
    };
    // A relay may be somewhere else by now.
    if let (Way::Relay(relay), Err(PathError::Network(_))) = (way, &made) {
        shared.relays().remove(relay);
    }
    made
}

/// Says hello on a path.
async fn begin(
    shared: &Shared,
    mut path: Stream,
    secret: Secret,
    stream: For<'_>,
) -> Result<(Stream, Attachment), PathError> {
    let hello = PeerHello {
        peer_id: shared.peer.to_string(),
        secret: secret.expose().to_owned(),
        port: stream.port,
        stream_id: stream.id.to_string(),
        resumes: stream.resumes,
        ..PeerHello::default()
    };
    let attachment = hello::join(&shared.host, &mut path, stream.handle, hello).await?;
    Ok((path, attachment))
}

/// Goes to a relay and asks for the agent. On a connection of its own: streams over a relay do not hold up each other.
async fn visit(shared: &Shared, relay: u32) -> Result<Stream, PathError> {
    let refused = |status: tonic::Status| PathError::Network(format!("relay {relay}: {}", status.message()));
    let endpoints = endpoints(shared, relay).await?;
    let identity = Identity::user(shared.token.clone());
    let channel = Channel::new(&shared.host, endpoints, identity, shared.config.clone());
    let mut client = WorkspaceAgentsClient::new(channel).limited();
    let visit = VisitAgent { peer_id: shared.peer.to_string(), agent_id: shared.agent.to_string() };
    let (chunks, writer) = chunks(Chunk::Visit(visit));
    let answer = client.visit_agent(chunks).await.map_err(refused)?;
    Ok(Stream::new(ChunkPath::new(writer, answer.into_inner()), "relay"))
}

/// Where a relay is: looked up once, because the control plane may not be there when it is needed again.
async fn endpoints(shared: &Shared, relay: u32) -> Result<Endpoints, PathError> {
    if let Some(known) = shared.relays().get(&relay) {
        return Ok(known.clone());
    }
    let mut client = WorkspaceAgentsClient::new(shared.control.clone()).limited();
    let map = client.get_relay_map(GetRelayMapRequest {}).await;
    let map = map.map_err(|status| PathError::Network(format!("the relays: {}", status.message())))?.into_inner();
    let found = map.relays.into_iter().find(|there| there.id == relay);
    let addresses = found.map(|there| there.endpoints).unwrap_or_default();
    let mut addresses = addresses.iter().take(RELAY_ENDPOINTS_MAX).filter_map(|text| text.parse::<Address>().ok());
    let first = addresses.next().ok_or_else(|| PathError::Network(format!("there is no relay {relay}")))?;
    let endpoints = Endpoints::new(first, addresses.collect());
    shared.relays().insert(relay, endpoints.clone());
    Ok(endpoints)
}
