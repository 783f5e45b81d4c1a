//! What comes to a tunnel: all over one queue, in whatever order it happens.

use groundhog_wire::id::AgentId;
use tonic::Status;

use crate::{
    connection::{AgentConnection, DialError, Lost},
    ending::Ending,
    machine::{Event, Started},
    news,
    starter::Answer,
};

/// How many messages wait at most; whoever has more to say waits. More than there are jobs, so that none of them waits
/// for another.
pub(crate) const QUEUE_MAX: usize = 32;

/// What comes to a tunnel.
#[derive(Debug)]
pub(crate) enum Message {
    /// It is to end, for this reason.
    Signal(Ending),
    Build(news::Build),
    Agent(news::Agent),
    StartEnded(Result<Answer, Status>),
    DialEnded {
        agent: AgentId,
        result: Result<AgentConnection, NoConnection>,
    },
    NetworkClosed,
    /// An error says why it is not up.
    AppStarted(Result<(), String>),
    /// An error says what went wrong; it is down all the same.
    AppClosed(Result<(), String>),
    AppLost(String),
    NetworkLost(Lost),
}

/// Why a dial brought no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    Failed(DialError),
    /// The tunnel did not want it any more (T5).
    Canceled,
}

impl Message {
    /// What it is to the machine.
    pub(crate) fn event(&self) -> Event {
        match self {
            Self::Signal(_) => Event::ShutdownSignal,
            Self::Build(build) => {
                Event::BuildUpdate { number: build.number, transition: build.transition, job_status: build.status }
            }
            Self::Agent(agent) => Event::AgentUpdate { agent: agent.agent, lifecycle: agent.lifecycle },
            Self::StartEnded(Ok(_)) => Event::StartWorkspaceEnded(Started::Underway),
            Self::StartEnded(Err(_)) => Event::StartWorkspaceEnded(Started::Failed),
            Self::DialEnded { result, .. } => Event::TailnetUpdate { up: result.is_ok() },
            Self::NetworkClosed => Event::TailnetUpdate { up: false },
            Self::AppStarted(started) => Event::AppUpdate { up: started.is_ok() },
            Self::AppClosed(_) => Event::AppUpdate { up: false },
            Self::AppLost(_) => Event::AppLost,
            Self::NetworkLost(_) => Event::TailnetLost,
        }
    }

    /// What has come, in a few words.
    pub(crate) fn because(&self) -> String {
        match self {
            Self::Signal(why) => why.to_string(),
            Self::Build(news::Build { number, transition, status, .. }) => {
                format!("build {number} {transition} {status}")
            }
            Self::Agent(agent) => format!("agent {}", agent.lifecycle),
            Self::StartEnded(Ok(_)) => "start answered".to_owned(),
            Self::StartEnded(Err(_)) => "start refused".to_owned(),
            Self::DialEnded { result: Ok(_), .. } => "network up".to_owned(),
            Self::DialEnded { result: Err(NoConnection::Failed(_)), .. } => "dial failed".to_owned(),
            Self::DialEnded { result: Err(NoConnection::Canceled), .. } => "dial canceled".to_owned(),
            Self::NetworkClosed => "network down".to_owned(),
            Self::AppStarted(Ok(())) => "application up".to_owned(),
            Self::AppStarted(Err(_)) => "application failed".to_owned(),
            Self::AppClosed(_) => "application down".to_owned(),
            Self::AppLost(_) => "application lost".to_owned(),
            Self::NetworkLost(_) => "network lost".to_owned(),
        }
    }

    /// What a person may want to know beside what they are told; may be empty.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Build(build) => build.error.clone(),
            Self::StartEnded(Err(status)) => status.message().to_owned(),
            Self::DialEnded { result: Err(NoConnection::Failed(error)), .. } => error.to_string(),
            Self::AppStarted(Err(error)) => error.clone(),
            Self::AppLost(why) => why.clone(),
            Self::NetworkLost(lost) => lost.to_string(),
            Self::Signal(_)
            | Self::Agent(_)
            | Self::StartEnded(Ok(_))
            | Self::DialEnded { .. }
            | Self::NetworkClosed
            | Self::AppStarted(Ok(()))
            | Self::AppClosed(_) => String::new(),
        }
    }
}
