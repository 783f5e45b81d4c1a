//! What a person is told when an event comes: why a tunnel waits, and why it ends.
//!
//! It is no part of the transition: it looks at what one has done, and changes nothing (T9).

use std::fmt;

use super::{Event, JobStatus, Lifecycle, Machine, Options, Phase, Started, State, Transition};

/// Something that a person who waits for a tunnel wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// The agent's start scripts take too long, and the tunnel waits for them.
    ScriptsSlow,
    /// One of the agent's start scripts failed, and the tunnel waits.
    ScriptsFailed,
    /// The agent that is waited for is on its way out.
    AgentGoing {
        /// How far.
        lifecycle: Lifecycle,
    },
    /// The workspace is being deleted, or has been.
    Deleted,
    /// Nothing comes of the workspace's latest build.
    BuildEnded {
        /// Its number.
        number: u32,
        /// What it was for.
        transition: Transition,
        /// How it stands.
        job_status: JobStatus,
    },
    /// The workspace is stopped or about to be, and is not to be started by the tunnel.
    LeftStopped,
    /// The workspace was started again while the tunnel was up or coming up.
    StartedElsewhere {
        /// The build's number.
        number: u32,
    },
    /// The workspace was stopped while the tunnel was up or coming up.
    StoppedElsewhere {
        /// The build's number.
        number: u32,
    },
    /// The workspace has another agent than the one that was dialled.
    AgentReplaced,
    /// The workspace could not be started.
    StartFailed,
    /// The agent could not be reached.
    DialFailed,
    /// The application could not be started.
    AppFailed,
    /// The application has ended by itself.
    AppLost,
    /// The connection to the agent is gone.
    TailnetLost,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LET_THROUGH: &str = "the option no_wait_for_scripts would connect all the same";
        match self {
            Self::ScriptsSlow => {
                write!(f, "the agent's start scripts take longer than they may: waiting for them; {LET_THROUGH}")
            }
            Self::ScriptsFailed => {
                write!(f, "a start script of the agent failed: waiting until the agent is ready; {LET_THROUGH}")
            }
            Self::AgentGoing { lifecycle } => {
                write!(f, "the agent is going down ({lifecycle}): waiting for the next one")
            }
            Self::Deleted => f.write_str("the workspace is being deleted: the tunnel ends"),
            Self::BuildEnded { number, transition, job_status } => {
                write!(f, "build {number} ({transition}) is {job_status}: the tunnel ends")
            }
            Self::LeftStopped => f.write_str(
                "the workspace is stopped, and the option no_autostart says that it is left so: the tunnel ends",
            ),
            Self::StartedElsewhere { number } => {
                write!(f, "the workspace is being started again by build {number}: the tunnel ends")
            }
            Self::StoppedElsewhere { number } => {
                write!(f, "the workspace is being stopped by build {number}: the tunnel ends")
            }
            Self::AgentReplaced => f.write_str("the workspace has another agent now: the tunnel ends"),
            Self::StartFailed => f.write_str("the workspace could not be started: the tunnel ends"),
            Self::DialFailed => f.write_str("the agent could not be reached: the tunnel ends"),
            Self::AppFailed => f.write_str("the application could not be started: the tunnel ends"),
            Self::AppLost => f.write_str("the application has ended: the tunnel ends"),
            Self::TailnetLost => f.write_str("the connection to the agent is lost: the tunnel ends"),
        }
    }
}

/// What a person is told about `event`, which has taken a tunnel from `before` to `after`. Nothing about a signal: whoever
/// gave it knows.
pub fn told(before: &Machine, event: &Event, options: Options, after: &Machine) -> Option<Told> {
    match *event {
        Event::ShutdownSignal => None,
        Event::BuildUpdate { number, transition, job_status } => match before.state().phase() {
            Phase::Waiting => build_while_waiting(number, transition, job_status, options),
            Phase::Connected => build_while_connected(number, transition, job_status),
            Phase::Ending => None,
        },
        Event::AgentUpdate { agent: _, lifecycle } => match (before.state().phase(), after.state().phase()) {
            (Phase::Waiting, Phase::Waiting) if before.state() == State::WaitForAgent => waiting_for(lifecycle),
            (Phase::Connected, Phase::Ending) => Some(Told::AgentReplaced),
            (Phase::Waiting | Phase::Connected | Phase::Ending, Phase::Waiting | Phase::Connected | Phase::Ending) => {
                None
            }
        },
        Event::AppUpdate { up: false } if before.state() == State::TailnetUp => Some(Told::AppFailed),
        Event::TailnetUpdate { up: false } if before.state() == State::EstablishTailnet => Some(Told::DialFailed),
        Event::AppUpdate { up: _ } | Event::TailnetUpdate { up: _ } => None,
        Event::StartWorkspaceEnded(Started::Failed) if before.state() == State::WaitForWorkspaceStarted => {
            Some(Told::StartFailed)
        }
        Event::StartWorkspaceEnded(Started::Underway | Started::Failed) => None,
        Event::AppLost => match before.state().phase() {
            Phase::Connected => Some(Told::AppLost),
            Phase::Waiting | Phase::Ending => None,
        },
        Event::TailnetLost => match before.state().phase() {
            Phase::Connected => Some(Told::TailnetLost),
            Phase::Waiting | Phase::Ending => None,
        },
    }
}

/// A build that ends a tunnel whatever it has come to.
const fn ends(number: u32, transition: Transition, job_status: JobStatus) -> Option<Told> {
    match (transition, job_status) {
        (Transition::Delete, _) => Some(Told::Deleted),
        (
            Transition::Start | Transition::Stop,
            JobStatus::Canceling | JobStatus::Canceled | JobStatus::Failed | JobStatus::Unknown,
        ) => Some(Told::BuildEnded { number, transition, job_status }),
        (Transition::Start | Transition::Stop, JobStatus::Pending | JobStatus::Running | JobStatus::Succeeded) => None,
    }
}

fn build_while_waiting(number: u32, transition: Transition, job_status: JobStatus, options: Options) -> Option<Told> {
    ends(number, transition, job_status).or(match transition {
        Transition::Stop => options.no_autostart.then_some(Told::LeftStopped),
        Transition::Start | Transition::Delete => None,
    })
}

fn build_while_connected(number: u32, transition: Transition, job_status: JobStatus) -> Option<Told> {
    ends(number, transition, job_status).or(match (transition, job_status) {
        // What it is connected to, as far as anybody knows.
        (Transition::Start, JobStatus::Succeeded) => None,
        (Transition::Start, _) => Some(Told::StartedElsewhere { number }),
        (Transition::Stop | Transition::Delete, _) => Some(Told::StoppedElsewhere { number }),
    })
}

fn waiting_for(lifecycle: Lifecycle) -> Option<Told> {
    match lifecycle {
        Lifecycle::StartTimeout => Some(Told::ScriptsSlow),
        Lifecycle::StartError => Some(Told::ScriptsFailed),
        Lifecycle::ShuttingDown | Lifecycle::ShutdownTimeout | Lifecycle::ShutdownError | Lifecycle::Off => {
            Some(Told::AgentGoing { lifecycle })
        }
        Lifecycle::Created | Lifecycle::Starting | Lifecycle::Ready => None,
    }
}
