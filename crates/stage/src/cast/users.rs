//! The people. They all act from one host, each with a session of their own.
//!
//! A person whose call gets no answer tries again, as people do; what an earlier try did is then no surprise to
//! them. A refusal is an answer: it is told, and that is that.

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Host;
use groundhog_sim::World;
use groundhog_wire::{
    Channel, ChannelConfig, Identity, Limited, Secret, call, retryable,
    v1::{
        BuildSelector, CancelBuildRequest, CreateBuildRequest, CreateWorkspaceRequest, JobStatus, Transition,
        build_selector, workspaces_client::WorkspacesClient,
    },
};
use tonic::{Code, Status};

use super::{Secrets, control};
use crate::scenario::{self, Action, ExpectStatus, USERS as HOST};

groundhog_host::events! {
    /// What people tell.
    pub EVENTS;

    /// The control plane refused what a person asked for.
    log refused = "user.refused" {
        /// Who asked.
        by: &str,
        /// What was called: create_workspace, build_workspace or cancel_build.
        call: &str,
        /// The gRPC code of the refusal.
        code: &str,
        /// The reason that was given.
        error: &str,
    }

    /// A person got no answer for so long that they stopped asking.
    log gave_up = "user.gave_up" {
        /// Who asked.
        by: &str,
        /// What was called.
        call: &str,
        /// What the last try met.
        error: &str,
    }

    /// A call of a person's was answered.
    quiet answered = "user.answered" {
        /// Who asked.
        by: &str,
        /// What was called.
        call: &str,
    }
}

/// How long a person waits for one answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a person waits before asking again.
const RETRY_WAIT: Duration = Duration::from_secs(5);

/// How long a person goes on asking: longer than the faults of any story that is meant to be survived.
const PATIENCE: Duration = Duration::from_mins(30);

/// Everybody who can act.
#[derive(Clone)]
pub(crate) struct People {
    tokens: BTreeMap<String, Secret>,
}

pub(crate) fn cast(world: &mut World, secrets: &Secrets) -> People {
    world.host(HOST, |_| std::future::pending());
    People { tokens: secrets.users.clone() }
}

impl People {
    /// Has a person do what a step says, from the users' host. Steps that are none of theirs do nothing.
    pub(crate) fn act(&self, host: &Host, action: &Action) {
        let Some(request) = Request::of(action) else { return };
        let Some(token) = self.tokens.get(&request.by).cloned() else { return };
        let asking = host.clone();
        host.spawn("step", async move { request.make(&asking, token).await }).detach();
    }
}

/// A call that a person makes.
struct Request {
    by: String,
    call: Call,
}

enum Call {
    CreateWorkspace(CreateWorkspaceRequest),
    CreateBuild(CreateBuildRequest),
    CancelBuild(CancelBuildRequest),
}

impl Request {
    fn of(action: &Action) -> Option<Self> {
        let (by, call) = match action {
            Action::CreateWorkspace { name, owner, template } => {
                let request = CreateWorkspaceRequest {
                    name: name.clone(),
                    template: template.clone(),
                    ..CreateWorkspaceRequest::default()
                };
                (owner, Call::CreateWorkspace(request))
            }
            Action::BuildWorkspace { workspace, owner, transition } => {
                let transition = match transition {
                    scenario::Transition::Start => Transition::Start,
                    scenario::Transition::Stop => Transition::Stop,
                    scenario::Transition::Destroy => Transition::Destroy,
                };
                let request = CreateBuildRequest {
                    workspace: workspace.clone(),
                    transition: transition.into(),
                    ..CreateBuildRequest::default()
                };
                (owner, Call::CreateBuild(request))
            }
            Action::CancelBuild { workspace, owner: _, by, expect_status } => {
                let expected = match expect_status {
                    None => JobStatus::Unspecified,
                    Some(ExpectStatus::Pending) => JobStatus::Pending,
                    Some(ExpectStatus::Running) => JobStatus::Running,
                };
                let build = BuildSelector { kind: Some(build_selector::Kind::Workspace(workspace.clone())) };
                let request = CancelBuildRequest { build: Some(build), expect_status: expected.into() };
                (by, Call::CancelBuild(request))
            }
            Action::ShutdownProvisioner { .. } => return None,
        };
        Some(Self { by: by.clone(), call })
    }

    fn name(&self) -> &'static str {
        match self.call {
            Call::CreateWorkspace(_) => "create_workspace",
            Call::CreateBuild(_) => "build_workspace",
            Call::CancelBuild(_) => "cancel_build",
        }
    }

    async fn make(self, host: &Host, token: Secret) {
        let channel = Channel::new(host, control::address(), Identity::user(token), ChannelConfig::default());
        let mut client = WorkspacesClient::new(channel).limited();
        let until = host.now() + PATIENCE;
        let mut tried = false;
        loop {
            match call(host, CALL_TIMEOUT, self.once(&mut client)).await {
                Ok(()) => return answered(&self.by, self.name()),
                Err(status) if !retryable(&status) => {
                    // What an earlier try did unseen is what was asked for.
                    return if tried && self.is_done(&status) {
                        answered(&self.by, self.name());
                    } else {
                        refused(&self.by, self.name(), &format!("{:?}", status.code()), status.message());
                    };
                }
                Err(status) if host.now() >= until => return gave_up(&self.by, self.name(), status.message()),
                Err(_) => tried = true,
            }
            host.sleep(RETRY_WAIT).await;
        }
    }

    async fn once(&self, client: &mut WorkspacesClient<Channel>) -> Result<(), Status> {
        match &self.call {
            Call::CreateWorkspace(request) => client.create_workspace(request.clone()).await.map(drop),
            Call::CreateBuild(request) => client.create_build(request.clone()).await.map(drop),
            Call::CancelBuild(request) => client.cancel_build(request.clone()).await.map(drop),
        }
    }

    /// Whether a refusal says that what is asked for has been done.
    fn is_done(&self, status: &Status) -> bool {
        match self.call {
            Call::CreateWorkspace(_) => status.code() == Code::AlreadyExists,
            // The build that is in the way, or the cancel that came before, is one's own.
            Call::CreateBuild(_) | Call::CancelBuild(_) => status.code() == Code::FailedPrecondition,
        }
    }
}
