//! How a tunnel asks for a start of its workspace.

use std::{fmt, time::Duration};

use groundhog_host::{Backoff, Host};
use groundhog_wire::{
    Channel, Limited, call,
    id::WorkspaceId,
    retryable,
    v1::{CreateBuildRequest, Transition, workspaces_client::WorkspacesClient},
};
use tonic::{Code, Status};

/// How long the control plane has for one answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// For how long a request that got no answer is sent again. A control plane that is
/// restarted is back long before.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The waits between two tries.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// What came of asking for a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// A build was queued.
    Queued {
        /// Its number.
        build: u32,
    },
    /// There is a newer build than the one that was asked about, and nothing was queued.
    AnotherBuild,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued { build } => write!(f, "build {build}"),
            Self::AnotherBuild => f.write_str("another build is there"),
        }
    }
}

/// Starts workspaces. A trait, because a person's tool may have questions to ask before it does.
#[tonic::async_trait]
pub trait WorkspaceStarter: Send + Sync {
    /// Asks for a start of `workspace`, which was stopped by build `after`. Asked again about the same build, it must
    /// not start the workspace twice. An error says that nothing comes of it. Dropped when the tunnel ends.
    async fn start_workspace(&self, workspace: WorkspaceId, after: u32) -> Result<Answer, Status>;
}

/// Asks the control plane, again and again until it has answered.
#[derive(Clone)]
pub struct ControlStarter {
    host: Host,
    channel: Channel,
}

impl ControlStarter {
    /// One that asks over `channel`.
    pub fn new(host: &Host, channel: Channel) -> Self {
        Self { host: host.clone(), channel }
    }

    async fn ask(&self, workspace: WorkspaceId, after: u32) -> Result<Answer, Status> {
        let request = CreateBuildRequest {
            workspace_id: workspace.to_string(),
            transition: Transition::Start.into(),
            after_build: after,
            ..CreateBuildRequest::default()
        };
        let mut client = WorkspacesClient::new(self.channel.clone()).limited();
        match call(&self.host, CALL_TIMEOUT, client.create_build(request)).await {
            Ok(build) => Ok(Answer::Queued { build: build.into_inner().number }),
            Err(status) if status.code() == Code::Aborted => Ok(Answer::AnotherBuild),
            Err(status) => Err(status),
        }
    }
}

#[tonic::async_trait]
impl WorkspaceStarter for ControlStarter {
    async fn start_workspace(&self, workspace: WorkspaceId, after: u32) -> Result<Answer, Status> {
        let give_up = self.host.now() + PATIENCE;
        let mut random = self.host.random("start-workspace");
        let mut backoff = BACKOFF;
        loop {
            self.host.sleep(backoff.next_wait_drawn(&mut random)).await;
            match self.ask(workspace, after).await {
                // A request whose answer was lost may have been carried out: then the next one is told of another build.
                Err(status) if retryable(&status) && self.host.now() < give_up => {}
                answer => return answer,
            }
        }
    }
}

impl fmt::Debug for ControlStarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlStarter").field("host", &self.host).finish_non_exhaustive()
    }
}
