//! The watch of a workspace: what the control plane tells, over as many calls as it takes (T2).

use std::time::Duration;

use groundhog_host::{Backoff, Host, event::Id};
use groundhog_wire::{
    Channel, Limited, call,
    v1::{
        ConnectionNews, WatchConnectionRequest, watch_connection_request,
        workspace_agents_client::WorkspaceAgentsClient,
    },
};
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

use crate::{
    config::{TunnelConfig, Workspace},
    ending::Ending,
    events,
    message::Message,
    news::{self, News},
};

/// The waits between two calls: T2.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// A call that has told something, and has lasted so long, resets the waits. Not a shorter one: a control plane that
/// tells a little and then fails, each time, must not be asked without a pause.
const STEADY: Duration = Duration::from_secs(10);

/// How long the control plane has to take a call. What it tells then comes when there is something; that it is still
/// there, the channel's keep-alive tells.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How a call ended.
enum End {
    /// Another one may go better.
    Again(String),
    /// No other one would.
    Over(String),
    /// The tunnel has ended.
    Unheard,
}

/// Follows a workspace until the tunnel has ended, or the control plane will not tell any more.
pub(crate) struct Watch {
    pub(crate) host: Host,
    pub(crate) tunnel: Id,
    pub(crate) channel: Channel,
    pub(crate) request: WatchConnectionRequest,
    pub(crate) queue: mpsc::Sender<Message>,
    /// Whether nothing was told since a call ended.
    pub(crate) is_lost: bool,
}

impl Watch {
    /// Its life. A watch that is over is a signal to the tunnel.
    pub(crate) async fn run(mut self) {
        let mut random = self.host.random("tunnel-watch");
        let mut backoff = BACKOFF;
        loop {
            self.host.sleep(backoff.next_wait_drawn(&mut random)).await;
            let begun = self.host.now();
            let end = self.once().await;
            if !self.is_lost && self.host.now() - begun >= STEADY {
                backoff.reset();
            }
            match end {
                End::Again(why) => {
                    if !self.is_lost {
                        events::watch_lost(self.tunnel, &why);
                    }
                    self.is_lost = true;
                }
                End::Over(why) => {
                    // A tunnel that has ended does not mind.
                    let _ = self.queue.send(Message::Signal(Ending::WatchOver(why))).await;
                    return;
                }
                End::Unheard => return,
            }
        }
    }

    /// One call, from its begin to its end.
    async fn once(&mut self) -> End {
        let mut client = WorkspaceAgentsClient::new(self.channel.clone()).limited();
        let mut stream: Streaming<ConnectionNews> =
            match call(&self.host, CALL_TIMEOUT, client.watch_connection(self.request.clone())).await {
                Ok(response) => response.into_inner(),
                Err(status) => return end(&status),
            };
        loop {
            let message = match stream.message().await {
                Ok(Some(message)) => message,
                Ok(None) => return End::Again("the control plane ended the watch".to_owned()),
                Err(status) => return end(&status),
            };
            let message = match news::read(message) {
                Ok(News::Build(build)) => Message::Build(build),
                Ok(News::Agent(agent)) => Message::Agent(agent),
                Ok(News::End(news::End { why, retryable: true })) => return End::Again(why),
                Ok(News::End(news::End { why, retryable: false })) => return End::Over(why),
                Err(error) => return End::Over(error.to_string()),
            };
            if std::mem::take(&mut self.is_lost) {
                events::watch_back(self.tunnel);
            }
            if self.queue.send(message).await.is_err() {
                return End::Unheard;
            }
        }
    }
}

/// What to ask.
pub(crate) fn request(config: &TunnelConfig) -> WatchConnectionRequest {
    let workspace = match &config.workspace {
        Workspace::Name(name) => watch_connection_request::Workspace::Name(name.clone()),
        Workspace::Id(id) => watch_connection_request::Workspace::WorkspaceId(id.to_string()),
    };
    WatchConnectionRequest { workspace: Some(workspace), agent_name: config.agent_name.clone() }
}

/// Whether another call may go better than one that ended with this status. Only what the control plane would say again
/// to the same request is the end: a tunnel that is up must not go down for anything that passes.
fn end(status: &Status) -> End {
    let why = if status.message().is_empty() { status.code().to_string() } else { status.message().to_owned() };
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::Unimplemented => End::Over(why),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => End::Again(why),
    }
}
