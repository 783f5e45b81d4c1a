//! The whole control plane over real sockets.

use std::time::Duration;

use groundhog_control::{Config, Database, Error, run};
use groundhog_host::{
    Address, Host, Random,
    live::{Directory, LiveConfig, LiveMachine},
};
use groundhog_wire::{
    Channel, ChannelConfig, DaemonName, Identity, Limited,
    v1::{
        self, JobStatus, acquire_job_request::Kind, agents_client::AgentsClient, connection_news, coordinate_request,
        provisioner_daemons_client::ProvisionerDaemonsClient, relay_chunk::Kind as Chunk, relay_news,
        workspace_agents_client::WorkspaceAgentsClient, workspaces_client::WorkspacesClient,
    },
};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::support::{
    agents::{agent, made},
    world::{DAEMON_KEY, by_name, failure, job_id, line, new_workspace, secret, setup, success, update},
};

/// Far above what any step here takes; it turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

struct Site {
    directory: Directory,
    folder: tempfile::TempDir,
    address: Address,
    control: LiveMachine,
    client: LiveMachine,
    shutdown: CancellationToken,
    ended: oneshot::Receiver<Result<(), Error>>,
}

impl Site {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = Directory::new();
        let control = machine("control", &folder, &directory);
        let client = machine("client", &folder, &directory);
        let host = control.host();
        let database = Database::in_memory().expect("a database in memory needs nothing");
        database.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("the setup is sound");
        // Any free port: asked for, and given back at once.
        let port = host.listen(0).await.expect("a port is free").port();
        let mut config = Config { port, ..Config::default() };
        change(&mut config);
        let shutdown = CancellationToken::new();
        let (end, ended) = oneshot::channel();
        let running = run(host.clone(), database, config, shutdown.clone());
        host.spawn("control", async move {
            // Nobody waits for it if the test has failed.
            let _ = end.send(running.await);
        })
        .detach();
        let address = Address::new("control", port);
        Self { directory, folder, address, control, client, shutdown, ended }
    }

    fn machine(&self, name: &str) -> LiveMachine {
        machine(name, &self.folder, &self.directory)
    }

    fn user(&self, name: &str) -> WorkspacesClient<Channel> {
        let identity = Identity::user(secret(&format!("{name}-token")));
        WorkspacesClient::new(self.channel(&self.client.host(), identity)).limited()
    }

    fn daemon(&self, host: &Host, name: &str) -> ProvisionerDaemonsClient<Channel> {
        ProvisionerDaemonsClient::new(self.channel(host, daemon(name))).limited()
    }

    fn channel(&self, host: &Host, identity: Identity) -> Channel {
        // The control plane may not listen yet; a channel that is refused tries again soon.
        Channel::new(host, self.address.clone(), identity, ChannelConfig::default())
    }

    async fn create(&self, name: &str) -> v1::Build {
        let request = new_workspace(name, "plain");
        let mut user = self.user("alice");
        soon(&self.client.host(), user.create_workspace(request)).await.expect("it is free").into_inner()
    }

    async fn get(&self, name: &str) -> v1::Build {
        let request = v1::GetBuildRequest { build: by_name(name) };
        let mut user = self.user("alice");
        soon(&self.client.host(), user.get_build(request)).await.expect("it exists").into_inner()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        let ended = self.control.host().timeout(PATIENCE, self.ended).await;
        assert!(matches!(ended, Ok(Ok(Ok(())))), "{ended:?}");
    }
}

fn machine(name: &str, folder: &tempfile::TempDir, directory: &Directory) -> LiveMachine {
    let config = LiveConfig { directory: directory.clone(), ..LiveConfig::new(folder.path().join(name)) };
    LiveMachine::new(name, config).expect("there is a runtime")
}

fn daemon(name: &str) -> Identity {
    Identity::daemon(secret(DAEMON_KEY), DaemonName::new(name).expect("plain"))
}

async fn soon<T>(host: &Host, future: impl Future<Output = T>) -> T {
    host.timeout(PATIENCE, future).await.expect("it does not take so long")
}

fn want() -> v1::AcquireJobRequest {
    let want = v1::Want { provisioner_types: vec!["scripted".to_owned()], tags: [].into() };
    v1::AcquireJobRequest { kind: Some(Kind::Want(want)) }
}

/// One AcquireJob call: what it says, and the way to say more.
struct Call {
    requests: mpsc::Sender<v1::AcquireJobRequest>,
    answers: tonic::Streaming<v1::AcquireJobResponse>,
}

impl Call {
    async fn begin(
        client: &mut ProvisionerDaemonsClient<Channel>,
        first: v1::AcquireJobRequest,
    ) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(2);
        requests.send(first).await.expect("there is room");
        let answers = client.acquire_job(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Self { requests, answers })
    }

    async fn answer(&mut self, host: &Host) -> Result<Option<v1::Job>, Status> {
        let answer = soon(host, self.answers.message()).await?;
        Ok(answer.expect("there is one answer").job)
    }
}

#[tokio::test]
async fn a_job_from_beginning_to_end() {
    let site = Site::new().await;
    let host = site.client.host();
    let mut prov = site.daemon(&host, "prov-1");
    let mut call = Call::begin(&mut prov, want()).await.expect("admitted");
    let build = site.create("dev").await;
    let job = call.answer(&host).await.expect("served").expect("a job");
    assert_eq!(job.job_id, build.job_id, "the posting woke the waiter");
    assert!(soon(&host, call.answers.message()).await.expect("served").is_none(), "one answer is all");
    drop(call);

    let text = job.job_id.clone();
    let id = text.parse().expect("the control plane writes ids");
    let request = v1::UpdateJobRequest { logs: vec![line(1, "hello")], ..update(id) };
    assert!(!soon(&host, prov.update_job(request)).await.expect("it runs").into_inner().canceled);
    let quota = v1::CommitQuotaRequest { job_id: text, daily_cost: 25 };
    assert!(soon(&host, prov.commit_quota(quota)).await.expect("it runs").into_inner().ok);
    soon(&host, prov.complete_job(success(id, b"state"))).await.expect("it runs");
    soon(&host, prov.complete_job(success(id, b"state"))).await.expect("J10");
    let late = soon(&host, prov.fail_job(failure(id, "x", None))).await.expect_err("it is over");
    assert_eq!((late.code(), late.message()), (Code::FailedPrecondition, "job already completed"));

    let build = site.get("dev").await;
    assert_eq!((build.status(), build.daily_cost), (JobStatus::Succeeded, 25));
    let logs = v1::ListBuildLogsRequest { build: by_name("dev"), after_id: 0, limit: 0 };
    let mut user = site.user("alice");
    let page = soon(&host, user.list_build_logs(logs)).await.expect("it exists").into_inner();
    assert!(page.complete && page.lines.len() == 1);
    site.stop().await;
}

#[tokio::test]
async fn a_daemon_that_no_longer_wants_a_job_gets_none() {
    let site = Site::new().await;
    let host = site.client.host();
    let mut prov = site.daemon(&host, "prov-1");
    let mut call = Call::begin(&mut prov, want()).await.expect("admitted");
    let cancel = v1::AcquireJobRequest { kind: Some(Kind::Cancel(v1::CancelAcquire {})) };
    call.requests.send(cancel).await.expect("the call is open");
    assert_eq!(call.answer(&host).await.expect("served"), None);
    site.stop().await;
}

#[tokio::test]
async fn a_job_whose_daemon_dies_before_it_says_a_word_goes_to_the_next() {
    let site = Site::new().await;
    let host = site.client.host();
    let doomed = site.machine("doomed");
    let mut first = site.daemon(&doomed.host(), "prov-1");
    let mut call = Call::begin(&mut first, want()).await.expect("admitted");
    let build = site.create("dev").await;
    assert_eq!(call.answer(&host).await.expect("served").expect("a job").job_id, build.job_id);
    assert_eq!(site.get("dev").await.status(), JobStatus::Running);
    // Its side of the call is still open when the machine goes down.
    doomed.stop().await;
    let mut second = site.daemon(&host, "prov-2");
    let mut call = Call::begin(&mut second, want()).await.expect("admitted");
    let job = call.answer(&host).await.expect("served").expect("a job");
    assert_eq!(job.job_id, build.job_id, "J11");
    site.stop().await;
}

#[tokio::test]
async fn a_daemon_that_hangs_up_after_its_first_word_keeps_its_job() {
    let site = Site::new().await;
    let host = site.client.host();
    let doomed = site.machine("doomed");
    let mut first = site.daemon(&doomed.host(), "prov-1");
    let mut call = Call::begin(&mut first, want()).await.expect("admitted");
    let build = site.create("dev").await;
    call.answer(&host).await.expect("served").expect("a job");
    let request = update(job_id(&build));
    soon(&host, first.update_job(request.clone())).await.expect("it runs");
    doomed.stop().await;
    // The same daemon on a new connection (J17). Its update is taken whichever end of the call is noticed first.
    let mut again = site.daemon(&host, "prov-1");
    soon(&host, again.update_job(request)).await.expect("it still runs");
    assert_eq!(site.get("dev").await.status(), JobStatus::Running);
    site.stop().await;
}

#[tokio::test]
async fn a_shutdown_sends_waiting_daemons_away() {
    let site = Site::new().await;
    let host = site.client.host();
    let mut prov = site.daemon(&host, "prov-1");
    let mut call = Call::begin(&mut prov, want()).await.expect("admitted");
    site.shutdown.cancel();
    let status = call.answer(&host).await.expect_err("no job will come");
    // Its own word, and not the cut at the end of the server's grace.
    let expected = (Code::Unavailable, "the control plane is stopping: try again");
    assert_eq!((status.code(), status.message()), expected, "{status:?}");
    site.stop().await;
}

#[tokio::test]
async fn waiting_for_a_job_is_for_daemons_that_say_what_they_want() {
    let site = Site::new().await;
    let host = site.client.host();
    let refused = async |identity: Identity, first: v1::AcquireJobRequest| {
        let mut client = ProvisionerDaemonsClient::new(site.channel(&host, identity)).limited();
        match Call::begin(&mut client, first).await {
            Ok(mut call) => call.answer(&host).await.expect_err("refused").code(),
            Err(status) => status.code(),
        }
    };
    let with = |kind| v1::AcquireJobRequest { kind: Some(kind) };
    assert_eq!(refused(Identity::user(secret("unknown")), want()).await, Code::Unauthenticated);
    assert_eq!(refused(Identity::user(secret("alice-token")), want()).await, Code::PermissionDenied);
    assert_eq!(refused(Identity::user(secret(DAEMON_KEY)), want()).await, Code::Unauthenticated);
    let nothing = v1::Want { provisioner_types: vec![], tags: [].into() };
    assert_eq!(refused(daemon("prov-1"), with(Kind::Want(nothing))).await, Code::InvalidArgument);
    let nameless = v1::Want { provisioner_types: vec![String::new()], tags: [].into() };
    assert_eq!(refused(daemon("prov-1"), with(Kind::Want(nameless))).await, Code::InvalidArgument);
    site.stop().await;
}

/// One end of a path over a relay.
struct End {
    chunks: mpsc::Sender<v1::RelayChunk>,
    answers: tonic::Streaming<v1::RelayChunk>,
}

impl End {
    async fn send(&self, bytes: &[u8]) {
        let kind = Some(Chunk::Data(bytes.to_vec()));
        self.chunks.send(v1::RelayChunk { kind }).await.expect("the relay reads");
    }

    /// The next bytes; none at the end.
    async fn bytes(&mut self, host: &Host) -> Result<Option<Vec<u8>>, Status> {
        Ok(match soon(host, self.answers.message()).await? {
            Some(v1::RelayChunk { kind: Some(Chunk::Data(bytes)) }) => Some(bytes),
            Some(other) => panic!("expected data, got {other:?}"),
            None => None,
        })
    }
}

/// What a call over a relay is made with: its first chunk, and where to send the others.
fn beginning(first: Chunk) -> (mpsc::Sender<v1::RelayChunk>, ReceiverStream<v1::RelayChunk>) {
    let (chunks, receiver) = mpsc::channel(1);
    chunks.try_send(v1::RelayChunk { kind: Some(first) }).expect("there is room");
    (chunks, ReceiverStream::new(receiver))
}

/// An agent that listens, and a client that visits it.
struct Relayed {
    site: Site,
    people: WorkspaceAgentsClient<Channel>,
    agents: AgentsClient<Channel>,
    listening: tonic::Streaming<v1::RelayNews>,
    agent_id: String,
    /// The client's call of coordination, kept open.
    _coordination: (mpsc::Sender<v1::CoordinateRequest>, tonic::Streaming<v1::CoordinateResponse>),
}

const PEER: &str = "00000000-0000-4000-8000-00000000c11e";

impl Relayed {
    async fn new() -> Self {
        let site = Site::with(|config| config.agents.relay = 1).await;
        let host = site.client.host();
        let mut prov = site.daemon(&host, "prov-1");
        let mut call = Call::begin(&mut prov, want()).await.expect("admitted");
        let build = site.create("dev").await;
        call.answer(&host).await.expect("served").expect("a job");
        soon(&host, prov.complete_job(made(job_id(&build), vec![agent("token-1")]))).await.expect("it runs");
        let agents = |token: &str| {
            AgentsClient::new(site.channel(&site.control.host(), Identity::user(secret(token)))).limited()
        };
        let opened = soon(&host, agents("token-1").open_session(v1::OpenSessionRequest {})).await.expect("known");
        let v1::OpenSessionResponse { session_token, agent_id } = opened.into_inner();
        let mut agents = agents(&session_token);
        let mut people =
            WorkspaceAgentsClient::new(site.channel(&host, Identity::user(secret("alice-token")))).limited();
        let listening = soon(&host, agents.listen_relay(v1::ListenRelayRequest {})).await.expect("it is let in");
        let (requests, receiver) = mpsc::channel(2);
        let introduce = coordinate_request::Kind::Introduce(v1::Introduce { peer_id: PEER.to_owned() });
        let add = coordinate_request::Kind::AddTunnel(v1::AddTunnel { agent_id: agent_id.clone() });
        for kind in [introduce, add] {
            requests.try_send(v1::CoordinateRequest { kind: Some(kind) }).expect("there is room");
        }
        let answers = soon(&host, people.coordinate_client(ReceiverStream::new(receiver))).await.expect("a person");
        let (listening, answers) = (listening.into_inner(), answers.into_inner());
        Self { site, people, agents, listening, agent_id, _coordination: (requests, answers) }
    }

    /// Both ends of a path, once the client's tunnel is there.
    async fn path(&mut self) -> (End, End) {
        let host = self.site.client.host();
        let visit = loop {
            let visit = v1::VisitAgent { peer_id: PEER.to_owned(), agent_id: self.agent_id.clone() };
            let (chunks, stream) = beginning(Chunk::Visit(visit));
            let answers = soon(&host, self.people.visit_agent(stream)).await.expect("a person").into_inner();
            let mut client = End { chunks, answers };
            let visit = async {
                loop {
                    let news = soon(&host, self.listening.message()).await.expect("it listens").expect("it goes on");
                    if let Some(relay_news::Kind::Visit(visit)) = news.kind {
                        break visit.visit_id;
                    }
                }
            };
            tokio::select! {
                biased;
                // First the refusal: the tunnel is still on its way.
                refused = client.answers.message() => assert!(refused.is_err()),
                visit = visit => break (client, visit),
            }
        };
        let (client, visit_id) = visit;
        let (chunks, stream) = beginning(Chunk::Accept(v1::AcceptVisit { visit_id }));
        let answers = soon(&host, self.agents.accept_relay_visit(stream)).await.expect("it is let in").into_inner();
        (client, End { chunks, answers })
    }
}

#[tokio::test]
async fn a_path_over_a_relay_carries_much_and_each_direction_ends_by_itself() {
    let mut relayed = Relayed::new().await;
    let host = relayed.site.client.host();
    let (client, mut agent) = relayed.path().await;
    let End { chunks, mut answers } = client;
    let sent: Vec<u8> = (0..4_u32 << 20).map(|at| (at % 251) as u8).collect();
    let all = sent.clone();
    let sending = async move {
        for chunk in all.chunks(64 << 10) {
            let kind = Some(Chunk::Data(chunk.to_vec()));
            chunks.send(v1::RelayChunk { kind }).await.expect("the relay reads");
        }
        // Dropped here, which ends this direction and no other.
    };
    let receiving = async {
        let mut received = Vec::new();
        while let Some(bytes) = agent.bytes(&host).await.expect("all is well") {
            received.extend(bytes);
        }
        received
    };
    let ((), received) = tokio::join!(sending, receiving);
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
    for answer in [b"one".as_slice(), b"two"] {
        agent.send(answer).await;
        let chunk = soon(&host, answers.message()).await.expect("all is well").expect("it goes on");
        assert_eq!(chunk.kind, Some(Chunk::Data(answer.to_vec())), "the other direction goes on");
    }
    drop(agent);
    assert_eq!(soon(&host, answers.message()).await.expect("a proper end"), None);
    relayed.site.stop().await;
}

#[tokio::test]
async fn an_end_of_a_path_over_a_relay_that_hangs_up_is_noticed_at_the_other_one() {
    let mut relayed = Relayed::new().await;
    let host = relayed.site.client.host();
    for client_goes in [true, false] {
        let (client, mut agent) = relayed.path().await;
        client.send(b"hello").await;
        assert_eq!(agent.bytes(&host).await.expect("all is well"), Some(b"hello".to_vec()));
        let (gone, mut left) = if client_goes { (client, agent) } else { (agent, client) };
        drop(gone);
        // Its direction ends, properly or not, and nobody takes what is still sent to it.
        assert!(!matches!(left.bytes(&host).await, Ok(Some(_))));
        soon(&host, left.chunks.closed()).await;
    }
    relayed.site.stop().await;
}

#[tokio::test]
async fn a_watch_that_is_hung_up_is_over_and_one_that_goes_on_is_told() {
    let site = Site::new().await;
    let host = site.client.host();
    site.create("dev").await;
    let mut people = WorkspaceAgentsClient::new(site.channel(&host, Identity::user(secret("alice-token")))).limited();
    let workspace = Some(v1::watch_connection_request::Workspace::Name("dev".to_owned()));
    let request = v1::WatchConnectionRequest { workspace, agent_name: String::new() };
    let gone = soon(&host, people.watch_connection(request.clone())).await.expect("it is hers");
    let mut watch = soon(&host, people.watch_connection(request)).await.expect("it is hers").into_inner();
    drop(gone);
    let mut prov = site.daemon(&host, "prov-1");
    let mut call = Call::begin(&mut prov, want()).await.expect("admitted");
    let job = call.answer(&host).await.expect("served").expect("a job");
    soon(&host, prov.fail_job(failure(job.job_id.parse().expect("an id"), "x", None))).await.expect("it runs");
    let mut last = None;
    while last != Some(JobStatus::Failed) {
        let news = soon(&host, watch.message()).await.expect("all is well").expect("it goes on");
        match news.kind {
            Some(connection_news::Kind::Build(build)) => last = Some(build.status()),
            other => panic!("expected a build, got {other:?}"),
        }
    }
    site.shutdown.cancel();
    let news = soon(&host, watch.message()).await.expect("its own word").expect("it is told");
    match news.kind {
        Some(connection_news::Kind::End(end)) => assert!(end.retryable),
        other => panic!("expected the end, got {other:?}"),
    }
    assert_eq!(soon(&host, watch.message()).await.expect("a proper end"), None);
    site.stop().await;
}

#[tokio::test]
async fn a_refusal_says_over_the_wire_which_field_is_wrong() {
    let site = Site::new().await;
    site.create("dev").await;
    let (host, mut alice) = (site.client.host(), site.user("alice"));
    let status = soon(&host, alice.create_workspace(new_workspace("dev", "plain"))).await.expect_err("it is taken");
    assert_eq!((status.code(), status.message()), (Code::AlreadyExists, "A workspace named \"dev\" already exists."));
    let detail = "It is taken: choose another one.".to_owned();
    let validations = vec![v1::FieldViolation { field: "name".to_owned(), detail }];
    let expected = v1::RefusalDetails { detail: String::new(), validations };
    assert_eq!(v1::RefusalDetails::of(&status), Some(expected));
    // The largest text there is, in letters of which each takes four bytes: it still fits into what an end takes of
    // headers.
    let name = "\u{1F980}".repeat(2_000);
    let status = soon(&host, alice.create_workspace(new_workspace("free", &name))).await.expect_err("no such template");
    let details = v1::RefusalDetails::of(&status).expect("they fit");
    assert_eq!((status.code(), details.validations[0].field.as_str()), (Code::NotFound, "template"));
    assert!(status.message().contains('\u{1F980}'));
    let get = v1::GetBuildRequest { build: by_name("nothing") };
    let status = soon(&host, alice.get_build(get)).await.expect_err("there is none");
    assert_eq!((status.code(), v1::RefusalDetails::of(&status)), (Code::NotFound, None));
    site.stop().await;
}
