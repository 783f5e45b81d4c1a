//! A control plane of a few lines: it tells what a test wants it to, and notes what it is asked.

use std::sync::{Arc, Mutex, MutexGuard};

use groundhog_host::{Host, Listener};
use groundhog_wire::{
    Caller, Limited, Routes, ServerConfig, serve,
    v1::{
        chats_server::ChatsServer, templates_server::TemplatesServer, workspace_agents_server::WorkspaceAgentsServer,
        workspaces_server::WorkspacesServer,
    },
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::state::State;

pub(crate) const PORT: u16 = 443;

/// The one person's token.
pub(crate) const TOKEN: &str = "token-of-alice";

/// What the one person asks; nobody else is let in.
pub(super) fn open<T>(request: Request<T>) -> Result<T, Status> {
    match Caller::from_metadata(request.metadata())?.token.expose() {
        TOKEN => Ok(request.into_inner()),
        _ => Err(Status::unauthenticated("the token is not valid")),
    }
}

/// The control plane. It remembers everything over its restarts.
#[derive(Clone)]
pub(crate) struct Control {
    state: Arc<Mutex<State>>,
}

impl Default for Control {
    fn default() -> Self {
        Self { state: Arc::new(Mutex::new(State::new())) }
    }
}

impl Control {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Its life on a host.
    pub(crate) async fn run(self, host: Host) {
        let listener = host.listen(PORT).await.expect("the port is free");
        self.serve(host, listener).await;
    }

    /// The same, where somebody listens already.
    pub(crate) async fn serve(self, host: Host, listener: Listener) {
        let service = Service { control: self, host: host.clone() };
        let routes = Routes::new()
            .add(ChatsServer::new(service.clone()).limited())
            .add(WorkspacesServer::new(service.clone()).limited())
            .add(TemplatesServer::new(service.clone()).limited())
            .add(WorkspaceAgentsServer::new(service).limited());
        serve(&host, listener, routes, ServerConfig::default(), CancellationToken::new()).await;
    }
}

/// Answers its calls.
#[derive(Clone)]
pub(super) struct Service {
    control: Control,
    host: Host,
}

impl Service {
    /// Answers a call with what `work` makes of the state, unless it is to go otherwise.
    pub(super) async fn answer<T>(
        &self,
        call: &'static str,
        work: impl FnOnce(&mut State) -> Result<T, Status>,
    ) -> Result<Response<T>, Status> {
        let (answer, hangs) = {
            let mut state = self.control.state();
            state.advance(self.host.wall().as_millisecond());
            state.calls.push(call);
            if let Some(status) = state.refuses.get(call) {
                return Err(status.clone());
            }
            if let Some(status) = state.fails.get_mut(call).and_then(std::collections::VecDeque::pop_front) {
                return Err(status);
            }
            let answer = work(&mut state);
            if let Some(left) = state.loses_answers.get_mut(call).filter(|left| **left > 0) {
                *left -= 1;
                return Err(Status::unavailable("the answer is lost"));
            }
            (answer, state.hangs.contains(call))
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        answer.map(Response::new)
    }
}

/// What tools don't ask for.
pub(super) fn unasked<T>() -> Result<T, Status> {
    Err(Status::unimplemented("no tool asks for this"))
}
