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
        self, JobStatus, acquire_job_request::Kind, provisioner_daemons_client::ProvisionerDaemonsClient,
        workspaces_client::WorkspacesClient,
    },
};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::support::world::{
    DAEMON_KEY, by_name, failure, job_id, line, new_workspace, secret, setup, success, update,
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
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = Directory::new();
        let control = machine("control", &folder, &directory);
        let client = machine("client", &folder, &directory);
        let host = control.host();
        let database = Database::in_memory().expect("a database in memory needs nothing");
        database.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("the setup is sound");
        // Any free port: asked for, and given back at once.
        let port = host.listen(0).await.expect("a port is free").port();
        let config = Config { port, ..Config::default() };
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
