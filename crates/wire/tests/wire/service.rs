//! A control plane of a few lines, which does what the job's id asks for, and how tests start and call it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use groundhog_host::{Address, Host};
use groundhog_wire::{
    Caller, Channel, ChannelConfig, DaemonName, Identity, Limited, MESSAGE_BYTES_MAX, Routes, Secret, ServerConfig,
    serve,
    v1::{
        AcquireJobRequest, AcquireJobResponse, CommitQuotaRequest, CommitQuotaResponse, CompleteJobRequest,
        CompleteJobResponse, FailJobRequest, FailJobResponse, Job, UpdateJobRequest, UpdateJobResponse,
        acquire_job_request::Kind,
        provisioner_daemons_client::ProvisionerDaemonsClient,
        provisioner_daemons_server::{ProvisionerDaemons, ProvisionerDaemonsServer},
    },
};
use tokio::sync::{Notify, watch};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::world::{World, soon};

pub(crate) const KEY: &str = "correct-horse";

pub(crate) type Client = ProvisionerDaemonsClient<Channel>;

/// What tests see of the service, and steer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk {
    /// Answers the calls that wait.
    pub(crate) bell: Arc<Notify>,
    /// How many calls wait for the bell now.
    pub(crate) waiting: watch::Sender<usize>,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Desk {
    pub(crate) async fn waiting(&self, count: usize) {
        soon(self.waiting.subscribe().wait_for(|waiting| *waiting == count)).await.expect("the sender is in the desk");
    }

    async fn wait(&self) {
        struct Leave<'a>(&'a watch::Sender<usize>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.send_modify(|waiting| *waiting -= 1);
            }
        }
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _leave = Leave(&self.waiting);
        self.bell.notified().await;
    }
}

#[tonic::async_trait]
impl ProvisionerDaemons for Desk {
    type AcquireJobStream = Pin<Box<dyn Stream<Item = Result<AcquireJobResponse, Status>> + Send>>;

    async fn acquire_job(
        &self,
        request: Request<Streaming<AcquireJobRequest>>,
    ) -> Result<Response<Self::AcquireJobStream>, Status> {
        Caller::from_metadata(request.metadata())?.require_daemon()?;
        let answers = request.into_inner().map(|message| {
            let job = match message?.kind {
                Some(Kind::Want(want)) => Some(Job { job_id: want.provisioner_types.join("+"), ..Job::default() }),
                Some(Kind::Cancel(_)) => None,
                None => return Err(Status::invalid_argument("neither want nor cancel")),
            };
            Ok(AcquireJobResponse { job })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn update_job(&self, request: Request<UpdateJobRequest>) -> Result<Response<UpdateJobResponse>, Status> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let caller = Caller::from_metadata(request.metadata())?;
        if caller.token != Secret::new(KEY).expect("a legal token") {
            return Err(Status::unauthenticated("unknown key"));
        }
        match request.into_inner().job_id.as_str() {
            "wait" => self.wait().await,
            "precondition" => return Err(Status::failed_precondition("the job is not yours")),
            "unavailable" => return Err(Status::unavailable("the database is away")),
            _ => {}
        }
        Ok(Response::new(UpdateJobResponse { canceled: caller.daemon.is_some(), ..UpdateJobResponse::default() }))
    }

    async fn commit_quota(&self, _: Request<CommitQuotaRequest>) -> Result<Response<CommitQuotaResponse>, Status> {
        Err(Status::unimplemented("no quota here"))
    }

    async fn fail_job(&self, _: Request<FailJobRequest>) -> Result<Response<FailJobResponse>, Status> {
        Ok(Response::new(FailJobResponse {}))
    }

    async fn complete_job(&self, _: Request<CompleteJobRequest>) -> Result<Response<CompleteJobResponse>, Status> {
        Ok(Response::new(CompleteJobResponse {}))
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) desk: Desk,
    pub(crate) shutdown: CancellationToken,
    pub(crate) ended: CancellationToken,
}

pub(crate) fn address() -> Address {
    Address::new("server", 443)
}

/// Starts the service at [`address`].
pub(crate) async fn start(world: &Arc<World>, config: ServerConfig) -> Server {
    start_on(&world.host("server"), address().port, config).await.0
}

/// Starts the service on `host`. Tells the port.
pub(crate) async fn start_on(host: &Host, port: u16, config: ServerConfig) -> (Server, u16) {
    let desk = Desk::default();
    let (shutdown, ended) = (CancellationToken::new(), CancellationToken::new());
    let listener = host.listen(port).await.expect("the port is free");
    let port = listener.port();
    let routes = Routes::new().add(ProvisionerDaemonsServer::new(desk.clone()).limited());
    let (stop, end, on) = (shutdown.clone(), ended.clone().drop_guard(), host.clone());
    let task = async move {
        let _end = end;
        serve(&on, listener, routes, config, stop).await;
    };
    host.spawn("serve", task).detach();
    (Server { desk, shutdown, ended }, port)
}

pub(crate) fn identity() -> Identity {
    let key = Secret::new(KEY).expect("a legal token");
    Identity::daemon(key, DaemonName::new("worker-1").expect("a legal name"))
}

pub(crate) fn channel(world: &Arc<World>, config: ChannelConfig) -> Channel {
    Channel::new(&world.host("client"), address(), identity(), config)
}

pub(crate) fn client(channel: &Channel) -> Client {
    Client::new(channel.clone()).limited()
}

/// A call whose job id tells the service what to do.
pub(crate) async fn update(channel: &Channel, job_id: &str) -> Result<UpdateJobResponse, Status> {
    let request = UpdateJobRequest { job_id: job_id.to_owned(), logs: Vec::new(), ..UpdateJobRequest::default() };
    soon(client(channel).update_job(request)).await.map(Response::into_inner)
}

/// A job id that makes the message larger than allowed.
pub(crate) fn too_large() -> String {
    "x".repeat(MESSAGE_BYTES_MAX + 1)
}
