//! The whole of the machine as a table: a row for every state, event and configuration.
//!
//! Each row is what [`Machine::step`] answers; nothing is kept beside it. What a machine knows beyond its state has its
//! quiet value: no start of ours is under way, and news of an agent is of the one that was dialled, if any was.

use groundhog_wire::id::AgentId;
use uuid::Uuid;

use super::{Effect, Event, JobStatus, Lifecycle, Machine, Options, Outcome, Severity, Started, State, Transition};

/// An event as the table shows it: without the numbers and ids that tell one workspace from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// See [`Event::ShutdownSignal`].
    ShutdownSignal,
    /// See [`Event::BuildUpdate`].
    BuildUpdate {
        /// What the build is for.
        transition: Transition,
        /// Where it stands.
        job_status: JobStatus,
    },
    /// See [`Event::AgentUpdate`]; of the agent that was dialled, if any was.
    AgentUpdate {
        /// How far its life has come.
        lifecycle: Lifecycle,
    },
    /// The same, of another agent than the one that was dialled (T4).
    OtherAgentUpdate {
        /// How far its life has come.
        lifecycle: Lifecycle,
    },
    /// See [`Event::AppUpdate`].
    AppUpdate {
        /// It is up.
        up: bool,
    },
    /// See [`Event::TailnetUpdate`].
    TailnetUpdate {
        /// It is up.
        up: bool,
    },
    /// See [`Event::StartWorkspaceEnded`] (T1).
    StartWorkspaceEnded {
        /// Something comes of it.
        underway: bool,
    },
    /// See [`Event::AppLost`] (T7).
    AppLost,
    /// See [`Event::TailnetLost`] (T7).
    TailnetLost,
}

/// One cell of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The state before.
    pub state: State,
    /// What comes.
    pub event: EventKind,
    /// The configuration.
    pub options: Options,
    /// The state after.
    pub next: State,
    /// What is done, in order.
    pub effects: Vec<Effect>,
    /// Set if the event should not have come.
    pub severity: Option<Severity>,
}

/// The agent that was dialled, in the table.
const DIALLED: AgentId = AgentId(Uuid::from_u128(1));

/// Another one.
const OTHER: AgentId = AgentId(Uuid::from_u128(2));

/// The number of every build in the table.
const NUMBER: u32 = 1;

impl EventKind {
    /// All there are, in the order of the table.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::ShutdownSignal];
        for &transition in Transition::ALL {
            all.extend(JobStatus::ALL.iter().map(|&job_status| Self::BuildUpdate { transition, job_status }));
        }
        all.extend(Lifecycle::ALL.iter().map(|&lifecycle| Self::AgentUpdate { lifecycle }));
        all.extend([true, false].map(|up| Self::AppUpdate { up }));
        all.extend([true, false].map(|up| Self::TailnetUpdate { up }));
        all.extend(Lifecycle::ALL.iter().map(|&lifecycle| Self::OtherAgentUpdate { lifecycle }));
        all.extend([true, false].map(|underway| Self::StartWorkspaceEnded { underway }));
        all.extend([Self::AppLost, Self::TailnetLost]);
        all
    }

    /// What kind of event it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ShutdownSignal => "shutdown_signal",
            Self::BuildUpdate { .. } => "build_update",
            Self::AgentUpdate { .. } => "agent_update",
            Self::OtherAgentUpdate { .. } => "other_agent_update",
            Self::AppUpdate { .. } => "app_update",
            Self::TailnetUpdate { .. } => "tailnet_update",
            Self::StartWorkspaceEnded { .. } => "start_workspace_ended",
            Self::AppLost => "app_lost",
            Self::TailnetLost => "tailnet_lost",
        }
    }

    /// The event itself.
    const fn event(self) -> Event {
        match self {
            Self::ShutdownSignal => Event::ShutdownSignal,
            Self::BuildUpdate { transition, job_status } => {
                Event::BuildUpdate { number: NUMBER, transition, job_status }
            }
            Self::AgentUpdate { lifecycle } => Event::AgentUpdate { agent: DIALLED, lifecycle },
            Self::OtherAgentUpdate { lifecycle } => Event::AgentUpdate { agent: OTHER, lifecycle },
            Self::AppUpdate { up } => Event::AppUpdate { up },
            Self::TailnetUpdate { up } => Event::TailnetUpdate { up },
            Self::StartWorkspaceEnded { underway: true } => Event::StartWorkspaceEnded(Started::Underway),
            Self::StartWorkspaceEnded { underway: false } => Event::StartWorkspaceEnded(Started::Failed),
            Self::AppLost => Event::AppLost,
            Self::TailnetLost => Event::TailnetLost,
        }
    }
}

/// Which agent has been dialled in a state.
const fn dialled(state: State) -> Option<AgentId> {
    match state {
        State::Init | State::WaitToStart | State::WaitForWorkspaceStarted | State::WaitForAgent => None,
        State::EstablishTailnet
        | State::TailnetUp
        | State::ApplicationUp
        | State::ShutdownApplication
        | State::ShutdownTailnet
        | State::Exit => Some(DIALLED),
    }
}

impl Options {
    /// All there are, in the order of the table.
    pub const ALL: [Self; 4] = [
        Self { no_autostart: false, no_wait_for_scripts: false },
        Self { no_autostart: false, no_wait_for_scripts: true },
        Self { no_autostart: true, no_wait_for_scripts: false },
        Self { no_autostart: true, no_wait_for_scripts: true },
    ];
}

/// Every row, by state, then event, then configuration.
pub fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    for &state in State::ALL {
        for event in EventKind::all() {
            for options in Options::ALL {
                let (after, Outcome { effects, severity }) =
                    Machine::at(state, None, dialled(state)).step(&event.event(), options);
                rows.push(Row { state, event, options, next: after.state(), effects, severity });
            }
        }
    }
    rows
}
