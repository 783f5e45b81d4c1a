//! A control plane of a few lines: hands out what it is given, notes every call, takes whatever it is told.

use std::sync::{Arc, Mutex, OnceLock};

use groundhog_host::{Address, Host};
use groundhog_wire::{
    Caller, Limited, Routes, ServerConfig, serve,
    v1::{
        AcquireJobRequest, AcquireJobResponse, CommitQuotaRequest, CommitQuotaResponse, CompleteJobRequest,
        CompleteJobResponse, FailJobRequest, FailJobResponse, Job, Transition, UpdateJobRequest, UpdateJobResponse,
        WorkspaceBuild, acquire_job_request, job,
        provisioner_daemons_server::{ProvisionerDaemons, ProvisionerDaemonsServer},
    },
};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

/// The key that daemons are let in by.
pub(crate) const KEY: &str = "key-of-the-test";

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

pub(crate) struct Control {
    pub(crate) address: Address,
    pub(crate) job_id: String,
    shared: Arc<Shared>,
    jobs: mpsc::UnboundedSender<Job>,
    calls: mpsc::UnboundedReceiver<Call>,
}

struct Shared {
    host: Host,
    jobs: AsyncMutex<mpsc::UnboundedReceiver<Job>>,
    calls: mpsc::UnboundedSender<Call>,
    canceled: Mutex<bool>,
    refusal: OnceLock<&'static str>,
}

struct Service(Arc<Shared>);

impl Control {
    pub(crate) async fn start(host: &Host) -> Self {
        let (jobs, jobs_taken) = mpsc::unbounded_channel();
        let (calls_made, calls) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            host: host.clone(),
            jobs: AsyncMutex::new(jobs_taken),
            calls: calls_made,
            canceled: Mutex::new(false),
            refusal: OnceLock::new(),
        });
        let listener = host.listen(0).await.expect("a port");
        let address = Address::new(host.name(), listener.port());
        let routes = Routes::new().add(ProvisionerDaemonsServer::new(Service(shared.clone())).limited());
        let server = host.clone();
        host.spawn("control", async move {
            serve(&server, listener, routes, ServerConfig::default(), CancellationToken::new()).await;
        })
        .detach();
        let job_id = "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c".to_owned();
        Self { address, job_id, shared, jobs, calls }
    }

    /// Queues a start that plays `script`.
    pub(crate) fn deliver(&self, script: &str) {
        self.deliver_for("scripted", script);
    }

    pub(crate) fn deliver_for(&self, provisioner_type: &str, script: &str) {
        let build = WorkspaceBuild { transition: Transition::Start.into(), ..WorkspaceBuild::default() };
        let job = Job {
            job_id: self.job_id.clone(),
            provisioner_type: provisioner_type.to_owned(),
            template_source: script.as_bytes().to_vec(),
            kind: Some(job::Kind::WorkspaceBuild(build)),
            ..Job::default()
        };
        self.jobs.send(job).expect("the service is there");
    }

    /// From now on every update is told that the job was cancelled.
    pub(crate) fn cancel(&self) {
        *self.shared.canceled.lock().expect("nobody panics holding it") = true;
    }

    /// Daemons are not let in any more.
    pub(crate) fn refuse(&self, why: &'static str) {
        self.shared.refusal.set(why).expect("refused once");
    }

    pub(crate) async fn next(&mut self) -> Call {
        self.calls.recv().await.expect("the service is there")
    }

    /// Waits until the job is being applied.
    pub(crate) async fn until_apply(&mut self) {
        loop {
            match self.next().await {
                Call::Update(request) if request.logs.iter().any(|line| line.stage == "Starting workspace") => return,
                Call::Update(_) | Call::Acquire | Call::Delivered => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits until the job fails; with what.
    pub(crate) async fn failure(&mut self) -> String {
        loop {
            match self.next().await {
                Call::Fail(request) => return request.error,
                Call::Update(_) | Call::Acquire | Call::Delivered => {}
                other => panic!("{other:?}"),
            }
        }
    }
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
        self.0.refusal.get().map_or(Ok(()), |why| Err(Status::unauthenticated(*why)))
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
        let mut requests = request.into_inner();
        let wanted = requests.message().await?;
        assert!(matches!(wanted, Some(AcquireJobRequest { kind: Some(acquire_job_request::Kind::Want(_)) })));
        let _ = self.0.calls.send(Call::Acquire);
        let mut jobs = self.0.jobs.lock().await;
        let job = tokio::select! {
            biased;
            // A job that is there is handed out, cancel or none, as the real control plane does.
            job = jobs.recv() => job,
            cancel = requests.message() => {
                assert!(matches!(cancel?, Some(AcquireJobRequest { kind: Some(acquire_job_request::Kind::Cancel(_)) })));
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
        self.note(request, Call::Update)?;
        let canceled = *self.0.canceled.lock().expect("nobody panics holding it");
        Ok(Response::new(UpdateJobResponse { canceled }))
    }

    async fn commit_quota(
        &self,
        request: Request<CommitQuotaRequest>,
    ) -> Result<Response<CommitQuotaResponse>, Status> {
        self.note(request, |_| Call::Quota)?;
        Ok(Response::new(CommitQuotaResponse { ok: true, credits_consumed: 0, budget: -1 }))
    }

    async fn fail_job(&self, request: Request<FailJobRequest>) -> Result<Response<FailJobResponse>, Status> {
        self.note(request, Call::Fail)?;
        Ok(Response::new(FailJobResponse {}))
    }

    async fn complete_job(
        &self,
        request: Request<CompleteJobRequest>,
    ) -> Result<Response<CompleteJobResponse>, Status> {
        self.note(request, Call::Complete)?;
        Ok(Response::new(CompleteJobResponse {}))
    }
}
