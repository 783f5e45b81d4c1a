//! A control plane of a few lines: it notes what clients say, tells them what it is told to, and is a relay.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use groundhog_host::{Address, Host};
use groundhog_wire::{
    Limited, Routes, ServerConfig,
    chunks::{ChunkPath, chunks},
    serve,
    v1::{
        AgentView, ConnectionNews, CoordinateRequest, CoordinateResponse, GetAgentRequest, GetRelayMapRequest,
        ListAgentLogsRequest, ListAgentLogsResponse, ListAgentsRequest, ListAgentsResponse, Node, PeerUpdate, Relay,
        RelayChunk, RelayMap, WatchConnectionRequest,
        coordinate_request::Kind,
        peer_update::Kind as Told,
        relay_chunk::Kind as Chunk,
        workspace_agents_server::{WorkspaceAgents, WorkspaceAgentsServer},
    },
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::UnboundedReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::agent;

/// The port of the control plane.
pub(crate) const PORT: u16 = 443;

type Answers<T> = mpsc::UnboundedSender<Result<T, Status>>;
type Passed = Pin<Box<dyn Stream<Item = Result<RelayChunk, Status>> + Send>>;

/// The control plane. It remembers everything over its restarts.
#[derive(Clone, Default)]
pub(crate) struct Control {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    /// What clients are told of the agent; nothing while it is unset.
    pub(crate) update: Option<PeerUpdate>,
    /// What calls of coordination are refused with.
    pub(crate) refuses: Option<Status>,
    /// What clients have said.
    pub(crate) said: Vec<Kind>,
    coordinating: Vec<Answers<CoordinateResponse>>,
}

impl State {
    /// Tells clients of the agent.
    pub(crate) fn tell(&mut self, update: PeerUpdate) {
        let response = CoordinateResponse { updates: vec![update.clone()] };
        self.update = Some(update);
        self.coordinating.retain(|answers| answers.send(Ok(response.clone())).is_ok());
    }

    /// The words for what clients have said.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        let word = |kind: &Kind| match kind {
            Kind::Introduce(_) => "introduce",
            Kind::UpdateSelf(_) => "update",
            Kind::AddTunnel(_) => "add",
            Kind::RemoveTunnel(_) => "remove",
            Kind::Disconnect(_) => "disconnect",
        };
        self.said.iter().map(word).collect()
    }
}

/// What is told of an agent.
pub(crate) fn update(agent: &str, kind: Told, endpoints: &[&str], relay: u32, secret: &str) -> PeerUpdate {
    let endpoints = endpoints.iter().map(|text| (*text).to_owned()).collect();
    let node = Some(Node { endpoints, relay });
    PeerUpdate { peer_id: agent.to_owned(), kind: kind.into(), node, secret: secret.to_owned() }
}

impl Control {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Its life on a host.
    pub(crate) async fn run(self, host: Host) {
        self.state().coordinating.clear();
        let listener = host.listen(PORT).await.expect("the port is free");
        let service = WorkspaceAgentsServer::new(Service { control: self, host: host.clone() }).limited();
        serve(&host, listener, Routes::new().add(service), ServerConfig::default(), CancellationToken::new()).await;
    }
}

struct Service {
    control: Control,
    host: Host,
}

fn not_here<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not of this control plane"))
}

#[async_trait]
impl WorkspaceAgents for Service {
    type FollowAgentLogsStream = UnboundedReceiverStream<Result<ListAgentLogsResponse, Status>>;
    type CoordinateClientStream = UnboundedReceiverStream<Result<CoordinateResponse, Status>>;
    type VisitAgentStream = Passed;
    type WatchConnectionStream = UnboundedReceiverStream<Result<ConnectionNews, Status>>;

    async fn get_agent(&self, _: Request<GetAgentRequest>) -> Result<Response<AgentView>, Status> {
        not_here()
    }

    async fn list_agents(&self, _: Request<ListAgentsRequest>) -> Result<Response<ListAgentsResponse>, Status> {
        not_here()
    }

    async fn list_agent_logs(
        &self,
        _: Request<ListAgentLogsRequest>,
    ) -> Result<Response<ListAgentLogsResponse>, Status> {
        not_here()
    }

    async fn follow_agent_logs(
        &self,
        _: Request<ListAgentLogsRequest>,
    ) -> Result<Response<Self::FollowAgentLogsStream>, Status> {
        not_here()
    }

    async fn watch_connection(
        &self,
        _: Request<WatchConnectionRequest>,
    ) -> Result<Response<Self::WatchConnectionStream>, Status> {
        not_here()
    }

    async fn get_relay_map(&self, _: Request<GetRelayMapRequest>) -> Result<Response<RelayMap>, Status> {
        let endpoints = vec![format!("control:{PORT}")];
        Ok(Response::new(RelayMap { relays: vec![Relay { id: 1, name: "relay".to_owned(), endpoints }] }))
    }

    async fn coordinate_client(
        &self,
        request: Request<Streaming<CoordinateRequest>>,
    ) -> Result<Response<Self::CoordinateClientStream>, Status> {
        let (answers, receiver) = mpsc::unbounded_channel();
        {
            let mut state = self.control.state();
            if let Some(status) = &state.refuses {
                return Err(status.clone());
            }
            let updates = state.update.iter().cloned().collect();
            let _ = answers.send(Ok(CoordinateResponse { updates }));
            state.coordinating.push(answers.clone());
        }
        let (mut requests, control) = (request.into_inner(), self.control.clone());
        let hearing = async move {
            while let Some(Ok(request)) = requests.next().await {
                control.state().said.extend(request.kind);
            }
            // With the caller's side ends this one.
            control.state().coordinating.retain(|have| !have.same_channel(&answers));
        };
        self.host.spawn("coordination", hearing).detach();
        Ok(Response::new(UnboundedReceiverStream::new(receiver)))
    }

    async fn visit_agent(
        &self,
        request: Request<Streaming<RelayChunk>>,
    ) -> Result<Response<Self::VisitAgentStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|chunk| chunk.kind);
        assert!(matches!(first, Some(Chunk::Visit(_))), "the first chunk says what for");
        let to = Address::new("agent", agent::RELAY_PORT);
        let mut onward = self.host.connect(&to).await.map_err(|error| Status::unavailable(error.to_string()))?;
        let (chunks, writer) = chunks(Chunk::Data(Vec::new()));
        let mut path = ChunkPath::new(writer, requests);
        let pass = async move {
            let _ = tokio::io::copy_bidirectional(&mut path, &mut onward).await;
        };
        self.host.spawn("relay", pass).detach();
        Ok(Response::new(Box::pin(chunks.map(Ok))))
    }
}
