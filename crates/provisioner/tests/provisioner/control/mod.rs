//! A control plane of a few lines: hands out what it is given, notes every call, takes whatever it is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use groundhog_host::{Address, Host};
use groundhog_wire::{
    Caller, Endpoints, Limited, Routes, ServerConfig, serve,
    v1::{
        self, AcquireJobRequest, AcquireJobResponse, CommitQuotaRequest, CommitQuotaResponse, CompleteJobRequest,
        CompleteJobResponse, FailJobRequest, FailJobResponse, Job, Transition, UpdateJobRequest, UpdateJobResponse,
        VariableValue, Want, WorkspaceBuild, acquire_job_request, job,
        provisioner_daemons_server::{ProvisionerDaemons, ProvisionerDaemonsServer},
    },
};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// The key that daemons are let in by.
pub(crate) const KEY: &str = "key-of-the-test";

/// The ids of the jobs that a test may hand out.
pub(crate) const JOBS: [&str; 2] = ["6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c", "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2d"];

/// A call that has come.
#[derive(Debug)]
pub(crate) enum Call {
    Acquire,
    CancelAcquire,
    /// The daemon has closed its side of the call after it got a job.
    Delivered,
    Update(UpdateJobRequest),
    Quota,
    Fail(FailJobRequest),
    Complete(CompleteJobRequest),
}

/// The control plane, behind two addresses.
pub(crate) struct Control {
    pub(crate) endpoints: Endpoints,
    /// Ends what is behind the first address.
    first: CancellationToken,
    shared: Arc<Shared>,
    jobs: mpsc::UnboundedSender<Job>,
    /// The ids of the jobs that were queued.
    queued: Mutex<Vec<String>>,
    calls: mpsc::UnboundedReceiver<Call>,
}

/// What the control plane does unlike itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ways {
    /// Every update is told that the job was cancelled.
    pub(crate) canceled: bool,
    /// Daemons are not let in.
    pub(crate) refuses: Option<&'static str>,
    /// Jobs are not handed out.
    pub(crate) refuses_to_acquire: Option<&'static str>,
    /// Terminal messages are not answered.
    pub(crate) ignores_terminal: bool,
    /// No job is taken as completed.
    pub(crate) refuses_to_complete: bool,
}

struct Shared {
    host: Host,
    jobs: AsyncMutex<mpsc::UnboundedReceiver<Job>>,
    calls: mpsc::UnboundedSender<Call>,
    ways: Mutex<Ways>,
    /// What was last asked for.
    want: Mutex<Want>,
}

struct Service(Arc<Shared>);

async fn listen(host: &Host, shared: &Arc<Shared>, stop: CancellationToken) -> Address {
    let listener = host.listen(0).await.expect("a port");
    let address = Address::new(host.name(), listener.port());
    let routes = Routes::new().add(ProvisionerDaemonsServer::new(Service(shared.clone())).limited());
    let server = host.clone();
    let config = ServerConfig { shutdown_grace: Duration::ZERO, ..ServerConfig::default() };
    host.spawn("control", async move { serve(&server, listener, routes, config, stop).await }).detach();
    address
}

impl Control {
    pub(crate) async fn start(host: &Host) -> Self {
        let (jobs, jobs_taken) = mpsc::unbounded_channel();
        let (calls_made, calls) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            host: host.clone(),
            jobs: AsyncMutex::new(jobs_taken),
            calls: calls_made,
            ways: Mutex::default(),
            want: Mutex::default(),
        });
        let first = CancellationToken::new();
        let address = listen(host, &shared, first.clone()).await;
        let endpoints = Endpoints::new(address, vec![listen(host, &shared, CancellationToken::new()).await]);
        Self { endpoints, first, shared, jobs, queued: Mutex::default(), calls }
    }

    /// Breaks every connection, and lets there be no more behind the first address.
    pub(crate) fn break_first(&self) {
        self.first.cancel();
    }

    /// What the last question for a job asked for.
    pub(crate) fn want(&self) -> Want {
        self.shared.want.lock().expect("nobody panics holding it").clone()
    }

    /// Changes what the control plane does.
    pub(crate) fn ways(&self, change: impl FnOnce(&mut Ways)) {
        change(&mut self.shared.ways.lock().expect("nobody panics holding it"));
    }

    /// Queues a start that plays `script`.
    pub(crate) fn deliver(&self, script: &str) {
        self.deliver_for("scripted", script);
    }

    pub(crate) fn deliver_for(&self, provisioner_type: &str, script: &str) {
        let provisioner_type = provisioner_type.to_owned();
        self.deliver_job(Job { provisioner_type, ..job(start(), script) });
    }

    /// Queues a job of this kind that plays `script`.
    pub(crate) fn deliver_kind(&self, kind: job::Kind, script: &str) {
        self.deliver_job(job(kind, script));
    }

    /// Queues a job. A second one of the same id gets another: an id is never used twice.
    pub(crate) fn deliver_job(&self, mut job: Job) {
        let mut queued = self.queued.lock().expect("no test panics while it holds this");
        if queued.contains(&job.job_id) {
            job.job_id = format!("6f8d3ea8-0f3e-4b6e-9d5c-{:012}", queued.len());
        }
        queued.push(job.job_id.clone());
        self.jobs.send(job).expect("the service is there");
    }

    pub(crate) async fn next(&mut self) -> Call {
        self.calls.recv().await.expect("the service is there")
    }

    /// Waits until the job is being applied.
    pub(crate) async fn until_apply(&mut self) {
        self.until_line("Starting workspace").await;
    }

    /// Waits until there is a line in this stage.
    pub(crate) async fn until_line(&mut self, stage: &str) {
        loop {
            match self.next().await {
                Call::Update(request) if request.logs.iter().any(|line| line.stage == stage) => return,
                Call::Update(_) | Call::Acquire | Call::Delivered => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits until the job has ended; everything that was said about it.
    pub(crate) async fn until_end(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        loop {
            match self.next().await {
                Call::Acquire | Call::Delivered => {}
                end @ (Call::Fail(_) | Call::Complete(_)) => {
                    calls.push(end);
                    return calls;
                }
                call => calls.push(call),
            }
        }
    }

    /// Waits until the job fails; with what.
    pub(crate) async fn failure(&mut self) -> String {
        self.failed().await.error
    }

    /// Waits until a job fails; which.
    pub(crate) async fn failed_job(&mut self) -> String {
        self.failed().await.job_id
    }

    /// Waits until a job fails.
    pub(crate) async fn failed(&mut self) -> FailJobRequest {
        loop {
            match self.next().await {
                Call::Fail(request) => return request,
                Call::Update(_) | Call::Acquire | Call::Delivered => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A job of this kind that plays `script`.
pub(crate) fn job(kind: job::Kind, script: &str) -> Job {
    Job {
        job_id: JOBS[0].to_owned(),
        provisioner_type: "scripted".to_owned(),
        template_source: script.as_bytes().to_vec(),
        kind: Some(kind),
        ..Job::default()
    }
}

/// A workspace's start.
pub(crate) fn start() -> job::Kind {
    job::Kind::WorkspaceBuild(WorkspaceBuild { transition: Transition::Start.into(), ..WorkspaceBuild::default() })
}

/// The lines among these calls: stage and output.
pub(crate) fn lines(calls: &[Call]) -> Vec<(&str, &str)> {
    let logs = calls.iter().flat_map(|call| match call {
        Call::Update(request) => &request.logs[..],
        _ => &[],
    });
    logs.map(|line| (line.stage.as_str(), line.output.as_str())).collect()
}

impl Service {
    fn note<T>(&self, request: Request<T>, call: impl FnOnce(T) -> Call) -> Result<(), Status> {
        self.admit(&request)?;
        let _ = self.0.calls.send(call(request.into_inner()));
        Ok(())
    }

    fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        let caller = Caller::from_metadata(request.metadata())?;
        assert_eq!((caller.token.expose(), caller.require_daemon()?.as_str()), (KEY, "prov-1"));
        self.ways().refuses.map_or(Ok(()), |why| Err(Status::unauthenticated(why)))
    }

    fn ways(&self) -> Ways {
        *self.0.ways.lock().expect("nobody panics holding it")
    }

    /// Waits for ever, if that is the control plane's way.
    async fn perhaps_ignore(&self) {
        if self.ways().ignores_terminal {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl ProvisionerDaemons for Service {
    type AcquireJobStream = tokio_stream::Once<Result<AcquireJobResponse, Status>>;

    async fn acquire_job(
        &self,
        request: Request<Streaming<AcquireJobRequest>>,
    ) -> Result<Response<Self::AcquireJobStream>, Status> {
        self.admit(&request)?;
        if let Some(why) = self.ways().refuses_to_acquire {
            return Err(Status::unauthenticated(why));
        }
        let mut requests = request.into_inner();
        let wanted = requests.message().await?;
        let Some(acquire_job_request::Kind::Want(want)) = wanted.and_then(|request| request.kind) else {
            return Err(Status::invalid_argument("the first message must say what is wanted"));
        };
        *self.0.want.lock().expect("nobody panics holding it") = want;
        let _ = self.0.calls.send(Call::Acquire);
        let job = tokio::select! {
            biased;
            // A job that is there is handed out, cancel or none, as the real control plane does.
            job = async { self.0.jobs.lock().await.recv().await } => job,
            cancel = requests.message() => {
                let kind = cancel?.and_then(|request| request.kind);
                assert!(matches!(kind, Some(acquire_job_request::Kind::Cancel(_))));
                let _ = self.0.calls.send(Call::CancelAcquire);
                None
            }
        };
        if job.is_some() {
            let calls = self.0.calls.clone();
            let watch = async move {
                // A call that is cut off instead would read as a job that did not arrive.
                assert!(matches!(requests.message().await, Ok(None)));
                let _ = calls.send(Call::Delivered);
            };
            self.0.host.spawn("delivery", watch).detach();
        }
        Ok(Response::new(tokio_stream::once(Ok(AcquireJobResponse { job }))))
    }

    async fn update_job(&self, request: Request<UpdateJobRequest>) -> Result<Response<UpdateJobResponse>, Status> {
        let declarations = request.get_ref().declarations.clone().unwrap_or_default();
        self.note(request, Call::Update)?;
        let missing: Vec<_> =
            declarations.variables.iter().filter(|it| it.required).map(|it| it.name.as_str()).collect();
        if !missing.is_empty() {
            let why = format!("required template variables need values: {}", missing.join(", "));
            return Err(Status::invalid_argument(why));
        }
        let value = |it: v1::TemplateVariable| VariableValue {
            name: it.name,
            value: it.default_value,
            sensitive: it.sensitive,
        };
        let variable_values = declarations.variables.into_iter().map(value).collect();
        Ok(Response::new(UpdateJobResponse { canceled: self.ways().canceled, variable_values }))
    }

    async fn commit_quota(
        &self,
        request: Request<CommitQuotaRequest>,
    ) -> Result<Response<CommitQuotaResponse>, Status> {
        let ok = request.get_ref().daily_cost < 20;
        self.note(request, |_| Call::Quota)?;
        Ok(Response::new(CommitQuotaResponse { ok, credits_consumed: 0, budget: 20 }))
    }

    async fn fail_job(&self, request: Request<FailJobRequest>) -> Result<Response<FailJobResponse>, Status> {
        self.note(request, Call::Fail)?;
        self.perhaps_ignore().await;
        Ok(Response::new(FailJobResponse {}))
    }

    async fn complete_job(
        &self,
        request: Request<CompleteJobRequest>,
    ) -> Result<Response<CompleteJobResponse>, Status> {
        self.note(request, Call::Complete)?;
        self.perhaps_ignore().await;
        if self.ways().refuses_to_complete {
            return Err(Status::internal("no"));
        }
        Ok(Response::new(CompleteJobResponse {}))
    }
}
