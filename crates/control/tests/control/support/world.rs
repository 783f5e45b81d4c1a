//! A database with people, templates and daemons in it, and a store over it on a machine of the test's own.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use groundhog_control::{
    AcquireConfig, Config, DaemonKeySetup, Database, GroupSetup, Role, Setup, Store, StoreConfig, TemplateSetup,
    UserSetup,
    acquirer::Acquirer,
    identity,
    metrics::Metrics,
    operations::{
        acquire::{self, Acquired, Terms, Want},
        administration, cancel,
        create::{self, Creation},
        dry_run, finish, quota, reap, update, version, view, workspace,
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

use super::{
    machine::{START_MS, TestMachine},
    record::Record,
};

pub(crate) const JOB_BYTES_MAX: usize = 1_000_000;
pub(crate) const TERMS: Terms =
    Terms { job_bytes_max: JOB_BYTES_MAX, session_lifetime: Duration::from_secs(24 * 3600) };
pub(crate) const DAEMON_KEY: &str = "daemon-key";

pub(crate) struct World {
    pub(crate) machine: Arc<TestMachine>,
    pub(crate) host: Host,
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) record: Record,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
}

/// alice may spend 100 credits (60 and 40 by two groups), bob has no limit. "plain" asks nothing of a daemon,
/// "gpu" asks for one with gpu=yes, "huge" is larger than a message may be. root is an administrator, tess one of templates, late's session
/// has expired, ahead is the account that builds ahead.
pub(crate) fn setup() -> Setup {
    let user = |name: &str, role| UserSetup {
        name: name.to_owned(),
        token: secret(&format!("{name}-token")),
        role,
        token_expires_at_ms: None,
    };
    let late = UserSetup { token_expires_at_ms: Some(START_MS), ..user("late", Role::Admin) };
    let group = |name: &str, budget| GroupSetup {
        name: name.to_owned(),
        budget,
        members: vec!["alice".to_owned()],
        ..GroupSetup::default()
    };
    let template = |name: &str, source: Vec<u8>, tags: &[(&str, &str)]| TemplateSetup {
        name: name.to_owned(),
        version: "v1".to_owned(),
        provisioner_type: "scripted".to_owned(),
        source,
        tags: map(tags),
        ..TemplateSetup::default()
    };
    Setup {
        users: vec![
            user("alice", Role::Member),
            user("bob", Role::Member),
            user("root", Role::Admin),
            user("tess", Role::TemplateAdmin),
            user("ahead", Role::Prebuilds),
            late,
        ],
        groups: vec![group("devs", 60), group("ops", 40)],
        templates: vec![
            template("plain", b"source of plain".to_vec(), &[]),
            template("gpu", b"source of gpu".to_vec(), &[("gpu", "yes")]),
            template("huge", vec![7; JOB_BYTES_MAX], &[]),
        ],
        daemon_keys: vec![DaemonKeySetup { name: "shared".to_owned(), key: secret(DAEMON_KEY) }],
        ..Setup::default()
    }
}

/// The file that a world's database is in, which is gone with this.
pub(crate) struct DatabaseFile {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl DatabaseFile {
    /// Another process that uses it.
    pub(crate) fn connect(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(&self.path).expect("it is there")
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
        Self {
            machine,
            host,
            database,
            store,
            record: Record::start(),
            config: Config::default(),
            metrics: Metrics::default(),
        }
    }

    /// A world over a file, so that a test can get at what is in it.
    pub(crate) fn in_file() -> (Self, DatabaseFile) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("control.db");
        let database = Database::open(&path).expect("it can be made");
        database.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("sound");
        let world = Self::new();
        let store = Store::new(&world.host, database.clone(), StoreConfig::default());
        (Self { database, store, ..world }, DatabaseFile { path, _folder: folder })
    }

    pub(crate) fn acquirer(&self, config: AcquireConfig) -> Acquirer {
        Acquirer::new(&self.host, self.store.clone(), config, TERMS)
    }

    /// What `work` makes of this world by way of another store over its database.
    pub(crate) fn through<T>(&mut self, store: &Store, work: impl FnOnce(&Self) -> T) -> T {
        let own = std::mem::replace(&mut self.store, store.clone());
        let output = work(self);
        self.store = own;
        output
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
        self.tx(|tx| work(tx, &identity::worker(tx, &daemon(name), &mut String::new())?))
    }

    /// What `work` makes of a daemon's call about a job.
    pub(crate) fn with_job<T>(
        &self,
        name: &str,
        job: JobId,
        work: impl FnOnce(&Tx<'_>, &Worker) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.tx(|tx| work(tx, &identity::worker_of(tx, &daemon(name), &job.to_string(), &mut String::new())?))
    }

    pub(crate) fn create(&self, user: &str, name: &str, template: &str) -> Result<v1::Build, CallError> {
        self.create_with(user, &new_workspace(name, template))
    }

    /// What the service does about a request for a workspace.
    pub(crate) fn create_with(&self, user: &str, request: &v1::CreateWorkspaceRequest) -> Result<v1::Build, CallError> {
        let inactive_after = self.config.agents.inactive_after;
        match self.by_user(user, |tx, user| create::workspace(tx, user, request, inactive_after))? {
            Creation::Queued(build) => Ok(*build),
            Creation::Candidates(candidates) => {
                self.by_user(user, |tx, user| create::from_candidates(tx, user, request, inactive_after, &candidates))
            }
        }
    }

    pub(crate) fn build(&self, user: &str, name: &str, transition: v1::Transition) -> Result<v1::Build, CallError> {
        let request = new_build(name, transition);
        self.by_user(user, |tx, user| workspace::create_build(tx, user, &request, &self.config.daemons))
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
        self.by_daemon(daemon, |tx, worker| acquire::next(tx, worker, want, &TERMS)).expect("the database works")
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
        let request = v1::UpdateJobRequest { logs, ..update(job) };
        self.update_with(daemon, request).map(|answer| answer.canceled)
    }

    pub(crate) fn update_with(
        &self,
        daemon: &str,
        request: v1::UpdateJobRequest,
    ) -> Result<v1::UpdateJobResponse, CallError> {
        let limits = &self.config.logs;
        Ok(self.by_daemon(daemon, |tx, worker| update::update(tx, worker, request, limits))??)
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
        let auth = &self.config.external_auth;
        self.by_daemon(daemon, |tx, worker| finish::complete(tx, worker, request, auth, &self.metrics)).map(drop)
    }

    pub(crate) fn cancel(&self, user: &str, name: &str, expect: v1::JobStatus) -> Result<v1::Build, CallError> {
        let request = v1::CancelBuildRequest { build: by_name(name), expect_status: expect.into() };
        self.by_user(user, |tx, user| cancel::cancel_build(tx, user, &request))
    }

    pub(crate) fn create_version(
        &self,
        user: &str,
        request: &v1::CreateVersionRequest,
    ) -> Result<v1::TemplateVersion, CallError> {
        self.by_user(user, |tx, user| version::create(tx, user, request))
    }

    /// Adds a version, and imports it as a daemon would that finds nothing in it.
    pub(crate) fn import(&self, request: &v1::CreateVersionRequest) -> v1::TemplateVersion {
        self.create_version("root", request).expect("an administrator may");
        let job = self.acquire("importer").expect("it waits").job;
        self.complete("importer", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
        self.version(&request.template, &request.version)
    }

    pub(crate) fn version(&self, template: &str, version: &str) -> v1::TemplateVersion {
        let request = v1::GetVersionRequest { version: version_of(template, version) };
        self.by_user("alice", |tx, user| version::get(tx, user, &request)).expect("it exists")
    }

    pub(crate) fn dry_run(&self, user: &str, template: &str) -> Result<v1::DryRun, CallError> {
        let version = version_of(template, "");
        let request = v1::CreateDryRunRequest { version, ..v1::CreateDryRunRequest::default() };
        self.by_user(user, |tx, user| dry_run::create(tx, user, &request))
    }

    pub(crate) fn cancel_job(&self, user: &str, job: JobId, expect: v1::JobStatus) -> Result<v1::JobView, CallError> {
        let request = v1::CancelJobRequest { job_id: job.to_string(), expect_status: expect.into() };
        self.by_user(user, |tx, user| cancel::cancel_job(tx, user, &request))
    }

    pub(crate) fn delete_key(&self, key: &str) {
        let request = v1::DeleteDaemonKeyRequest { key: key.to_owned() };
        self.by_user("root", |tx, user| administration::delete_key(tx, user, &request)).expect("it exists");
    }

    pub(crate) fn audit(&self) -> Vec<v1::AuditEntry> {
        let request = v1::ListAuditEntriesRequest::default();
        self.by_user("root", |tx, _| administration::list(tx, &request)).expect("the database works").entries
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

pub(crate) fn version_of(template: &str, version: &str) -> Option<v1::VersionSelector> {
    Some(v1::VersionSelector { template: template.to_owned(), version: version.to_owned() })
}

pub(crate) fn by_name(workspace: &str) -> Option<v1::BuildSelector> {
    Some(v1::BuildSelector { kind: Some(Kind::Workspace(workspace.to_owned())) })
}

pub(crate) fn new_version(template: &str, version: &str) -> v1::CreateVersionRequest {
    v1::CreateVersionRequest {
        template: template.to_owned(),
        version: version.to_owned(),
        provisioner_type: "scripted".to_owned(),
        source: format!("source of {template} {version}").into_bytes(),
        ..v1::CreateVersionRequest::default()
    }
}

pub(crate) fn imported(job: JobId, found: v1::CompletedTemplateImport) -> v1::CompleteJobRequest {
    let kind = Some(v1::complete_job_request::Kind::TemplateImport(found));
    v1::CompleteJobRequest { job_id: job.to_string(), kind }
}

pub(crate) fn tried(job: JobId, found: v1::CompletedTemplateDryRun) -> v1::CompleteJobRequest {
    let kind = Some(v1::complete_job_request::Kind::TemplateDryRun(found));
    v1::CompleteJobRequest { job_id: job.to_string(), kind }
}

/// The token by which the workspace that a job builds calls as its owner.
pub(crate) fn session_token(job: &v1::Job) -> String {
    match &job.kind {
        Some(v1::job::Kind::WorkspaceBuild(build)) => build.owner_session_token.clone(),
        other => panic!("expected a build, got {other:?}"),
    }
}

pub(crate) fn job_id(build: &v1::Build) -> JobId {
    build.job_id.parse().expect("the control plane writes ids")
}

pub(crate) fn new_workspace(name: &str, template: &str) -> v1::CreateWorkspaceRequest {
    let (name, template) = (name.to_owned(), template.to_owned());
    v1::CreateWorkspaceRequest { name, template, ..v1::CreateWorkspaceRequest::default() }
}

pub(crate) fn new_build(workspace: &str, transition: v1::Transition) -> v1::CreateBuildRequest {
    let (workspace, transition) = (workspace.to_owned(), transition.into());
    v1::CreateBuildRequest { workspace, transition, ..v1::CreateBuildRequest::default() }
}

pub(crate) fn update(job: JobId) -> v1::UpdateJobRequest {
    v1::UpdateJobRequest { job_id: job.to_string(), ..v1::UpdateJobRequest::default() }
}

pub(crate) fn resource(name: &str, agents: &[&str]) -> v1::Resource {
    let agents = agents.iter().map(|name| v1::Agent { name: (*name).to_owned(), ..v1::Agent::default() }).collect();
    v1::Resource { name: name.to_owned(), r#type: "machine".to_owned(), daily_cost: 3, agents }
}

pub(crate) fn failure(job: JobId, error: &str, state: Option<&[u8]>) -> v1::FailJobRequest {
    let build = v1::FailedWorkspaceBuild { state: state.map(<[u8]>::to_vec), timings: vec![] };
    v1::FailJobRequest {
        job_id: job.to_string(),
        error: error.to_owned(),
        error_code: String::new(),
        kind: Some(v1::fail_job_request::Kind::WorkspaceBuild(build)),
    }
}

pub(crate) fn success(job: JobId, state: &[u8]) -> v1::CompleteJobRequest {
    let build = v1::CompletedWorkspaceBuild {
        state: state.to_vec(),
        resources: vec![resource("vm", &[])],
        ..v1::CompletedWorkspaceBuild::default()
    };
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
