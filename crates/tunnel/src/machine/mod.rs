//! What a tunnel does, as a pure function of its state, an event and its configuration.
//!
//! - [`transition`]: the machine, and what an event makes of it.
//! - [`mod@table`]: all of it as rows, for those who want to see it or compare it.
//! - [`mod@told`]: what a person is told when an event comes.
//! - [`phase`]: how far a tunnel has come, in three words. `names`: what states, events and effects are called.
//!
//! The names of states are those by which the platform's tunnel client is known, so that its table can be compared.

mod names;
pub mod phase;
pub mod table;
pub mod told;
pub mod transition;

use groundhog_wire::id::AgentId;

pub use self::{
    phase::Phase,
    table::{EventKind, Row, table},
    told::{Told, told},
    transition::{Machine, Outcome, StartUnderway},
};

/// How far a tunnel has come. Nothing wild: a new state breaks every place that has to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing is known of the workspace yet.
    Init,
    /// The workspace is being stopped; it can be started once it is.
    WaitToStart,
    /// The workspace is being started, by us or by somebody else.
    WaitForWorkspaceStarted,
    /// The workspace has started; its agent is waited for.
    WaitForAgent,
    /// The agent is being dialled.
    EstablishTailnet,
    /// The connection is up, and the application is being started.
    TailnetUp,
    /// The application is up.
    ApplicationUp,
    /// The tunnel is going down: the application is being closed, or its start is waited for so that it can be.
    ShutdownApplication,
    /// The application is down: the connection is being closed, or the end of the dial is waited for.
    ShutdownTailnet,
    /// All is closed.
    Exit,
}

/// What a tunnel is told not to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Options {
    /// A stopped workspace is left alone.
    pub no_autostart: bool,
    /// The agent is dialled while its start scripts run, and whatever became of them.
    pub no_wait_for_scripts: bool,
}

/// What a workspace's build is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// The workspace is to run.
    Start,
    /// The workspace is to rest.
    Stop,
    /// The workspace is to go.
    Delete,
}

/// Where the job of a build stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobStatus {
    /// No worker has taken it.
    Pending,
    /// A worker has.
    Running,
    /// It ended well.
    Succeeded,
    /// Its end was asked for.
    Canceling,
    /// It ended early.
    Canceled,
    /// It ended badly.
    Failed,
    /// The control plane names a status that is not known here.
    Unknown,
}

/// How far an agent's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lifecycle {
    /// It has not reported yet.
    Created,
    /// Its start scripts run.
    Starting,
    /// They take too long.
    StartTimeout,
    /// One of them failed.
    StartError,
    /// They ended well.
    Ready,
    /// Its stop scripts run.
    ShuttingDown,
    /// They take too long.
    ShutdownTimeout,
    /// One of them failed.
    ShutdownError,
    /// It is over.
    Off,
}

/// What became of asking for a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Started {
    /// A build was queued for us, or somebody else's was there first: the watch will tell.
    Underway,
    /// Nothing comes of it (T1).
    Failed,
}

/// What a tunnel is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// Somebody wants it to end; or its watch is over for good (T2).
    ShutdownSignal,
    /// News of the workspace's latest build.
    BuildUpdate {
        /// Counts the workspace's builds.
        number: u32,
        /// What it is for.
        transition: Transition,
        /// Where it stands.
        job_status: JobStatus,
    },
    /// News of the agent of a build that has started the workspace.
    AgentUpdate {
        /// Which one. Another one than the one that is connected to means that the workspace was built again (T4).
        agent: AgentId,
        /// How far its life has come.
        lifecycle: Lifecycle,
    },
    /// The application's start or close has ended.
    AppUpdate {
        /// It is up.
        up: bool,
    },
    /// A dial or the connection's close has ended.
    TailnetUpdate {
        /// It is up.
        up: bool,
    },
    /// A start of ours was answered (T1, T8).
    StartWorkspaceEnded(Started),
    /// The application that was up has ended by itself (T7).
    AppLost,
    /// The connection that was up is lost (T7).
    TailnetLost,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Everything that still waits is to end: the tunnel is over.
    Cancel,
    /// The connection that the dial brought is the tunnel's.
    SetAgentConn,
    /// Asks for a start of the workspace, unless a build newer than this one is there.
    StartWorkspace {
        /// The number of the build that stopped it.
        after: u32,
    },
    /// Dials this agent.
    ConnectTailnet(AgentId),
    /// Starts the application over the connection.
    StartApp,
    /// Closes the application.
    CloseApp,
    /// Closes the connection.
    ShutdownTailnet,
}

/// How bad it is that an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It should not have come; nothing is lost by it.
    Error,
    /// Nobody thought of it.
    Critical,
}
