//! What a chat has, and what create_workspace makes of it.
//!
//! [`decide`] is a function of what was read so far, and says what else is to be read. A workspace is replaced only if what
//! was read proves that it is dead (C1); what can't be read, or contradicts itself, proves nothing.

use groundhog_wire::{
    id::{AgentId, BuildId, WorkspaceId},
    v1::{self, AgentStatus, JobStatus, Transition},
};
use tonic::{Code, Status};

use crate::{agents, build, refusal};

/// What was read of a chat and its workspace.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The chat.
    pub chat: &'a v1::Chat,
    /// Its workspace, if that was read.
    pub workspace: Option<&'a v1::Workspace>,
    /// The agents of the workspace's latest build, or why they could not be read, if that was tried.
    pub agents: Option<Result<&'a [v1::AgentView], &'a Status>>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Existing {
    /// Read the workspace, and decide then.
    ReadWorkspace(WorkspaceId),
    /// Read the agents of its latest build, and decide then.
    ReadAgents(WorkspaceId),
    /// A build came in between: read everything anew.
    LookAnew,
    /// Create a workspace.
    Create(Vacancy),
    /// A start is under way: wait for this build, and answer with what comes of it.
    WaitForStart(BuildId),
    /// A stop or a destroy is under way: wait for this build, and read everything anew.
    WaitForEnd(BuildId),
    /// It is stopped.
    Stopped,
    /// It runs, and this agent is connected.
    Connected(AgentId),
    /// It runs, and this agent has yet to connect.
    Connecting(AgentId),
    /// It runs, and only this agent itself can say whether it is there. If it does not answer that is no proof that the
    /// workspace is dead (C1).
    Ping(AgentId),
    /// What is there can't be told, and why.
    Unknown(String),
}

/// A chat can be given a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Vacancy {
    /// What of it there is: none, deleted, failed, canceled, disconnected, timed_out, no_agent.
    pub state: &'static str,
    /// What it has and is dead, as the control plane is to be told.
    pub replaces: Option<v1::DeadWorkspace>,
}

impl Existing {
    /// The state for `tool.found`; none if more has to be read.
    pub const fn state(&self) -> Option<&'static str> {
        match self {
            Self::ReadWorkspace(_) | Self::ReadAgents(_) | Self::LookAnew => None,
            Self::Create(vacancy) => Some(vacancy.state),
            Self::WaitForStart(_) | Self::WaitForEnd(_) => Some("building"),
            Self::Stopped => Some("stopped"),
            Self::Connected(_) => Some("connected"),
            Self::Connecting(_) => Some("connecting"),
            Self::Ping(_) | Self::Unknown(_) => Some("unknown"),
        }
    }
}

/// A workspace's latest build, with its fields read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The build.
    pub build: BuildId,
    /// Counts the workspace's builds from 1.
    pub number: u32,
    /// What it does.
    pub transition: Transition,
    /// How far it is.
    pub status: JobStatus,
}

impl Latest {
    /// The latest build of a workspace.
    ///
    /// # Errors
    ///
    /// What is missing, or unknown to this version, in words that begin with `load workspace`.
    pub fn of(workspace: &v1::Workspace) -> Result<Self, String> {
        let wrong = |what: String| format!("load workspace: {what}");
        let build = workspace.latest_build.as_ref().ok_or_else(|| wrong("it has no build".to_owned()))?;
        let transition = Transition::try_from(build.transition).unwrap_or_default();
        if transition == Transition::Unspecified {
            return Err(wrong(format!("unexpected transition of its latest build: {}", build.transition)));
        }
        let status = JobStatus::try_from(build.status).unwrap_or_default();
        if status == JobStatus::Unspecified {
            return Err(wrong(build::unexpected(&build.status.to_string())));
        }
        Ok(Self {
            workspace: workspace.workspace_id.parse().map_err(|error| wrong(format!("{error}")))?,
            build: build.build_id.parse().map_err(|error| wrong(format!("{error}")))?,
            number: build.number,
            transition,
            status,
        })
    }

    /// It is destroyed.
    pub fn is_deleted(&self) -> bool {
        self.transition == Transition::Destroy && self.status == JobStatus::Succeeded
    }

    fn vacant(&self, state: &'static str, agent_id: &str) -> Existing {
        let replaces = v1::DeadWorkspace {
            workspace_id: self.workspace.to_string(),
            build_number: self.number,
            agent_id: agent_id.to_owned(),
        };
        Existing::Create(Vacancy { state, replaces: Some(replaces) })
    }
}

/// What is to be done, by what was read.
pub fn decide(seen: Seen<'_>) -> Existing {
    decided(seen).unwrap_or_else(Existing::Unknown)
}

fn decided(seen: Seen<'_>) -> Result<Existing, String> {
    if seen.chat.workspace_id.is_empty() {
        return Ok(Existing::Create(Vacancy { state: "none", replaces: None }));
    }
    let bound: WorkspaceId = seen.chat.workspace_id.parse().map_err(|error| format!("load chat: {error}"))?;
    let Some(workspace) = seen.workspace else {
        return Ok(Existing::ReadWorkspace(bound));
    };
    let latest = Latest::of(workspace)?;
    if latest.workspace != bound {
        return Ok(Existing::LookAnew);
    }
    Ok(match (latest.status, latest.transition) {
        (JobStatus::Pending | JobStatus::Running, Transition::Start) => Existing::WaitForStart(latest.build),
        (JobStatus::Pending | JobStatus::Running, _) => Existing::WaitForEnd(latest.build),
        (JobStatus::Failed, _) => latest.vacant("failed", ""),
        (JobStatus::Canceling | JobStatus::Canceled, _) => latest.vacant("canceled", ""),
        (JobStatus::Succeeded, Transition::Destroy) => latest.vacant("deleted", ""),
        (JobStatus::Succeeded, Transition::Stop) => Existing::Stopped,
        (JobStatus::Succeeded, Transition::Start) => match seen.agents {
            None => Existing::ReadAgents(bound),
            Some(Ok(agents)) => running(&latest, agents)?,
            Some(Err(status)) => unread(seen.chat, &latest, status)?,
        },
        // `Latest::of` refused both.
        (JobStatus::Unspecified, _) | (_, Transition::Unspecified) => Existing::LookAnew,
    })
}

/// A start succeeded, and these are its agents.
fn running(latest: &Latest, agents: &[v1::AgentView]) -> Result<Existing, String> {
    let Some(agent) = agents::choose_some(agents) else {
        return Ok(latest.vacant("no_agent", ""));
    };
    if agent.build_id.parse() != Ok(latest.build) {
        return Ok(Existing::LookAnew);
    }
    let id: AgentId = agent.agent_id.parse().map_err(|error| format!("list agents: {error}"))?;
    Ok(match AgentStatus::try_from(agent.status) {
        Ok(AgentStatus::Connected) => Existing::Connected(id),
        Ok(AgentStatus::Connecting) => Existing::Connecting(id),
        Ok(AgentStatus::Disconnected) => latest.vacant("disconnected", &agent.agent_id),
        Ok(AgentStatus::TimedOut) => latest.vacant("timed_out", &agent.agent_id),
        Ok(AgentStatus::Unspecified) | Err(_) => Existing::Ping(id),
    })
}

/// A start succeeded, and its agents could not be read. The chat may know the agent; one of an earlier build tells nothing
/// (#22442).
fn unread(chat: &v1::Chat, latest: &Latest, status: &Status) -> Result<Existing, String> {
    let known = chat.build_id.parse() == Ok(latest.build) && !chat.agent_id.is_empty();
    if !known || refusal::is_refusal(status) && status.code() == Code::Unauthenticated {
        return Err(refusal::read_failed("list agents", status));
    }
    let id = chat.agent_id.parse().map_err(|error| format!("load chat: {error}"))?;
    Ok(Existing::Ping(id))
}
