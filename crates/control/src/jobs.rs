//! The service in which people look at jobs of any kind, end them, and follow their logs.

use std::sync::Arc;

use groundhog_host::Host;
use groundhog_wire::{
    Caller,
    v1::{self, jobs_server::Jobs},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    config::Config,
    events,
    followers::Followers,
    identity,
    messages::Messages,
    operations::{cancel, follow},
    refusal::CallError,
    rpc::answer_user,
    store::{Store, Tx, users::User},
    watch::{Look, Seen, Watch},
};

/// The service in which people look at jobs. Each call is one transaction, which begins by finding out who calls; a
/// log that is followed is one for each page.
#[derive(Clone, Debug)]
pub struct JobsService {
    host: Host,
    store: Store,
    followers: Followers,
    config: Arc<Config>,
    shutdown: CancellationToken,
}

impl JobsService {
    /// A service over `store` whose followers are among `followers`, and end with `shutdown`.
    pub fn new(
        host: &Host,
        store: Store,
        followers: Followers,
        config: Arc<Config>,
        shutdown: CancellationToken,
    ) -> Self {
        Self { host: host.clone(), store, followers, config, shutdown }
    }
}

#[tonic::async_trait]
impl Jobs for JobsService {
    type FollowLogsStream = Messages<v1::FollowLogsResponse>;

    async fn get_job(&self, request: Request<v1::GetJobRequest>) -> Result<Response<v1::JobView>, Status> {
        let work = |tx: &Tx<'_>, user: &User| follow::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetJob", request.metadata(), work).await.map(Response::new)
    }

    async fn cancel_job(&self, request: Request<v1::CancelJobRequest>) -> Result<Response<v1::JobView>, Status> {
        let work = |tx: &Tx<'_>, user: &User| cancel::cancel_job(tx, user, request.get_ref());
        answer_user(&self.store, "CancelJob", request.metadata(), work).await.map(Response::new)
    }

    async fn follow_logs(
        &self,
        request: Request<v1::FollowLogsRequest>,
    ) -> Result<Response<Self::FollowLogsStream>, Status> {
        let work =
            |tx: &Tx<'_>, user: &User| Ok((user.name.clone(), follow::select(tx, user, &request.get_ref().job_id)?.id));
        let (name, job) = answer_user(&self.store, "FollowLogs", request.metadata(), work).await?;
        let Some(follower) = self.followers.join(job, self.config.logs.followers_max) else {
            return Err(Status::unavailable("too many logs are followed: try again"));
        };
        let caller = Caller::from_metadata(request.metadata())?;
        let (messages, answer) = Messages::new();
        let (store, config) = (self.store.clone(), self.config.clone());
        let poll = Some(config.logs.follow_poll);
        let look = Following { store, config, caller, name, request: request.into_inner() };
        let (host, shutdown) = (self.host.clone(), self.shutdown.clone());
        let watch = Watch { host, look, follower, messages, poll, shutdown };
        self.host.spawn("follow a log", watch.run()).detach();
        Ok(Response::new(answer))
    }
}

/// One FollowLogs call of somebody who may see the job.
struct Following {
    store: Store,
    config: Arc<Config>,
    caller: Caller,
    /// The caller's.
    name: String,
    request: v1::FollowLogsRequest,
}

impl Look for Following {
    type Message = v1::FollowLogsResponse;

    async fn look(&mut self) -> Seen<v1::FollowLogsResponse> {
        match self.page().await {
            Err(status) => Seen::End(status),
            Ok(page) if page.end_of_logs => Seen::Last(page),
            Ok(page) if page.lines.is_empty() => Seen::Nothing,
            Ok(page) => Seen::More(page),
        }
    }
}

impl Following {
    /// The next page. Who calls is looked up anew: a follower whose session has expired is told no more.
    async fn page(&mut self) -> Result<v1::FollowLogsResponse, Status> {
        let v1::FollowLogsRequest { job_id, after_id } = &self.request;
        let limits = &self.config.logs;
        let page = self.store.transact("follow a log", |tx| {
            let user = identity::user(tx, &self.caller)?;
            follow::page(tx, &user, job_id, *after_id, limits)
        });
        let page = page.await.map_err(|error: CallError| {
            match &error {
                CallError::Refused(refusal) => events::rpc_refused("FollowLogs", &self.name, &refusal.to_string()),
                CallError::Store(error) => tracing::warn!(%error, "a follower met a database failure"),
            }
            Status::from(error)
        })?;
        if let Some(line) = page.lines.last() {
            self.request.after_id = line.id;
        }
        Ok(page)
    }
}
