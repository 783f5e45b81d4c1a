//! What people ask the control plane about their workspaces' agents, and who takes over a workspace.
//!
//! Two people may be needed for one question: only a workspace's owner knows it by its name, to everybody else it is
//! called by its id.

use groundhog_host::Host;
use groundhog_wire::{
    call, retryable,
    v1::{
        AgentLifecycle, AgentStatus, AgentView, Build, BuildSelector, ClaimWorkspaceRequest, GetBuildRequest,
        GetWorkspaceRequest, ListAgentsRequest, build_selector, list_agents_request::Workspace,
    },
};
use tonic::{Code, Status};

use super::{CALL_TIMEOUT, Clients, PATIENCE, RETRY_WAIT, Shared, answered, gave_up, refused, saw_agents};
use crate::scenario::{AHEAD, Action};

/// A workspace, and who asks about it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) by: String,
    pub(super) owner: String,
    pub(super) workspace: String,
    /// Its id, if it is known: what was built ahead nobody knows by its name.
    pub(super) id: Option<String>,
}

/// A question about a workspace, or the wish to take it over.
pub(super) enum Question {
    /// How are its agents?
    Agents(Asked),
    /// It is to be this person's.
    Claim(Asked, String),
}

impl Question {
    /// What a step asks, if it does.
    pub(super) fn of(action: &Action, id: Option<&String>) -> Option<Self> {
        let asked = |workspace: &String, owner: &String, by: &String| Asked {
            by: by.clone(),
            owner: owner.clone(),
            workspace: workspace.clone(),
            id: id.cloned(),
        };
        match action {
            Action::ListAgents { workspace, owner, by } => Some(Self::Agents(asked(workspace, owner, by))),
            Action::ClaimWorkspace { workspace, owner, by, person } => {
                Some(Self::Claim(asked(workspace, owner, by), person.clone()))
            }
            _ => None,
        }
    }

    /// Asks until there is an answer, or patience ends.
    pub(super) async fn ask(self, host: &Host, people: &Shared) {
        let (Self::Agents(asked) | Self::Claim(asked, _)) = &self;
        let name = match self {
            Self::Agents(_) => "list_agents",
            Self::Claim(..) => "claim_workspace",
        };
        let Some(mut circle) = Circle::of(host, people, asked) else { return };
        let until = host.now() + PATIENCE;
        let mut tried = false;
        loop {
            let answer = match &self {
                Self::Agents(asked) => circle.agents(host).await.map(|agents| saw(asked, &agents)),
                // Nobody hands over what they do not know to be there. And a creation that is asked for again after the
                // workspace has gone to somebody else would make another one of that name.
                Self::Claim(..) if people.unborn().contains(&(asked.owner.clone(), asked.workspace.clone())) => {
                    Err(Status::unavailable("its creation has not been answered"))
                }
                Self::Claim(_, person) => circle.claim(host, person).await,
            };
            match answer {
                Ok(()) => return answered(&asked.by, name),
                Err(status) if !retryable(&status) => {
                    // What an earlier try did unseen: the workspace has gone to whom it was to go to.
                    let is_done = tried && matches!(self, Self::Claim(..)) && status.code() == Code::NotFound;
                    return if is_done {
                        answered(&asked.by, name);
                    } else {
                        refused(&asked.by, name, &format!("{:?}", status.code()), status.message());
                    };
                }
                Err(status) if host.now() >= until => return gave_up(&asked.by, name, status.message()),
                Err(_) => tried = true,
            }
            host.sleep(RETRY_WAIT).await;
        }
    }
}

fn saw(asked: &Asked, agents: &[AgentView]) {
    let one = |agent: &AgentView| {
        let status = match agent.status() {
            AgentStatus::Unspecified => "unknown",
            AgentStatus::Connecting => "connecting",
            AgentStatus::Connected => "connected",
            AgentStatus::Disconnected => "disconnected",
            AgentStatus::TimedOut => "timed_out",
        };
        format!("{}={status}/{}", agent.name, lifecycle(agent.lifecycle()))
    };
    let agents: Vec<String> = agents.iter().map(one).collect();
    saw_agents(&asked.by, &asked.workspace, &agents.join(", "));
}

fn lifecycle(state: AgentLifecycle) -> &'static str {
    match state {
        AgentLifecycle::Unspecified => "unknown",
        AgentLifecycle::Created => "created",
        AgentLifecycle::Starting => "starting",
        AgentLifecycle::StartTimeout => "start_timeout",
        AgentLifecycle::StartError => "start_error",
        AgentLifecycle::Ready => "ready",
        AgentLifecycle::ShuttingDown => "shutting_down",
        AgentLifecycle::ShutdownTimeout => "shutdown_timeout",
        AgentLifecycle::ShutdownError => "shutdown_error",
        AgentLifecycle::Off => "off",
    }
}

/// Whoever it takes to ask about a workspace.
pub(super) struct Circle {
    asked: Asked,
    pub(super) asking: Clients,
    /// Who knows the workspace by its name, if that is somebody else.
    owner: Option<Clients>,
}

impl Circle {
    pub(super) fn of(host: &Host, people: &Shared, asked: &Asked) -> Option<Self> {
        let is_known = asked.owner == asked.by || asked.owner == AHEAD || asked.id.is_some();
        let owner = if is_known { None } else { Some(people.clients(host, &asked.owner)?) };
        Some(Self { asked: asked.clone(), asking: people.clients(host, &asked.by)?, owner })
    }

    /// The workspace's agents, as whoever asks is told.
    pub(super) async fn agents(&mut self, host: &Host) -> Result<Vec<AgentView>, Status> {
        let workspace = match self.owner {
            None if self.asked.owner == self.asked.by && self.asked.id.is_none() => {
                Workspace::Name(self.asked.workspace.clone())
            }
            _ => Workspace::WorkspaceId(self.workspace_id(host).await?),
        };
        let request = ListAgentsRequest { workspace: Some(workspace) };
        Ok(call(host, CALL_TIMEOUT, self.asking.agents.list_agents(request)).await?.into_inner().agents)
    }

    async fn claim(&mut self, host: &Host, person: &str) -> Result<(), Status> {
        let workspace_id = self.workspace_id(host).await?;
        let request = ClaimWorkspaceRequest { workspace_id, owner: person.to_owned(), name: String::new() };
        call(host, CALL_TIMEOUT, self.asking.workspaces.claim_workspace(request)).await.map(drop)
    }

    pub(super) async fn workspace_id(&mut self, host: &Host) -> Result<String, Status> {
        if let Some(id) = &self.asked.id {
            return Ok(id.clone());
        }
        if self.owner.is_none() && self.asked.owner != self.asked.by {
            return Err(Status::not_found(format!("there was no {} when it was asked for", self.asked.workspace)));
        }
        let build = BuildSelector { kind: Some(build_selector::Kind::Workspace(self.asked.workspace.clone())) };
        let request = GetBuildRequest { build: Some(build) };
        let owner = self.owner.as_mut().unwrap_or(&mut self.asking);
        Ok(call(host, CALL_TIMEOUT, owner.workspaces.get_build(request)).await?.into_inner().workspace_id)
    }
}

/// The latest build of the workspace with this id.
pub(super) async fn latest_build(host: &Host, clients: &mut Clients, workspace_id: &str) -> Result<Build, Status> {
    let request = GetWorkspaceRequest { workspace_id: workspace_id.to_owned(), ..GetWorkspaceRequest::default() };
    let workspace = call(host, CALL_TIMEOUT, clients.workspaces.get_workspace(request)).await?.into_inner();
    workspace.latest_build.ok_or_else(|| Status::internal("the workspace has no build"))
}
