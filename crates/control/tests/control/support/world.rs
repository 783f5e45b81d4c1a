//! A database with people, templates and daemons in it, and a store over it on a machine of the test's own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use groundhog_control::{
    AcquireConfig, Config, DaemonKeySetup, Database, GroupSetup, Setup, Store, StoreConfig, TemplateSetup, UserSetup,
    acquirer::Acquirer,
    identity,
    operations::{
        acquire::{self, Acquired, Want},
        cancel, finish, quota, reap, update, view, workspace,
    },
    refusal::{CallError, Refusal},
    store::{Tx, daemons::Worker, jobs, users::User},
    tags::Tags,
};
use groundhog_host::{Host, Random};
use groundhog_wire::{
    Caller, DaemonName, Secret,
    id::JobId,
    v1::{self, build_selector::Kind},
};
use tonic::Code;

use super::{machine::TestMachine, record::Record};

pub(crate) const JOB_BYTES_MAX: usize = 1_000_000;
pub(crate) const DAEMON_KEY: &str = "daemon-key";

pub(crate) struct World {
    pub(crate) machine: Arc<TestMachine>,
    pub(crate) host: Host,
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) record: Record,
    pub(crate) config: Config,
}

/// alice may spend 100 credits (60 and 40 by two groups), bob has no limit. "plain" asks nothing of a daemon,
/// "gpu" asks for one with gpu=yes, "huge" is larger than a message may be.
pub(crate) fn setup() -> Setup {
    let user = |name: &str| UserSetup { name: name.to_owned(), token: secret(&format!("{name}-token")) };
    let group = |name: &str, budget| GroupSetup { name: name.to_owned(), budget, members: vec!["alice".to_owned()] };
    let template = |name: &str, source: Vec<u8>, tags: &[(&str, &str)]| TemplateSetup {
        name: name.to_owned(),
        version: "v1".to_owned(),
        provisioner_type: "scripted".to_owned(),
        source,
        tags: map(tags),
    };
    Setup {
        users: vec![user("alice"), user("bob")],
        groups: vec![group("devs", 60), group("ops", 40)],
        templates: vec![
            template("plain", b"source of plain".to_vec(), &[]),
            template("gpu", b"source of gpu".to_vec(), &[("gpu", "yes")]),
            template("huge", vec![7; JOB_BYTES_MAX], &[]),
        ],
        daemon_keys: vec![DaemonKeySetup { name: "shared".to_owned(), key: secret(DAEMON_KEY) }],
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_store(StoreConfig::default())
    }

    pub(crate) fn with_store(config: StoreConfig) -> Self {
        let database = Database::in_memory().expect("a database in memory needs nothing");
        database.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("the setup is sound");
        let (machine, host) = TestMachine::new();
        let store = Store::new(&host, database.clone(), config);
        Self { machine, host, database, store, record: Record::start(), config: Config::default() }
    }

    pub(crate) fn acquirer(&self, config: AcquireConfig) -> Acquirer {
        Acquirer::new(&self.host, self.store.clone(), config, JOB_BYTES_MAX)
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.machine.advance(duration);
    }

    pub(crate) fn tx<T>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, CallError>) -> Result<T, CallError> {
        self.machine.block_on(self.store.transact("test", work))
    }

    /// What `work` makes of a person's call.
    pub(crate) fn by_user<T>(
        &self,
        name: &str,
        work: impl FnOnce(&Tx<'_>, &User) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let caller = Caller { token: secret(&format!("{name}-token")), daemon: None };
        self.tx(|tx| work(tx, &identity::user(tx, &caller)?))
    }

    /// What `work` makes of a daemon's call.
    pub(crate) fn by_daemon<T>(
        &self,
        name: &str,
        work: impl FnOnce(&Tx<'_>, &Worker) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.tx(|tx| work(tx, &identity::worker(tx, &daemon(name))?))
    }

    pub(crate) fn create(&self, user: &str, name: &str, template: &str) -> Result<v1::Build, CallError> {
        let request = v1::CreateWorkspaceRequest { name: name.to_owned(), template: template.to_owned() };
        self.by_user(user, |tx, user| workspace::create_workspace(tx, user, &request)).map(|queued| queued.build)
    }

    pub(crate) fn build(&self, user: &str, name: &str, transition: v1::Transition) -> Result<v1::Build, CallError> {
        let request = v1::CreateBuildRequest { workspace: name.to_owned(), transition: transition.into() };
        self.by_user(user, |tx, user| workspace::create_build(tx, user, &request)).map(|queued| queued.build)
    }

    /// A person's view of the workspace's latest build.
    pub(crate) fn latest(&self, user: &str, name: &str) -> v1::Build {
        self.by_user(user, |tx, user| view::build(tx, &view::latest_build(tx, user, name)?)).expect("it exists")
    }

    pub(crate) fn log(&self, user: &str, name: &str) -> Vec<v1::LogLine> {
        let request = v1::ListBuildLogsRequest { build: by_name(name), after_id: 0, limit: 0 };
        let limits = &self.config.logs;
        let page = self.by_user(user, |tx, user| view::log(tx, user, &request, limits)).expect("it exists");
        page.lines.into_iter().filter_map(|line| line.line).collect()
    }

    pub(crate) fn acquire(&self, daemon: &str) -> Option<Acquired> {
        self.acquire_with(daemon, &want(&[]))
    }

    pub(crate) fn acquire_with(&self, daemon: &str, want: &Want) -> Option<Acquired> {
        self.by_daemon(daemon, |tx, worker| Ok(acquire::next(tx, worker, want, JOB_BYTES_MAX)?))
            .expect("the database works")
    }

    /// Creates a workspace and has `daemon` take its build.
    pub(crate) fn running(&self, user: &str, name: &str, daemon: &str) -> JobId {
        let build = self.create(user, name, "plain").expect("the name is free");
        let acquired = self.acquire(daemon).expect("there is a job");
        assert_eq!(acquired.job, job_id(&build), "another job was waiting");
        acquired.job
    }

    pub(crate) fn job(&self, job: JobId) -> jobs::Job {
        self.tx(|tx| Ok(jobs::by_id(tx, job)?)).expect("the database works").expect("the job exists")
    }

    pub(crate) fn update(&self, daemon: &str, job: JobId, logs: Vec<v1::LogLine>) -> Result<bool, CallError> {
        let request = v1::UpdateJobRequest { job_id: job.to_string(), logs };
        let limits = &self.config.logs;
        self.by_daemon(daemon, |tx, worker| update::update(tx, worker, request, limits)).map(|answer| answer.canceled)
    }

    pub(crate) fn commit(
        &self,
        daemon: &str,
        job: JobId,
        daily_cost: i32,
    ) -> Result<v1::CommitQuotaResponse, CallError> {
        let request = v1::CommitQuotaRequest { job_id: job.to_string(), daily_cost };
        self.by_daemon(daemon, |tx, worker| quota::commit(tx, worker, &request))
    }

    pub(crate) fn fail(&self, daemon: &str, request: &v1::FailJobRequest) -> Result<(), CallError> {
        self.by_daemon(daemon, |tx, worker| finish::fail(tx, worker, request)).map(drop)
    }

    pub(crate) fn complete(&self, daemon: &str, request: &v1::CompleteJobRequest) -> Result<(), CallError> {
        self.by_daemon(daemon, |tx, worker| finish::complete(tx, worker, request)).map(drop)
    }

    pub(crate) fn cancel(&self, user: &str, name: &str, expect: v1::JobStatus) -> Result<v1::Build, CallError> {
        let request = v1::CancelBuildRequest { build: by_name(name), expect_status: expect.into() };
        self.by_user(user, |tx, user| cancel::cancel(tx, user, &request))
    }

    pub(crate) fn reap(&self, job: JobId) -> bool {
        let config = &self.config.reaper;
        self.tx(|tx| Ok(reap::reap(tx, job, config)?)).expect("the database works")
    }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a test's tokens are plain")
}

pub(crate) fn daemon(name: &str) -> Caller {
    let name = DaemonName::new(name).expect("a test's names are plain");
    Caller { token: secret(DAEMON_KEY), daemon: Some(name) }
}

pub(crate) fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn want(tags: &[(&str, &str)]) -> Want {
    let tags = Tags::for_daemon(&map(tags)).expect("a test's tags are short");
    Want { provisioner_types: ["scripted".to_owned()].into(), tags }
}

pub(crate) fn by_name(workspace: &str) -> Option<v1::BuildSelector> {
    Some(v1::BuildSelector { kind: Some(Kind::Workspace(workspace.to_owned())) })
}

pub(crate) fn job_id(build: &v1::Build) -> JobId {
    build.job_id.parse().expect("the control plane writes ids")
}

pub(crate) fn failure(job: JobId, error: &str, state: Option<&[u8]>) -> v1::FailJobRequest {
    let build = v1::FailedWorkspaceBuild { state: state.map(<[u8]>::to_vec) };
    v1::FailJobRequest {
        job_id: job.to_string(),
        error: error.to_owned(),
        error_code: String::new(),
        kind: Some(v1::fail_job_request::Kind::WorkspaceBuild(build)),
    }
}

pub(crate) fn success(job: JobId, state: &[u8]) -> v1::CompleteJobRequest {
    let resources = vec![v1::Resource { name: "vm".to_owned(), r#type: "machine".to_owned(), daily_cost: 3 }];
    let build = v1::CompletedWorkspaceBuild { state: state.to_vec(), resources };
    v1::CompleteJobRequest {
        job_id: job.to_string(),
        kind: Some(v1::complete_job_request::Kind::WorkspaceBuild(build)),
    }
}

pub(crate) fn line(sequence: u64, output: &str) -> v1::LogLine {
    v1::LogLine {
        sequence,
        source: v1::LogSource::Provisioner.into(),
        level: v1::LogLevel::Info.into(),
        created_at_ms: 5,
        stage: "Planning infrastructure".to_owned(),
        output: output.to_owned(),
    }
}

/// That `result` is a refusal with this code and text.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: Result<T, CallError>, code: Code, text: &str) {
    match result {
        Err(CallError::Refused(refusal)) => {
            let refusal: Refusal = refusal;
            assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, text));
        }
        other => panic!("expected the refusal {text:?}, got {other:?}"),
    }
}
