//! The service in which people look at jobs of any kind, end them, and follow their logs.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use groundhog_host::Host;
use groundhog_wire::{
    Caller,
    v1::{self, jobs_server::Jobs},
};
use tokio::{select, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    config::Config,
    events,
    followers::{Follower, Followers},
    identity,
    operations::{cancel, follow},
    refusal::CallError,
    rpc::answer_user,
    store::{Store, Tx, users::User},
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
    type FollowLogsStream = Pages;

    async fn get_job(&self, request: Request<v1::GetJobRequest>) -> Result<Response<v1::JobView>, Status> {
        let work = |tx: &Tx<'_>, user: &User| follow::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetJob", request.metadata(), work).await.map(Response::new)
    }

    async fn cancel_job(&self, request: Request<v1::CancelJobRequest>) -> Result<Response<v1::JobView>, Status> {
        let work = |tx: &Tx<'_>, user: &User| cancel::cancel_job(tx, user, request.get_ref());
        answer_user(&self.store, "CancelJob", request.metadata(), work).await.map(Response::new)
    }

    async fn follow_logs(&self, request: Request<v1::FollowLogsRequest>) -> Result<Response<Pages>, Status> {
        let work =
            |tx: &Tx<'_>, user: &User| Ok((user.name.clone(), follow::select(tx, user, &request.get_ref().job_id)?.id));
        let (name, job) = answer_user(&self.store, "FollowLogs", request.metadata(), work).await?;
        let Some(follower) = self.followers.join(job, self.config.logs.followers_max) else {
            return Err(Status::unavailable("too many logs are followed: try again"));
        };
        let caller = Caller::from_metadata(request.metadata())?;
        // One page at a time: who reads slowly is not read ahead for.
        let (pages, receiver) = mpsc::channel(1);
        let task = Following { service: self.clone(), caller, name, follower, pages, request: request.into_inner() };
        self.host.spawn("follow a log", task.run()).detach();
        Ok(Response::new(Pages { pages: receiver }))
    }
}

/// The answer to one FollowLogs call.
#[derive(Debug)]
pub struct Pages {
    pages: mpsc::Receiver<Result<v1::FollowLogsResponse, Status>>,
}

impl Stream for Pages {
    type Item = Result<v1::FollowLogsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pages.poll_recv(context)
    }
}

/// One FollowLogs call of somebody who may see the job.
struct Following {
    service: JobsService,
    caller: Caller,
    /// The caller's.
    name: String,
    follower: Follower,
    pages: mpsc::Sender<Result<v1::FollowLogsResponse, Status>>,
    request: v1::FollowLogsRequest,
}

impl Following {
    async fn run(mut self) {
        let shutdown = self.service.shutdown.clone();
        let stopping = || Err(Status::unavailable("the control plane is stopping: try again"));
        loop {
            let page = self.page().await;
            let last = page.as_ref().map_or(true, |page| page.end_of_logs);
            let more = page.as_ref().is_ok_and(|page| !page.lines.is_empty());
            if last || more {
                let pages = self.pages.clone();
                let told = select! {
                    biased;
                    // First who reads; a hang-up ends this too.
                    told = pages.send(page) => told.is_ok(),
                    () = shutdown.cancelled() => false,
                };
                if last || !told {
                    return;
                }
                // There may be another page already.
                continue;
            }
            select! {
                biased;
                // First the hang-up and the shutdown, after which nobody is told anything more.
                () = self.pages.closed() => return,
                () = shutdown.cancelled() => {
                    // If there is no room, the follower has not read the last page and will see the stream end.
                    let _ = self.pages.try_send(stopping());
                    return;
                }
                () = self.follower.heard() => {}
                () = self.service.host.sleep(self.service.config.logs.follow_poll) => {}
            }
        }
    }

    /// The next page. Who calls is looked up anew: a follower whose session has expired is told no more.
    async fn page(&mut self) -> Result<v1::FollowLogsResponse, Status> {
        let v1::FollowLogsRequest { job_id, after_id } = &self.request;
        let limits = &self.service.config.logs;
        let page = self.service.store.transact("follow a log", |tx| {
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
