//! The service that provisioner daemons call.

use std::sync::Arc;

use groundhog_host::Host;
use groundhog_wire::{
    Caller,
    v1::{self, provisioner_daemons_server::ProvisionerDaemons},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use crate::{
    acquirer::Acquirer,
    config::Config,
    delivery::{Answers, Delivery},
    events, heartbeat, identity,
    metrics::Metrics,
    operations::{finish, quota, update},
    refusal::CallError,
    rpc::answer,
    store::{Store, Tx, daemons::Worker},
};

/// The service that provisioner daemons call. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct DaemonsService {
    host: Host,
    store: Store,
    acquirer: Acquirer,
    metrics: Metrics,
    config: Arc<Config>,
    shutdown: CancellationToken,
}

impl DaemonsService {
    /// A service over `store` that measures into `metrics`, and whose waiting calls end with `shutdown`.
    pub fn new(
        host: &Host,
        store: Store,
        acquirer: Acquirer,
        metrics: Metrics,
        config: Arc<Config>,
        shutdown: CancellationToken,
    ) -> Self {
        Self { host: host.clone(), store, acquirer, metrics, config, shutdown }
    }

    /// Answers a call; `job` is the one that it is about, as the caller wrote it.
    async fn answer<T>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        job: Option<&str>,
        work: impl FnOnce(&Tx<'_>, &Worker) -> Result<T, CallError>,
    ) -> Result<T, Status> {
        answer(&self.store, method, Caller::from_metadata(metadata), |tx, caller, name| {
            let worker = match job {
                Some(job) => identity::worker_of(tx, caller, job, name)?,
                None => identity::worker(tx, caller, name)?,
            };
            work(tx, &worker)
        })
        .await
    }
}

#[tonic::async_trait]
impl ProvisionerDaemons for DaemonsService {
    type AcquireJobStream = Answers;

    async fn acquire_job(
        &self,
        request: Request<Streaming<v1::AcquireJobRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let worker = self.answer("AcquireJob", request.metadata(), None, |_, worker| Ok(worker.clone())).await?;
        let beats = heartbeat::run(self.host.clone(), self.store.clone(), worker.clone(), self.config.daemons.clone());
        let (delivery, answers) =
            Delivery::new(self.acquirer.clone(), worker, request.into_inner(), self.shutdown.clone());
        // A task of its own, because it outlives the answer: it watches whether the job arrives.
        self.host.spawn("deliver a job", delivery.run(beats)).detach();
        Ok(Response::new(answers))
    }

    async fn update_job(
        &self,
        request: Request<v1::UpdateJobRequest>,
    ) -> Result<Response<v1::UpdateJobResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let limits = &self.config.logs;
        let job = message.job_id.clone();
        let work =
            |tx: &Tx<'_>, worker: &Worker| Ok((worker.name.clone(), update::update(tx, worker, message, limits)?));
        let (name, updated) = self.answer("UpdateJob", &metadata, Some(&job), work).await?;
        updated.map(Response::new).map_err(|refusal| {
            events::rpc_refused("UpdateJob", &name, &refusal.to_string());
            CallError::from(refusal).into()
        })
    }

    async fn commit_quota(
        &self,
        request: Request<v1::CommitQuotaRequest>,
    ) -> Result<Response<v1::CommitQuotaResponse>, Status> {
        let work = |tx: &Tx<'_>, worker: &Worker| quota::commit(tx, worker, request.get_ref());
        self.answer("CommitQuota", request.metadata(), Some(&request.get_ref().job_id), work).await.map(Response::new)
    }

    async fn fail_job(&self, request: Request<v1::FailJobRequest>) -> Result<Response<v1::FailJobResponse>, Status> {
        let work = |tx: &Tx<'_>, worker: &Worker| finish::fail(tx, worker, request.get_ref());
        self.answer("FailJob", request.metadata(), Some(&request.get_ref().job_id), work).await.map(Response::new)
    }

    async fn complete_job(
        &self,
        request: Request<v1::CompleteJobRequest>,
    ) -> Result<Response<v1::CompleteJobResponse>, Status> {
        let (external_auth, metrics) = (&self.config.external_auth, &self.metrics);
        let work =
            |tx: &Tx<'_>, worker: &Worker| finish::complete(tx, worker, request.get_ref(), external_auth, metrics);
        self.answer("CompleteJob", request.metadata(), Some(&request.get_ref().job_id), work).await.map(Response::new)
    }
}
