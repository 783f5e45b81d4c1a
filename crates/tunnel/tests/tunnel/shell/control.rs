//! A control plane of a few lines: it tells what a test wants it to, and notes what it is asked.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use groundhog_host::Host;
use groundhog_wire::{
    Limited, Routes, ServerConfig, serve,
    v1::{
        self, AgentLifecycle, AgentLogLine, AgentNews, Build, BuildNews, CancelBuildRequest, CancelJobRequest,
        ClaimWorkspaceRequest, ConnectionNews, CoordinateRequest, CoordinateResponse, CreateBuildRequest,
        CreateWorkspaceRequest, FollowLogsRequest, FollowLogsResponse, GetBuildRequest, GetJobRequest,
        GetRelayMapRequest, JobStatus, JobView, ListAgentLogsRequest, ListAgentLogsResponse, ListAgentsRequest,
        ListAgentsResponse, ListBuildLogsRequest, ListBuildLogsResponse, LogLine, Node, PeerUpdate, RelayChunk,
        RelayMap, StoredAgentLogLine, StoredLogLine, Transition, WatchConnectionRequest, WatchEnd,
        connection_news::Kind,
        coordinate_request,
        jobs_server::{Jobs, JobsServer},
        peer_update, watch_end,
        workspace_agents_server::{WorkspaceAgents, WorkspaceAgentsServer},
        workspaces_server::{Workspaces, WorkspacesServer},
    },
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::UnboundedReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};
use uuid::Uuid;

use super::agent;

pub(super) const PORT: u16 = 443;

/// What clients show to the agent.
pub(super) const SECRET: &str = "secret-of-the-two";

type Answers<T> = mpsc::UnboundedSender<Result<T, Status>>;
type AnswerStream<T> = UnboundedReceiverStream<Result<T, Status>>;

/// The control plane. It remembers everything over its restarts.
#[derive(Clone, Default)]
pub(super) struct Control {
    state: Arc<Mutex<State>>,
}

/// What it knows, and what it does unlike itself.
#[derive(Default)]
pub(super) struct State {
    /// The latest build: its number, what it is for, where it stands, why it failed.
    pub(super) build: (u32, Transition, JobStatus, &'static str),
    /// The agent of a build that has started the workspace: its number, and how far its life has come.
    pub(super) agent: (u128, AgentLifecycle),
    /// Calls that fail: always, with this.
    pub(super) refuses: BTreeMap<&'static str, Status>,
    /// A start is carried out, so many times, and its answer is lost.
    pub(super) loses_answers: u32,
    /// A start is carried out, and not answered.
    pub(super) holds_answers: bool,
    /// Clients are not told where the agent is.
    pub(super) hides_agent: bool,
    /// Every call that has come.
    pub(super) calls: Vec<&'static str>,
    /// The builds about which a start was asked.
    pub(super) starts: Vec<u32>,
    /// Clients that have said that they go.
    pub(super) partings: usize,
    /// The lines of every build's log, and of every agent's.
    pub(super) build_log: Vec<&'static str>,
    pub(super) agent_log: Vec<&'static str>,
    watchers: Vec<Answers<ConnectionNews>>,
    coordinating: Vec<Answers<CoordinateResponse>>,
}

pub(super) fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

impl State {
    /// How often a call has come.
    pub(super) fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|have| **have == call).count()
    }

    /// The workspace has another build, or its build stands otherwise.
    pub(super) fn tell_build(&mut self, number: u32, transition: Transition, status: JobStatus) {
        self.build = (number, transition, status, self.build.3);
        self.tell(self.build_news());
    }

    /// The agent is another one, or has come to another step.
    pub(super) fn tell_agent(&mut self, number: u128, lifecycle: AgentLifecycle) {
        self.agent = (number, lifecycle);
        self.tell(self.agent_news());
    }

    /// A start of the workspace goes well, and so does its agent.
    pub(super) fn tell_started(&mut self, number: u32) {
        self.tell_build(number, Transition::Start, JobStatus::Succeeded);
        self.tell_agent(number.into(), AgentLifecycle::Ready);
    }

    /// Ends every watch with a word.
    pub(super) fn end_watches(&mut self, kind: watch_end::Kind, message: &str, retryable: bool) {
        let end = WatchEnd { kind: kind.into(), message: message.to_owned(), retryable };
        self.tell(Kind::End(end));
        self.watchers.clear();
    }

    /// Tells every watch something.
    pub(super) fn tell(&mut self, kind: Kind) {
        self.watchers.retain(|watcher| watcher.send(Ok(news(kind.clone()))).is_ok());
    }

    /// Tells every watch something that makes no sense.
    pub(super) fn tell_nonsense(&mut self) {
        self.watchers.retain(|watcher| watcher.send(Ok(ConnectionNews { kind: None })).is_ok());
    }

    /// Tells clients of the agent.
    pub(super) fn tell_peer(&mut self, kind: peer_update::Kind) {
        let response = CoordinateResponse { updates: vec![self.peer(kind)] };
        self.coordinating.retain(|answers| answers.send(Ok(response.clone())).is_ok());
    }

    fn peer(&self, kind: peer_update::Kind) -> PeerUpdate {
        PeerUpdate {
            peer_id: id(self.agent.0),
            kind: kind.into(),
            node: Some(Node { endpoints: vec![format!("agent:{}", agent::PORT)], relay: 0 }),
            secret: SECRET.to_owned(),
        }
    }

    fn build_news(&self) -> Kind {
        let (number, transition, status, error) = self.build;
        Kind::Build(BuildNews {
            workspace_id: id(1),
            workspace_name: "dev".to_owned(),
            build_id: id(100 + u128::from(number)),
            number,
            transition: transition.into(),
            status: status.into(),
            job_id: id(200 + u128::from(number)),
            error: error.to_owned(),
        })
    }

    fn agent_news(&self) -> Kind {
        let (number, lifecycle) = self.agent;
        Kind::Agent(AgentNews { agent_id: id(number), name: "main".to_owned(), lifecycle: lifecycle.into() })
    }
}

fn news(kind: Kind) -> ConnectionNews {
    ConnectionNews { kind: Some(kind) }
}

impl Control {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Its life on a host.
    pub(super) async fn run(self, host: Host) {
        self.state().watchers.clear();
        let listener = host.listen(PORT).await.expect("the port is free");
        let service = Service { control: self, host: host.clone() };
        let routes = Routes::new()
            .add(WorkspacesServer::new(service.clone()).limited())
            .add(JobsServer::new(service.clone()).limited())
            .add(WorkspaceAgentsServer::new(service).limited());
        serve(&host, listener, routes, ServerConfig::default(), CancellationToken::new()).await;
    }
}

#[derive(Clone)]
struct Service {
    control: Control,
    host: Host,
}

impl Service {
    /// Notes a call, unless it is to fail.
    fn take(&self, call: &'static str) -> Result<MutexGuard<'_, State>, Status> {
        let mut state = self.control.state();
        state.calls.push(call);
        match state.refuses.get(call) {
            Some(status) => Err(status.clone()),
            None => Ok(state),
        }
    }
}

fn stream<T>() -> (Answers<T>, AnswerStream<T>) {
    let (answers, receiver) = mpsc::unbounded_channel();
    (answers, UnboundedReceiverStream::new(receiver))
}

/// What tunnels don't ask for.
fn unasked<T>() -> Result<T, Status> {
    Err(Status::unimplemented("no tunnel asks for this"))
}

#[async_trait]
impl Workspaces for Service {
    async fn get_quota(&self, _: Request<v1::GetQuotaRequest>) -> Result<Response<v1::Quota>, Status> {
        unasked()
    }

    async fn create_build(&self, request: Request<CreateBuildRequest>) -> Result<Response<Build>, Status> {
        let request = request.into_inner();
        let answer = {
            let mut state = self.take("create_build")?;
            assert_eq!((request.workspace_id.as_str(), request.transition()), (id(1).as_str(), Transition::Start));
            state.starts.push(request.after_build);
            let number = state.build.0;
            if number != request.after_build {
                return Err(Status::aborted(format!("build {number} is newer")));
            }
            state.tell_build(number + 1, Transition::Start, JobStatus::Pending);
            if state.loses_answers > 0 {
                state.loses_answers -= 1;
                return Err(Status::unavailable("the answer is lost"));
            }
            (!state.holds_answers).then(|| Build { number: number + 1, ..Build::default() })
        };
        match answer {
            Some(build) => Ok(Response::new(build)),
            None => std::future::pending().await,
        }
    }

    async fn create_workspace(&self, _: Request<CreateWorkspaceRequest>) -> Result<Response<Build>, Status> {
        unasked()
    }

    async fn cancel_build(&self, _: Request<CancelBuildRequest>) -> Result<Response<Build>, Status> {
        unasked()
    }

    async fn claim_workspace(&self, _: Request<ClaimWorkspaceRequest>) -> Result<Response<Build>, Status> {
        unasked()
    }

    async fn get_workspace(&self, _: Request<v1::GetWorkspaceRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn list_workspaces(
        &self,
        _: Request<v1::ListWorkspacesRequest>,
    ) -> Result<Response<v1::ListWorkspacesResponse>, Status> {
        unasked()
    }

    async fn set_autostart(&self, _: Request<v1::SetAutostartRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn set_ttl(&self, _: Request<v1::SetTtlRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn set_dormancy(&self, _: Request<v1::SetDormancyRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn extend_deadline(&self, _: Request<v1::ExtendDeadlineRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn get_build(&self, _: Request<GetBuildRequest>) -> Result<Response<Build>, Status> {
        unasked()
    }

    async fn list_build_logs(
        &self,
        _: Request<ListBuildLogsRequest>,
    ) -> Result<Response<ListBuildLogsResponse>, Status> {
        unasked()
    }
}

#[async_trait]
impl Jobs for Service {
    type FollowLogsStream = AnswerStream<FollowLogsResponse>;

    async fn follow_logs(
        &self,
        request: Request<FollowLogsRequest>,
    ) -> Result<Response<Self::FollowLogsStream>, Status> {
        let after_id = request.into_inner().after_id;
        let state = self.take("follow_logs")?;
        let (answers, receiver) = stream();
        for (id, text) in (1..).zip(&state.build_log).filter(|(id, _)| *id > after_id) {
            let line = LogLine { output: (*text).to_owned(), ..LogLine::default() };
            let lines = vec![StoredLogLine { id, line: Some(line) }];
            let _ = answers.send(Ok(FollowLogsResponse { lines, end_of_logs: false }));
            // Every line breaks the call: whoever follows goes on where it was.
            if id == 1 {
                let _ = answers.send(Err(Status::unavailable("the control plane is stopping")));
                return Ok(Response::new(receiver));
            }
        }
        let _ = answers.send(Ok(FollowLogsResponse { lines: Vec::new(), end_of_logs: true }));
        Ok(Response::new(receiver))
    }

    async fn get_job(&self, _: Request<GetJobRequest>) -> Result<Response<JobView>, Status> {
        unasked()
    }

    async fn cancel_job(&self, _: Request<CancelJobRequest>) -> Result<Response<JobView>, Status> {
        unasked()
    }
}

#[async_trait]
impl WorkspaceAgents for Service {
    type FollowAgentLogsStream = AnswerStream<ListAgentLogsResponse>;
    type CoordinateClientStream = AnswerStream<CoordinateResponse>;
    type VisitAgentStream = AnswerStream<RelayChunk>;
    type WatchConnectionStream = AnswerStream<ConnectionNews>;

    async fn watch_connection(
        &self,
        request: Request<WatchConnectionRequest>,
    ) -> Result<Response<Self::WatchConnectionStream>, Status> {
        let mut state = self.take("watch_connection")?;
        assert_eq!(request.into_inner().agent_name, "main");
        let (answers, receiver) = stream();
        let _ = answers.send(Ok(news(state.build_news())));
        if (state.build.1, state.build.2) == (Transition::Start, JobStatus::Succeeded) {
            let _ = answers.send(Ok(news(state.agent_news())));
        }
        state.watchers.push(answers);
        Ok(Response::new(receiver))
    }

    async fn coordinate_client(
        &self,
        request: Request<Streaming<CoordinateRequest>>,
    ) -> Result<Response<Self::CoordinateClientStream>, Status> {
        let (answers, receiver) = stream();
        self.take("coordinate_client")?.coordinating.push(answers.clone());
        let (mut requests, control) = (request.into_inner(), self.control.clone());
        let hearing = async move {
            while let Some(Ok(request)) = requests.next().await {
                let mut state = control.state();
                match request.kind {
                    Some(coordinate_request::Kind::AddTunnel(_)) => {
                        let update = state.peer(peer_update::Kind::Node);
                        let updates = if state.hides_agent { Vec::new() } else { vec![update] };
                        let _ = answers.send(Ok(CoordinateResponse { updates }));
                    }
                    Some(coordinate_request::Kind::Disconnect(_)) => {
                        state.partings += 1;
                        break;
                    }
                    _ => {}
                }
            }
            // With the caller's side ends this one.
            control.state().coordinating.retain(|have| !have.same_channel(&answers));
        };
        self.host.spawn("coordination", hearing).detach();
        Ok(Response::new(receiver))
    }

    async fn follow_agent_logs(
        &self,
        request: Request<ListAgentLogsRequest>,
    ) -> Result<Response<Self::FollowAgentLogsStream>, Status> {
        let after_id = request.into_inner().after_id;
        let state = self.take("follow_agent_logs")?;
        let (answers, receiver) = stream();
        for (id, text) in (1..).zip(&state.agent_log).filter(|(id, _)| *id > after_id) {
            let line = AgentLogLine { output: (*text).to_owned(), ..AgentLogLine::default() };
            let lines = vec![StoredAgentLogLine { id, line: Some(line), ..StoredAgentLogLine::default() }];
            let _ = answers.send(Ok(ListAgentLogsResponse { lines }));
        }
        Ok(Response::new(receiver))
    }

    async fn get_relay_map(&self, _: Request<GetRelayMapRequest>) -> Result<Response<RelayMap>, Status> {
        Ok(Response::new(RelayMap::default()))
    }

    async fn visit_agent(&self, _: Request<Streaming<RelayChunk>>) -> Result<Response<Self::VisitAgentStream>, Status> {
        unasked()
    }

    async fn get_agent(&self, _: Request<v1::GetAgentRequest>) -> Result<Response<v1::AgentView>, Status> {
        unasked()
    }

    async fn list_agents(&self, _: Request<ListAgentsRequest>) -> Result<Response<ListAgentsResponse>, Status> {
        unasked()
    }

    async fn list_agent_logs(
        &self,
        _: Request<ListAgentLogsRequest>,
    ) -> Result<Response<ListAgentLogsResponse>, Status> {
        unasked()
    }
}
