//! The machine itself: what becomes of a tunnel by an event.
//!
//! A state decides with the event what is next: that is the table that people know. Beside it the machine keeps two
//! things that the table has no column for. Which agent was dialled, so that news of another one is told from news of
//! this one (T4). And whether a start of ours is under way, so that there is never a second one beside it (T8): a stop
//! that is seen meanwhile is kept, and asked about when the start has been answered.
//!
//! Why a stop is kept only while the workspace's start is waited for: in every other state the next news of a build
//! decides anew. So any news of a build takes the place of what was kept, and only a stop that succeeded, above the one
//! that was asked about, is kept itself.
//!
//! Every match names all states. A new one does not compile until each place has been thought about.

use groundhog_wire::id::AgentId;

use super::{Effect, Event, JobStatus, Lifecycle, Options, Severity, Started, State, Transition};

/// A start of ours that has not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartUnderway {
    /// The number of the stop that was asked about.
    pub after: u32,
    /// The number of a later stop that has succeeded and that nobody has been asked about: the latest build that was
    /// seen.
    pub stopped_again: Option<u32>,
}

/// A tunnel's state, and what it keeps beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine {
    state: State,
    start: Option<StartUnderway>,
    dialled: Option<AgentId>,
}

/// What an event leads to, beside the machine's next state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is to be done, in this order.
    pub effects: Vec<Effect>,
    /// Set if the event should not have come.
    pub severity: Option<Severity>,
}

/// Where an event leads from a state.
struct Cell {
    next: State,
    effects: Vec<Effect>,
    severity: Option<Severity>,
}

impl Cell {
    /// The next state, and what is to be done.
    fn to<const N: usize>(next: State, effects: [Effect; N]) -> Self {
        Self { next, effects: effects.into(), severity: None }
    }

    /// Nothing happens.
    fn stay(state: State) -> Self {
        Self::to(state, [])
    }

    /// Nothing happens, and the event should not have come.
    fn unexpected(state: State, severity: Severity) -> Self {
        Self { severity: Some(severity), ..Self::stay(state) }
    }

    /// The tunnel is over, with nothing to take down.
    fn exit() -> Self {
        Self::to(State::Exit, [Effect::Cancel])
    }
}

impl Machine {
    /// A tunnel that has just been opened.
    pub const fn new() -> Self {
        Self { state: State::Init, start: None, dialled: None }
    }

    /// A tunnel in the midst of its life. For those who look at the machine from outside; a tunnel begins with
    /// [`new`](Self::new).
    pub const fn at(state: State, start: Option<StartUnderway>, dialled: Option<AgentId>) -> Self {
        Self { state, start, dialled }
    }

    /// How far it has come.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The start of ours that has not been answered.
    pub const fn start_underway(&self) -> Option<StartUnderway> {
        self.start
    }

    /// The agent that was dialled.
    pub const fn dialled(&self) -> Option<AgentId> {
        self.dialled
    }

    /// What becomes of it by `event`, and what is to be done about that.
    pub fn step(&self, event: &Event, options: Options) -> (Self, Outcome) {
        let Cell { next, mut effects, severity } = match *event {
            Event::ShutdownSignal => signal(self.state),
            Event::BuildUpdate { number, transition, job_status } => {
                build(self.state, Build::of(transition, job_status), number, options)
            }
            Event::AgentUpdate { agent, lifecycle } => self.agent(agent, lifecycle, options),
            Event::AppUpdate { up: true } => app_up(self.state),
            Event::AppUpdate { up: false } => app_down(self.state),
            Event::TailnetUpdate { up: true } => tailnet_up(self.state),
            Event::TailnetUpdate { up: false } => tailnet_down(self.state),
            Event::StartWorkspaceEnded(started) => self.start_ended(started),
            Event::AppLost => app_lost(self.state),
            Event::TailnetLost => tailnet_lost(self.state),
        };
        let mut after = Self { state: next, start: self.keep(event, next), dialled: self.dialled };
        effects.retain(|effect| after.allows(*effect));
        (after, Outcome { effects, severity })
    }

    /// What is kept of a start of ours once `event` has come and led to `next`, before anything new is asked.
    fn keep(&self, event: &Event, next: State) -> Option<StartUnderway> {
        let start = self.start?;
        match *event {
            Event::StartWorkspaceEnded(_) => None,
            Event::BuildUpdate { number, transition, job_status } => {
                let is_stop = match Build::of(transition, job_status) {
                    Build::Stopped => true,
                    Build::Starting | Build::Started | Build::Stopping | Build::Terminating => false,
                };
                let is_news = is_stop && number > start.after && next == State::WaitForWorkspaceStarted;
                Some(StartUnderway { stopped_again: is_news.then_some(number), ..start })
            }
            Event::ShutdownSignal
            | Event::AgentUpdate { .. }
            | Event::AppUpdate { .. }
            | Event::TailnetUpdate { .. }
            | Event::AppLost
            | Event::TailnetLost => Some(start),
        }
    }

    /// Notes an effect that is to be carried out; false if it must not be: one start at a time (T8).
    fn allows(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::StartWorkspace { after } => {
                let alone = self.start.is_none();
                self.start = self.start.or(Some(StartUnderway { after, stopped_again: None }));
                alone
            }
            Effect::ConnectTailnet(agent) => {
                self.dialled = Some(agent);
                true
            }
            Effect::Cancel | Effect::SetAgentConn | Effect::StartApp | Effect::CloseApp | Effect::ShutdownTailnet => {
                true
            }
        }
    }

    fn agent(&self, agent: AgentId, lifecycle: Lifecycle, options: Options) -> Cell {
        match self.state {
            State::WaitForAgent if is_ready(lifecycle, options) => {
                Cell::to(State::EstablishTailnet, [Effect::ConnectTailnet(agent)])
            }
            // Another agent than the one that was dialled: the workspace has been built again (T4).
            State::EstablishTailnet | State::TailnetUp | State::ApplicationUp if self.dialled != Some(agent) => {
                signal(self.state)
            }
            State::Init
            | State::WaitToStart
            | State::WaitForWorkspaceStarted
            | State::WaitForAgent
            | State::EstablishTailnet
            | State::TailnetUp
            | State::ApplicationUp
            | State::ShutdownApplication
            | State::ShutdownTailnet
            | State::Exit => Cell::stay(self.state),
        }
    }

    fn start_ended(&self, started: Started) -> Cell {
        let stopped_again = self.start.and_then(|start| start.stopped_again);
        match (self.state, started) {
            // Nothing that would be waited for comes (T1).
            (State::WaitForWorkspaceStarted, Started::Failed) => Cell::exit(),
            // What we asked for has been stopped again meanwhile (T8).
            (State::WaitForWorkspaceStarted, Started::Underway) => match stopped_again {
                Some(after) => Cell::to(self.state, [Effect::StartWorkspace { after }]),
                None => Cell::stay(self.state),
            },
            // Somebody else has started the workspace, or it is being stopped: the watch tells what to do.
            (
                State::Init
                | State::WaitToStart
                | State::WaitForAgent
                | State::EstablishTailnet
                | State::TailnetUp
                | State::ApplicationUp
                | State::ShutdownApplication
                | State::ShutdownTailnet
                | State::Exit,
                Started::Underway | Started::Failed,
            ) => Cell::stay(self.state),
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

/// News of a build, as far as a tunnel tells it apart.
#[derive(Clone, Copy)]
enum Build {
    /// A start that has not ended.
    Starting,
    /// A start that has ended well.
    Started,
    /// A stop that has not ended.
    Stopping,
    /// A stop that has ended well.
    Stopped,
    /// A delete, or a build that nothing comes of.
    Terminating,
}

impl Build {
    fn of(transition: Transition, job_status: JobStatus) -> Self {
        match (transition, job_status) {
            (Transition::Start, JobStatus::Pending | JobStatus::Running) => Self::Starting,
            (Transition::Start, JobStatus::Succeeded) => Self::Started,
            (Transition::Stop, JobStatus::Pending | JobStatus::Running) => Self::Stopping,
            (Transition::Stop, JobStatus::Succeeded) => Self::Stopped,
            (
                Transition::Start | Transition::Stop,
                JobStatus::Canceling | JobStatus::Canceled | JobStatus::Failed | JobStatus::Unknown,
            )
            | (
                Transition::Delete,
                JobStatus::Pending
                | JobStatus::Running
                | JobStatus::Succeeded
                | JobStatus::Canceling
                | JobStatus::Canceled
                | JobStatus::Failed
                | JobStatus::Unknown,
            ) => Self::Terminating,
        }
    }
}

/// Whether an agent at this step of its life may be dialled.
fn is_ready(lifecycle: Lifecycle, options: Options) -> bool {
    match lifecycle {
        Lifecycle::Ready => true,
        Lifecycle::Starting | Lifecycle::StartTimeout | Lifecycle::StartError => options.no_wait_for_scripts,
        Lifecycle::Created
        | Lifecycle::ShuttingDown
        | Lifecycle::ShutdownTimeout
        | Lifecycle::ShutdownError
        | Lifecycle::Off => false,
    }
}

/// The tunnel is to end. What is being made is waited for, and then taken down.
fn signal(state: State) -> Cell {
    match state {
        State::Init | State::WaitToStart | State::WaitForWorkspaceStarted | State::WaitForAgent => Cell::exit(),
        State::EstablishTailnet => Cell::to(State::ShutdownTailnet, []),
        State::TailnetUp => Cell::to(State::ShutdownApplication, []),
        State::ApplicationUp => Cell::to(State::ShutdownApplication, [Effect::CloseApp]),
        State::ShutdownApplication | State::ShutdownTailnet | State::Exit => Cell::stay(state),
    }
}

fn build(state: State, build: Build, number: u32, options: Options) -> Cell {
    match build {
        Build::Terminating => signal(state),
        Build::Starting => starting(state),
        Build::Started => started(state),
        Build::Stopping => stopping(state, options),
        Build::Stopped => stopped(state, number, options),
    }
}

fn starting(state: State) -> Cell {
    match state {
        State::Init | State::WaitToStart | State::WaitForWorkspaceStarted | State::WaitForAgent => {
            Cell::to(State::WaitForWorkspaceStarted, [])
        }
        // Built again since it was connected to.
        State::EstablishTailnet | State::TailnetUp | State::ApplicationUp => signal(state),
        State::ShutdownApplication | State::ShutdownTailnet | State::Exit => Cell::stay(state),
    }
}

fn started(state: State) -> Cell {
    match state {
        State::Init | State::WaitToStart | State::WaitForWorkspaceStarted | State::WaitForAgent => {
            Cell::to(State::WaitForAgent, [])
        }
        // Whether it is still the agent that was dialled, news of the agent will tell (T4).
        State::EstablishTailnet
        | State::TailnetUp
        | State::ApplicationUp
        | State::ShutdownApplication
        | State::ShutdownTailnet
        | State::Exit => Cell::stay(state),
    }
}

fn stopping(state: State, options: Options) -> Cell {
    match state {
        State::Init | State::WaitToStart | State::WaitForWorkspaceStarted | State::WaitForAgent => {
            if options.no_autostart { Cell::exit() } else { Cell::to(State::WaitToStart, []) }
        }
        State::EstablishTailnet | State::TailnetUp | State::ApplicationUp => signal(state),
        State::ShutdownApplication | State::ShutdownTailnet | State::Exit => Cell::stay(state),
    }
}

fn stopped(state: State, number: u32, options: Options) -> Cell {
    match state {
        // While a start is waited for too: the one that was may have come and gone unseen (T3).
        State::Init | State::WaitToStart | State::WaitForWorkspaceStarted | State::WaitForAgent => {
            if options.no_autostart {
                Cell::exit()
            } else {
                Cell::to(State::WaitForWorkspaceStarted, [Effect::StartWorkspace { after: number }])
            }
        }
        State::EstablishTailnet | State::TailnetUp | State::ApplicationUp => signal(state),
        State::ShutdownApplication | State::ShutdownTailnet | State::Exit => Cell::stay(state),
    }
}

fn app_up(state: State) -> Cell {
    match state {
        State::TailnetUp => Cell::to(State::ApplicationUp, []),
        // Its start was waited for, so that it can be closed.
        State::ShutdownApplication => Cell::to(state, [Effect::CloseApp]),
        State::Init
        | State::WaitToStart
        | State::WaitForWorkspaceStarted
        | State::WaitForAgent
        | State::EstablishTailnet
        | State::ApplicationUp
        | State::ShutdownTailnet => Cell::unexpected(state, Severity::Error),
        State::Exit => Cell::stay(state),
    }
}

fn app_down(state: State) -> Cell {
    match state {
        State::TailnetUp | State::ApplicationUp | State::ShutdownApplication => {
            Cell::to(State::ShutdownTailnet, [Effect::ShutdownTailnet])
        }
        State::Init
        | State::WaitToStart
        | State::WaitForWorkspaceStarted
        | State::WaitForAgent
        | State::EstablishTailnet
        | State::ShutdownTailnet => Cell::unexpected(state, Severity::Error),
        State::Exit => Cell::stay(state),
    }
}

fn tailnet_up(state: State) -> Cell {
    match state {
        State::EstablishTailnet => Cell::to(State::TailnetUp, [Effect::SetAgentConn, Effect::StartApp]),
        // The dial was done before its end could be asked for.
        State::ShutdownTailnet => Cell::to(state, [Effect::SetAgentConn, Effect::ShutdownTailnet]),
        State::Init
        | State::WaitToStart
        | State::WaitForWorkspaceStarted
        | State::WaitForAgent
        | State::TailnetUp
        | State::ShutdownApplication => Cell::unexpected(state, Severity::Error),
        State::ApplicationUp => Cell::unexpected(state, Severity::Critical),
        State::Exit => Cell::stay(state),
    }
}

fn tailnet_down(state: State) -> Cell {
    match state {
        State::EstablishTailnet | State::ShutdownTailnet => Cell::exit(),
        State::Init
        | State::WaitToStart
        | State::WaitForWorkspaceStarted
        | State::WaitForAgent
        | State::TailnetUp
        | State::ShutdownApplication => Cell::unexpected(state, Severity::Error),
        State::ApplicationUp => Cell::unexpected(state, Severity::Critical),
        State::Exit => Cell::stay(state),
    }
}

/// The application that was up is gone. It is closed all the same, and then the connection (T7).
fn app_lost(state: State) -> Cell {
    match state {
        State::ApplicationUp => signal(state),
        State::ShutdownApplication | State::ShutdownTailnet | State::Exit => Cell::stay(state),
        State::Init
        | State::WaitToStart
        | State::WaitForWorkspaceStarted
        | State::WaitForAgent
        | State::EstablishTailnet
        | State::TailnetUp => Cell::unexpected(state, Severity::Error),
    }
}

/// The connection that was up is gone. The application goes first, and then what is left of the connection (T7).
fn tailnet_lost(state: State) -> Cell {
    match state {
        State::TailnetUp | State::ApplicationUp => signal(state),
        State::ShutdownApplication | State::ShutdownTailnet | State::Exit => Cell::stay(state),
        State::Init
        | State::WaitToStart
        | State::WaitForWorkspaceStarted
        | State::WaitForAgent
        | State::EstablishTailnet => Cell::unexpected(state, Severity::Error),
    }
}
