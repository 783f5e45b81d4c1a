//! A control plane's services, called in memory by the generated clients.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use groundhog_control::{
    AcquireConfig, Config, Store, followers::Followers, metrics::Metrics, notices, server::routes,
};
use groundhog_wire::{
    Routes,
    v1::{
        agents_client::AgentsClient, chats_client::ChatsClient, workspace_agents_client::WorkspaceAgentsClient,
        workspaces_client::WorkspacesClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, Streaming, body::Body};
use tower_service::Service;

use super::World;

/// A control plane over a world's database.
pub(crate) struct Replica {
    pub(crate) followers: Followers,
    pub(crate) stop: CancellationToken,
    routes: Routes,
}

/// Its services, as a client calls them.
#[derive(Clone)]
pub(crate) struct Local(Routes);

impl Service<http::Request<Body>> for Local {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let routes = self.0.clone();
        Box::pin(async move { Ok(routes.call(request).await) })
    }
}

impl Replica {
    pub(crate) fn new(world: &World, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let host = &world.host;
        let store = Store::new(host, world.database.clone(), config.store);
        let (followers, stop) = (Followers::new(), CancellationToken::new());
        let following = followers.clone();
        store.listen(move |heard| following.hear(heard));
        let waiting = followers.clone();
        let mailbox = store.open_mailbox(config.notices.queue_max, move |notice| waiting.wait_for(notice));
        let hearing = notices::run(host.clone(), store.clone(), mailbox, config.notices.clone(), stop.clone());
        host.spawn("notices", hearing).detach();
        let acquirer = world.acquirer(AcquireConfig::default());
        let routes = routes(host, &store, &acquirer, &followers, &Metrics::default(), config, &stop);
        Self { followers, stop, routes }
    }

    pub(crate) fn agents(&self) -> AgentsClient<Local> {
        AgentsClient::new(Local(self.routes.clone()))
    }

    pub(crate) fn workspaces(&self) -> WorkspacesClient<Local> {
        WorkspacesClient::new(Local(self.routes.clone()))
    }

    pub(crate) fn chats(&self) -> ChatsClient<Local> {
        ChatsClient::new(Local(self.routes.clone()))
    }

    pub(crate) fn people(&self) -> WorkspaceAgentsClient<Local> {
        WorkspaceAgentsClient::new(Local(self.routes.clone()))
    }
}

/// A call with this token.
pub(crate) fn by<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("plain"));
    request
}

/// The requests of a call that is a stream, and where to send them.
pub(crate) fn requests<T>() -> (mpsc::Sender<T>, ReceiverStream<T>) {
    let (sender, receiver) = mpsc::channel(16);
    (sender, ReceiverStream::new(receiver))
}

impl World {
    /// The next message of an answer, if it comes without time passing: none if it does not, or at the end.
    pub(crate) fn next<T>(&self, answer: &mut Streaming<T>) -> Option<Result<T, Status>> {
        self.machine.settle();
        let mut next = std::pin::pin!(answer.next());
        match next.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(message) => message,
            Poll::Pending => None,
        }
    }

    /// Whether an answer ends without an error, its messages so far aside.
    pub(crate) fn is_over<T>(&self, answer: &mut Streaming<T>) -> bool {
        loop {
            self.machine.settle();
            let mut next = std::pin::pin!(answer.next());
            match next.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
                Poll::Ready(None) => return true,
            }
        }
    }
}
