//! A control plane of a few lines: it notes every call, and takes whatever it is told.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use groundhog_host::Host;
use groundhog_wire::{
    Limited, Routes, ServerConfig,
    chunks::{ChunkPath, chunks},
    serve,
    v1::{
        AcceptVisit, AgentManifest, AgentMetadataValue, AgentStats, AppHealthUpdate, ConnectRequest, ConnectResponse,
        CoordinateRequest, CoordinateResponse, CreateLogsRequest, CreateLogsResponse, GetBannersRequest,
        GetBannersResponse, GetManifestRequest, ListenRelayRequest, OpenSessionRequest, OpenSessionResponse,
        PeerUpdate, Reinitialization, RelayChunk, RelayListening, RelayMap, RelayNews, RelayVisit,
        ReportConnectionRequest, ReportConnectionResponse, ScriptCompletedRequest, ScriptCompletedResponse,
        UpdateAppHealthsRequest, UpdateAppHealthsResponse, UpdateLifecycleRequest, UpdateLifecycleResponse,
        UpdateMetadataRequest, UpdateMetadataResponse, UpdateStartupRequest, UpdateStartupResponse, UpdateStatsRequest,
        UpdateStatsResponse, WatchReinitializationRequest, WatchRelayMapRequest,
        agents_server::{Agents, AgentsServer},
        coordinate_request::Kind,
        relay_chunk::Kind as Chunk,
        relay_news::Kind as News,
    },
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::UnboundedReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};
use uuid::Uuid;

/// The port of the control plane.
pub(crate) const PORT: u16 = 443;

/// The number of its relay, and the port at which a visitor comes to that.
pub(crate) const RELAY: u32 = 7;
pub(crate) const RELAY_PORT: u16 = 444;

type Answers<T> = mpsc::UnboundedSender<Result<T, Status>>;

/// The control plane. It remembers everything over its restarts.
#[derive(Clone, Default)]
pub(crate) struct Control {
    state: Arc<Mutex<State>>,
}

/// What it knows, and what it does unlike itself.
#[derive(Default)]
pub(crate) struct State {
    /// The agent's number: its id is made of it.
    pub(crate) agent: u128,
    pub(crate) manifest: AgentManifest,
    /// Calls that fail: always, with this.
    pub(crate) refuses: BTreeMap<&'static str, Status>,
    /// Calls that fail, so many times, and are not carried out.
    pub(crate) fails: BTreeMap<&'static str, u32>,
    /// Calls that are carried out, so many times, but whose answer is a failure of the control plane's.
    pub(crate) loses_answers: BTreeMap<&'static str, u32>,
    /// Calls that are not answered.
    pub(crate) ignores: Vec<&'static str>,
    /// After so many lines the limit is reached.
    pub(crate) lines_max: Option<usize>,
    /// Whose the workspace is now, if it was claimed.
    pub(crate) claimed_by: Option<String>,
    /// Every call that has come.
    pub(crate) calls: Vec<&'static str>,
    pub(crate) startups: Vec<UpdateStartupRequest>,
    /// The agent's number with each step.
    pub(crate) lifecycle: Vec<(u128, String)>,
    /// The lines as they came: process, source, number, text.
    pub(crate) lines: Vec<(String, String, u64, String)>,
    pub(crate) metadata: Vec<Vec<AgentMetadataValue>>,
    pub(crate) stats: Vec<Option<AgentStats>>,
    pub(crate) healths: Vec<Vec<AppHealthUpdate>>,
    pub(crate) scripts: Vec<ScriptCompletedRequest>,
    pub(crate) connections: Vec<ReportConnectionRequest>,
    /// What agents have said in coordination.
    pub(crate) said: Vec<Kind>,
    coordinating: Vec<Answers<CoordinateResponse>>,
    reinitializing: Vec<Answers<Reinitialization>>,
    connected: Vec<Answers<ConnectResponse>>,
    relays: Vec<Answers<RelayMap>>,
    listening: Option<Answers<RelayNews>>,
    /// Those who wait to be let through, by their visits' ids.
    visitors: BTreeMap<String, groundhog_host::Stream>,
}

impl State {
    /// How often a call has come.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|have| **have == call).count()
    }

    /// The steps of the agent of this number.
    pub(crate) fn steps(&self, agent: u128) -> Vec<&str> {
        self.lifecycle.iter().filter(|(of, _)| *of == agent).map(|(_, step)| step.as_str()).collect()
    }

    /// The texts of a source, each number once, in their order.
    pub(crate) fn texts(&self, source: &str) -> Vec<&str> {
        let mut texts = BTreeMap::new();
        for (process, of, number, text) in &self.lines {
            if of == source {
                texts.entry((process, *number)).or_insert(text.as_str());
            }
        }
        texts.into_values().collect()
    }

    /// Tells agents of a peer.
    pub(crate) fn tell_peer(&mut self, update: PeerUpdate) {
        let response = CoordinateResponse { updates: vec![update] };
        self.coordinating.retain(|answers| answers.send(Ok(response.clone())).is_ok());
    }

    /// Tells agents of the claim.
    pub(crate) fn tell_claim(&mut self) {
        let claim = self.claim();
        self.reinitializing.retain(|answers| claim.iter().all(|claim| answers.send(Ok(claim.clone())).is_ok()));
    }

    /// Ends the agent's call at the relay.
    pub(crate) fn end_relay(&mut self) {
        self.listening = None;
    }

    /// Ends all connections, with this word.
    pub(crate) fn end_connections(&mut self, status: &Status) {
        for answers in self.connected.drain(..) {
            let _ = answers.send(Err(status.clone()));
        }
    }

    fn claim(&self) -> Option<Reinitialization> {
        let owner_id = self.claimed_by.clone()?;
        Some(Reinitialization { reason: "prebuild_claimed".to_owned(), owner_id })
    }
}

/// The id of the agent of this number.
pub(crate) fn agent_id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

impl Control {
    /// What it knows and does.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Its life on a host.
    pub(crate) async fn run(self, host: Host) {
        let (relay, door) = (self.clone(), host.clone());
        host.spawn("relay door", async move { relay.let_through(&door).await }).detach();
        let listener = host.listen(PORT).await.expect("the port is free");
        let routes = Routes::new().add(AgentsServer::new(Service { control: self, host: host.clone() }).limited());
        serve(&host, listener, routes, ServerConfig::default(), CancellationToken::new()).await;
    }
}

impl Control {
    /// Tells the agent of whoever comes to the relay's door.
    async fn let_through(self, host: &Host) {
        let mut door = host.listen(RELAY_PORT).await.expect("the port is free");
        while let Ok(visitor) = door.accept().await {
            let visit_id = host.new_id("visit").to_string();
            let mut state = self.state();
            state.visitors.insert(visit_id.clone(), visitor);
            let news = RelayNews { kind: Some(News::Visit(RelayVisit { visit_id })) };
            let _ = state.listening.as_ref().map(|answers| answers.send(Ok(news)));
        }
    }
}

struct Service {
    control: Control,
    host: Host,
}

impl Service {
    /// Notes a call and carries it out, unless it is to fail.
    async fn take<T>(
        &self,
        call: &'static str,
        carry_out: impl FnOnce(&mut State) -> T,
    ) -> Result<Response<T>, Status> {
        let answer = {
            let mut state = self.control.state();
            state.calls.push(call);
            if let Some(status) = state.refuses.get(call) {
                return Err(status.clone());
            }
            if let Some(times) = state.fails.get_mut(call).filter(|times| **times > 0) {
                *times -= 1;
                return Err(Status::internal("the database"));
            }
            let answer = carry_out(&mut state);
            if let Some(times) = state.loses_answers.get_mut(call).filter(|times| **times > 0) {
                *times -= 1;
                return Err(Status::internal("it is not known what became of it"));
            }
            (!state.ignores.contains(&call)).then_some(answer)
        };
        match answer {
            Some(answer) => Ok(Response::new(answer)),
            None => std::future::pending().await,
        }
    }
}

fn stream<T>() -> (Answers<T>, UnboundedReceiverStream<Result<T, Status>>) {
    let (answers, receiver) = mpsc::unbounded_channel();
    (answers, UnboundedReceiverStream::new(receiver))
}

#[async_trait]
impl Agents for Service {
    type ConnectStream = UnboundedReceiverStream<Result<ConnectResponse, Status>>;
    type CoordinateAgentStream = UnboundedReceiverStream<Result<CoordinateResponse, Status>>;
    type WatchRelayMapStream = UnboundedReceiverStream<Result<RelayMap, Status>>;
    type WatchReinitializationStream = UnboundedReceiverStream<Result<Reinitialization, Status>>;
    type ListenRelayStream = UnboundedReceiverStream<Result<RelayNews, Status>>;
    type AcceptRelayVisitStream = Pin<Box<dyn Stream<Item = Result<RelayChunk, Status>> + Send>>;

    async fn listen_relay(&self, _: Request<ListenRelayRequest>) -> Result<Response<Self::ListenRelayStream>, Status> {
        let (answers, receiver) = stream();
        self.take("listen_relay", |state| {
            let kind = Some(News::Listening(RelayListening { relay: RELAY }));
            let _ = answers.send(Ok(RelayNews { kind }));
            state.listening = Some(answers);
        })
        .await?;
        Ok(Response::new(receiver))
    }

    async fn accept_relay_visit(
        &self,
        request: Request<Streaming<RelayChunk>>,
    ) -> Result<Response<Self::AcceptRelayVisitStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|chunk| chunk.kind);
        let Some(Chunk::Accept(AcceptVisit { visit_id })) = first else { panic!("expected a visit, got {first:?}") };
        let visitor = self.take("accept_relay_visit", |state| state.visitors.remove(&visit_id)).await?.into_inner();
        let mut visitor = visitor.ok_or_else(|| Status::not_found("there is no such visit"))?;
        let (chunks, writer) = chunks(Chunk::Data(Vec::new()));
        let mut path = ChunkPath::new(writer, requests);
        let pass = async move {
            let _ = tokio::io::copy_bidirectional(&mut visitor, &mut path).await;
        };
        self.host.spawn("relay", pass).detach();
        Ok(Response::new(Box::pin(chunks.map(Ok))))
    }

    async fn open_session(&self, _: Request<OpenSessionRequest>) -> Result<Response<OpenSessionResponse>, Status> {
        self.take("open_session", |state| OpenSessionResponse {
            session_token: format!("session-{}", state.count("open_session")),
            agent_id: agent_id(state.agent),
        })
        .await
    }

    async fn connect(
        &self,
        request: Request<Streaming<ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let (answers, receiver) = stream();
        self.take("connect", |state| {
            let _ = answers.send(Ok(ConnectResponse { beat_interval_ms: 15_000 }));
            state.connected.push(answers);
        })
        .await?;
        let (mut beats, control) = (request.into_inner(), self.control.clone());
        let beating = async move {
            while let Some(Ok(ConnectRequest { beat })) = beats.next().await {
                if beat {
                    control.state().calls.push("beat");
                }
            }
        };
        self.host.spawn("beats", beating).detach();
        Ok(Response::new(receiver))
    }

    async fn get_manifest(&self, _: Request<GetManifestRequest>) -> Result<Response<AgentManifest>, Status> {
        self.take("get_manifest", |state| AgentManifest { agent_id: agent_id(state.agent), ..state.manifest.clone() })
            .await
    }

    async fn update_startup(
        &self,
        request: Request<UpdateStartupRequest>,
    ) -> Result<Response<UpdateStartupResponse>, Status> {
        self.take("update_startup", |state| {
            state.startups.push(request.into_inner());
            UpdateStartupResponse {}
        })
        .await
    }

    async fn update_lifecycle(
        &self,
        request: Request<UpdateLifecycleRequest>,
    ) -> Result<Response<UpdateLifecycleResponse>, Status> {
        self.take("update_lifecycle", |state| {
            let name = request.into_inner().state().as_str_name().trim_start_matches("AGENT_LIFECYCLE_").to_lowercase();
            let agent = state.agent;
            // A step that is there already is answered alike.
            if state.steps(agent).last() != Some(&name.as_str()) {
                state.lifecycle.push((agent, name));
            }
            UpdateLifecycleResponse {}
        })
        .await
    }

    async fn create_logs(&self, request: Request<CreateLogsRequest>) -> Result<Response<CreateLogsResponse>, Status> {
        self.take("create_logs", |state| {
            let CreateLogsRequest { source_id, process_id, lines } = request.into_inner();
            for line in lines {
                state.lines.push((process_id.clone(), source_id.clone(), line.sequence, line.output));
            }
            let limit_exceeded = state.lines_max.is_some_and(|most| state.lines.len() > most);
            CreateLogsResponse { limit_exceeded }
        })
        .await
    }

    async fn update_metadata(
        &self,
        request: Request<UpdateMetadataRequest>,
    ) -> Result<Response<UpdateMetadataResponse>, Status> {
        self.take("update_metadata", |state| {
            state.metadata.push(request.into_inner().values);
            UpdateMetadataResponse {}
        })
        .await
    }

    async fn get_banners(&self, _: Request<GetBannersRequest>) -> Result<Response<GetBannersResponse>, Status> {
        self.take("get_banners", |_| GetBannersResponse::default()).await
    }

    async fn update_stats(
        &self,
        request: Request<UpdateStatsRequest>,
    ) -> Result<Response<UpdateStatsResponse>, Status> {
        self.take("update_stats", |state| {
            state.stats.push(request.into_inner().stats);
            UpdateStatsResponse { report_interval_ms: 300_000 }
        })
        .await
    }

    async fn update_app_healths(
        &self,
        request: Request<UpdateAppHealthsRequest>,
    ) -> Result<Response<UpdateAppHealthsResponse>, Status> {
        self.take("update_app_healths", |state| {
            state.healths.push(request.into_inner().updates);
            UpdateAppHealthsResponse {}
        })
        .await
    }

    async fn report_connection(
        &self,
        request: Request<ReportConnectionRequest>,
    ) -> Result<Response<ReportConnectionResponse>, Status> {
        self.take("report_connection", |state| {
            state.connections.push(request.into_inner());
            ReportConnectionResponse {}
        })
        .await
    }

    async fn script_completed(
        &self,
        request: Request<ScriptCompletedRequest>,
    ) -> Result<Response<ScriptCompletedResponse>, Status> {
        self.take("script_completed", |state| {
            state.scripts.push(request.into_inner());
            ScriptCompletedResponse {}
        })
        .await
    }

    async fn coordinate_agent(
        &self,
        request: Request<Streaming<CoordinateRequest>>,
    ) -> Result<Response<Self::CoordinateAgentStream>, Status> {
        let (answers, receiver) = stream();
        self.take("coordinate_agent", |state| state.coordinating.push(answers.clone())).await?;
        let (mut requests, control) = (request.into_inner(), self.control.clone());
        let hearing = async move {
            while let Some(Ok(request)) = requests.next().await {
                control.state().said.extend(request.kind);
            }
            // With the caller's side ends this one.
            control.state().coordinating.retain(|have| !have.same_channel(&answers));
        };
        self.host.spawn("coordination", hearing).detach();
        Ok(Response::new(receiver))
    }

    async fn watch_relay_map(
        &self,
        _: Request<WatchRelayMapRequest>,
    ) -> Result<Response<Self::WatchRelayMapStream>, Status> {
        let (answers, receiver) = stream();
        self.take("watch_relay_map", |state| {
            let _ = answers.send(Ok(state.manifest.relay_map.clone().unwrap_or_default()));
            state.relays.push(answers);
        })
        .await?;
        Ok(Response::new(receiver))
    }

    async fn watch_reinitialization(
        &self,
        _: Request<WatchReinitializationRequest>,
    ) -> Result<Response<Self::WatchReinitializationStream>, Status> {
        let (answers, receiver) = stream();
        self.take("watch_reinitialization", |state| {
            if let Some(claim) = state.claim() {
                let _ = answers.send(Ok(claim));
            }
            state.reinitializing.push(answers);
        })
        .await?;
        Ok(Response::new(receiver))
    }
}
