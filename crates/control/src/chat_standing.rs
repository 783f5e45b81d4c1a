//! Whether anything is left of a chat's workspace, as a pure decision.
//!
//! A chat gets another workspace only if it is known that nothing is left of the one that it has (C1). Whoever asks for
//! another one says by what they know it. That is held against what is so by the time the request is carried out: an
//! agent may be back by then, or a build have been asked for.

use crate::{agent_status::AgentStatus, job_status::JobStatus, transition::Transition};

/// How a workspace stands that a chat has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// It was destroyed.
    pub deleted: bool,
    /// What its latest build does.
    pub transition: Transition,
    /// How that build's job stands.
    pub job: JobStatus,
    /// What there is of the agent by which the workspace is said to be dead.
    pub agent: Agent,
}

/// What there is of an agent by which a workspace is said to be dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agent {
    /// None is named, and the latest build made none.
    NoneMade,
    /// None is named, and the latest build made some.
    NotNamed,
    /// One is named that is not of the latest build.
    NotOfBuild,
    /// One is named that is of the latest build.
    Known(AgentStatus),
}

/// Why nothing is left of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Death {
    /// It was destroyed.
    Deleted,
    /// Its latest build failed.
    Failed,
    /// Its latest build was cancelled, or is being cancelled.
    Canceled,
    /// Its latest build started it, and there is no agent in it.
    NoAgent,
    /// Its latest build started it, and its agent is gone.
    Disconnected,
    /// Its latest build started it, and its agent never came.
    TimedOut,
}

impl Death {
    /// The word that events use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::NoAgent => "no_agent",
            Self::Disconnected => "disconnected",
            Self::TimedOut => "timed_out",
        }
    }
}

/// Why nothing is left of a workspace that stands so; none if there is, or if it isn't known.
pub const fn death(standing: Standing) -> Option<Death> {
    if standing.deleted {
        return Some(Death::Deleted);
    }
    match (standing.job, standing.transition) {
        (JobStatus::Failed, _) => Some(Death::Failed),
        (JobStatus::Canceled | JobStatus::Canceling, _) => Some(Death::Canceled),
        // What it will be is not known yet.
        (JobStatus::Pending | JobStatus::Running, _) => None,
        // One that is stopped is started again, and one that is being destroyed is marked as gone with its build.
        (JobStatus::Succeeded, Transition::Stop | Transition::Destroy) => None,
        (JobStatus::Succeeded, Transition::Start) => match standing.agent {
            Agent::NoneMade => Some(Death::NoAgent),
            Agent::Known(AgentStatus::Disconnected) => Some(Death::Disconnected),
            Agent::Known(AgentStatus::TimedOut) => Some(Death::TimedOut),
            Agent::Known(AgentStatus::Connecting | AgentStatus::Connected) | Agent::NotNamed | Agent::NotOfBuild => {
                None
            }
        },
    }
}
