//! What the control plane tells of a workspace, in this crate's words.

use groundhog_wire::{
    id::{AgentId, IdError, WorkspaceId},
    v1::{self, AgentLifecycle, AgentNews, BuildNews, ConnectionNews, WatchEnd, connection_news::Kind},
};

use crate::machine::{JobStatus, Lifecycle, Transition};

/// News of the workspace's latest build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) workspace: WorkspaceId,
    pub(crate) number: u32,
    pub(crate) transition: Transition,
    pub(crate) status: JobStatus,
    /// The job whose log is the build's, as it was told.
    pub(crate) job: String,
    /// Why it failed; empty unless it did.
    pub(crate) error: String,
}

/// News of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    pub(crate) agent: AgentId,
    pub(crate) lifecycle: Lifecycle,
}

/// The end of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) why: String,
    pub(crate) retryable: bool,
}

/// One part of what is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Build(Build),
    Agent(Agent),
    End(End),
}

/// A message makes no sense. The control plane may be of another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NewsError {
    #[error("the control plane told what is not known here: expected news of a build, of an agent or of the end")]
    Unknown,
    #[error("the control plane told of build {number} without saying what it is for: expected start, stop or delete")]
    Transition { number: u32 },
    #[error("the control plane told of agent {agent} without saying how far it has come")]
    Lifecycle { agent: AgentId },
    #[error("the control plane told of something without its id: {0}")]
    Id(#[from] IdError),
}

/// Reads a message.
pub(crate) fn read(message: ConnectionNews) -> Result<News, NewsError> {
    match message.kind.ok_or(NewsError::Unknown)? {
        Kind::Build(build) => build_news(build).map(News::Build),
        Kind::Agent(agent) => agent_news(&agent).map(News::Agent),
        Kind::End(end) => Ok(News::End(end_news(end))),
    }
}

fn build_news(news: BuildNews) -> Result<Build, NewsError> {
    let number = news.number;
    let transition = match news.transition() {
        v1::Transition::Start => Transition::Start,
        v1::Transition::Stop => Transition::Stop,
        v1::Transition::Destroy => Transition::Delete,
        v1::Transition::Unspecified => return Err(NewsError::Transition { number }),
    };
    let status = match news.status() {
        v1::JobStatus::Pending => JobStatus::Pending,
        v1::JobStatus::Running => JobStatus::Running,
        v1::JobStatus::Succeeded => JobStatus::Succeeded,
        v1::JobStatus::Canceling => JobStatus::Canceling,
        v1::JobStatus::Canceled => JobStatus::Canceled,
        v1::JobStatus::Failed => JobStatus::Failed,
        v1::JobStatus::Unspecified => JobStatus::Unknown,
    };
    let workspace = news.workspace_id.parse()?;
    Ok(Build { workspace, number, transition, status, job: news.job_id, error: news.error })
}

fn agent_news(news: &AgentNews) -> Result<Agent, NewsError> {
    let agent = news.agent_id.parse()?;
    let lifecycle = match news.lifecycle() {
        AgentLifecycle::Created => Lifecycle::Created,
        AgentLifecycle::Starting => Lifecycle::Starting,
        AgentLifecycle::StartTimeout => Lifecycle::StartTimeout,
        AgentLifecycle::StartError => Lifecycle::StartError,
        AgentLifecycle::Ready => Lifecycle::Ready,
        AgentLifecycle::ShuttingDown => Lifecycle::ShuttingDown,
        AgentLifecycle::ShutdownTimeout => Lifecycle::ShutdownTimeout,
        AgentLifecycle::ShutdownError => Lifecycle::ShutdownError,
        AgentLifecycle::Off => Lifecycle::Off,
        AgentLifecycle::Unspecified => return Err(NewsError::Lifecycle { agent }),
    };
    Ok(Agent { agent, lifecycle })
}

fn end_news(end: WatchEnd) -> End {
    let why = if end.message.is_empty() { end.kind().as_str_name().to_owned() } else { end.message };
    End { why, retryable: end.retryable }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> String {
        Uuid::from_u128(number).to_string()
    }

    fn told(kind: Kind) -> Result<News, NewsError> {
        read(ConnectionNews { kind: Some(kind) })
    }

    #[test]
    fn news_are_read_as_they_are_meant() {
        let build = BuildNews {
            workspace_id: id(1),
            number: 4,
            transition: v1::Transition::Destroy.into(),
            status: v1::JobStatus::Canceling.into(),
            job_id: id(2),
            ..BuildNews::default()
        };
        let expected = Build {
            workspace: WorkspaceId(Uuid::from_u128(1)),
            number: 4,
            transition: Transition::Delete,
            status: JobStatus::Canceling,
            job: id(2),
            error: String::new(),
        };
        assert_eq!(told(Kind::Build(build.clone())), Ok(News::Build(expected.clone())));
        // A status that a later control plane may name.
        let unknown = BuildNews { status: 99, ..build };
        assert_eq!(told(Kind::Build(unknown)), Ok(News::Build(Build { status: JobStatus::Unknown, ..expected })));
        let agent =
            AgentNews { agent_id: id(3), name: "main".to_owned(), lifecycle: AgentLifecycle::StartError.into() };
        let expected = Agent { agent: AgentId(Uuid::from_u128(3)), lifecycle: Lifecycle::StartError };
        assert_eq!(told(Kind::Agent(agent)), Ok(News::Agent(expected)));
        let end = WatchEnd { kind: v1::watch_end::Kind::Shutdown.into(), message: String::new(), retryable: true };
        assert_eq!(told(Kind::End(end)), Ok(News::End(End { why: "KIND_SHUTDOWN".to_owned(), retryable: true })));
    }

    #[test]
    fn what_makes_no_sense_is_an_error_in_words() {
        let agent = AgentId(Uuid::from_u128(3));
        assert_eq!(read(ConnectionNews { kind: None }), Err(NewsError::Unknown));
        let build = BuildNews { workspace_id: id(1), number: 4, ..BuildNews::default() };
        assert_eq!(told(Kind::Build(build)), Err(NewsError::Transition { number: 4 }));
        let no_lifecycle = AgentNews { agent_id: id(3), ..AgentNews::default() };
        assert_eq!(told(Kind::Agent(no_lifecycle)), Err(NewsError::Lifecycle { agent }));
        let no_id = told(Kind::Agent(AgentNews::default()));
        assert!(matches!(no_id, Err(NewsError::Id(_))), "{no_id:?}");
    }
}
