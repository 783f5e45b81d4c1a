//! The parts of a scenario that happen: steps and faults.

use std::collections::BTreeMap;
use std::time::Duration;

pub use groundhog_sim::SuspendedClock;

use super::{AppFailure, FaultName, Lifecycle, LogLevel, ToolCall, Tunnel};

/// Something that a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the scenario file on which it begins.
    pub line: usize,
    /// When.
    pub at: Duration,
    /// What.
    pub action: Action,
}

impl Step {
    /// When what the step says for how long it goes on is over.
    pub fn ends_at(&self) -> Duration {
        match &self.action {
            Action::OpenTerminal { stays: lasts, .. } | Action::AppOutage { lasts, .. } => {
                self.at.saturating_add(*lasts)
            }
            Action::OpenTunnel(Tunnel { stays: Some(lasts), .. }) => self.at.saturating_add(*lasts),
            _ => self.at,
        }
    }
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Makes a workspace, which queues its first build.
    CreateWorkspace {
        /// What it is called.
        name: String,
        /// Who makes it.
        owner: String,
        /// What it is made from.
        template: String,
        /// What its owner chooses.
        parameters: BTreeMap<String, String>,
        /// The least important lines that are to be written; unless set, as the provisioner likes.
        log_level: Option<LogLevel>,
        /// The preset that is named; empty for none.
        preset: String,
        /// The version that is built; empty for the active one.
        version: String,
        /// When it is started by itself; empty for never.
        autostart: String,
        /// After how long of running it is stopped by itself, zero for never; as the template has it if left out.
        ttl: Option<Duration>,
    },
    /// Queues another build.
    BuildWorkspace {
        /// The workspace's name.
        workspace: String,
        /// Whose it is.
        owner: String,
        /// Who asks for the build.
        by: String,
        /// What the build is for.
        transition: Transition,
        /// It is of the template's active version instead of the workspace's own.
        update: bool,
        /// A destroy that leaves behind what the workspace has.
        orphan: bool,
    },
    /// Asks for the end of a workspace's latest build.
    CancelBuild {
        /// The workspace's name.
        workspace: String,
        /// Whose it is.
        owner: String,
        /// Who asks: the owner, or somebody who should be refused.
        by: String,
        /// The cancel is to be refused unless the build is in this state.
        expect_status: Option<ExpectStatus>,
    },
    /// Tells a daemon to stop.
    ShutdownProvisioner {
        /// The daemon's name.
        name: String,
        /// What becomes of its job.
        job: JobAtShutdown,
    },
    /// Adds a version to a template, or a template with its first version, which queues the version's import.
    ImportTemplate {
        /// The template's name.
        template: String,
        /// The version's name.
        version: String,
        /// Who asks.
        by: String,
        /// The template of the file that the version behaves like.
        like: String,
        /// What its variables are set to.
        variables: BTreeMap<String, String>,
        /// New workspaces are to be made from it.
        activate: bool,
    },
    /// Asks for the end of a version's import.
    CancelImport {
        /// The template's name.
        template: String,
        /// The version's name.
        version: String,
        /// Who asks.
        by: String,
    },
    /// Tries out what a workspace would consist of.
    DryRun {
        /// The template's name.
        template: String,
        /// Who asks.
        by: String,
        /// What they choose.
        parameters: BTreeMap<String, String>,
    },
    /// Asks for the end of a template's latest dry run.
    CancelDryRun {
        /// The template's name.
        template: String,
        /// Who asks.
        by: String,
    },
    /// Reads the log of a workspace's latest build as it grows, to its end.
    FollowLogs {
        /// The workspace's name.
        workspace: String,
        /// Whose it is.
        owner: String,
        /// Who reads.
        by: String,
    },
    /// Takes back the key that admits provisioners.
    DeleteKey {
        /// The key's name.
        key: String,
        /// Who asks.
        by: String,
    },
    /// Opens a terminal on an agent's machine, or joins one that is there; comes back when the path to it breaks.
    OpenTerminal {
        /// The workspace's name.
        workspace: String,
        /// Whose it is.
        owner: String,
        /// The agent's name.
        agent: String,
        /// Who opens it.
        by: String,
        /// What the session is called: who names the same one sees the same one.
        session: String,
        /// What a new session runs; a shell if it is empty.
        command: String,
        /// What is typed, a line each.
        sends: Vec<String>,
        /// How long they stay; the session goes on without them.
        stays: Duration,
        /// They look at what comes. Who does not leaves it in the pipe.
        reads: bool,
        /// What they send comes in pieces of a few bytes, as over a slow line.
        in_pieces: bool,
    },
    /// Breaks something that listens on an agent's machine, for a while.
    AppOutage {
        /// The workspace's name.
        workspace: String,
        /// The agent's name.
        agent: String,
        /// The app's slug.
        app: String,
        /// How long.
        lasts: Duration,
        /// What is wrong with it.
        how: AppFailure,
    },
    /// Hands a workspace that was built ahead over to a person.
    ClaimWorkspace {
        /// The workspace's name.
        workspace: String,
        /// The account that built it ahead.
        owner: String,
        /// Who asks: that account, an administrator, or somebody who should be refused.
        by: String,
        /// Whose it is to be.
        person: String,
    },
    /// Looks at the agents of a workspace.
    ListAgents {
        /// The workspace's name.
        workspace: String,
        /// Whose it is.
        owner: String,
        /// Who looks.
        by: String,
    },
    /// Makes a version the one that new workspaces are made from.
    ActivateVersion {
        /// The template's name.
        template: String,
        /// The version's name.
        version: String,
        /// Who asks.
        by: String,
    },
    /// Says that nothing new is to be made of a template, or takes that back.
    DeprecateTemplate {
        /// The template's name.
        template: String,
        /// Why; empty takes it back.
        message: String,
        /// Who asks.
        by: String,
    },
    /// Deletes a template.
    DeleteTemplate {
        /// The template's name.
        template: String,
        /// Who asks.
        by: String,
    },
    /// Has what was built ahead of a template's active version be made anew.
    InvalidatePrebuilds {
        /// The template's name.
        template: String,
        /// Who asks.
        by: String,
    },
    /// Has nothing be built ahead, or takes that back.
    PausePrebuilds {
        /// Who asks.
        by: String,
        /// Nothing is to be built ahead.
        paused: bool,
    },
    /// Says when a workspace starts, stops and goes by itself: a call for each thing that is said.
    SetLifecycle {
        /// The workspace's name.
        workspace: String,
        /// Whose it is.
        owner: String,
        /// Who asks.
        by: String,
        /// What is said.
        lifecycle: Lifecycle,
    },
    /// Reads what the control plane counts and measures.
    ReadMetrics {
        /// Who asks.
        by: String,
        /// How the names begin of those that are read; empty for all.
        prefix: String,
    },
    /// Looks at the presets of a version.
    ListPresets {
        /// The template's name.
        template: String,
        /// The version's name; empty for the active one.
        version: String,
        /// Who looks.
        by: String,
    },
    /// Has an assistant call one of its tools, in a chat.
    CallTool(ToolCall),
    /// Makes a workspace a chat's.
    AttachWorkspace {
        /// The chat's name.
        chat: String,
        /// The workspace's name.
        workspace: String,
        /// Whose it is.
        owner: String,
        /// Who asks.
        by: String,
    },
    /// Says after how long of running chats' workspaces are stopped by themselves.
    SetChatTtl {
        /// Such as `2h`; what is no length of time is a story too. Empty for the platform's own choice.
        ttl: String,
        /// Who asks.
        by: String,
    },
    /// Opens a tunnel into a workspace, from a laptop of its own.
    OpenTunnel(Tunnel),
    /// Tells a tunnel to end.
    InterruptTunnel {
        /// The tunnel's name.
        name: String,
    },
}

impl Action {
    /// The workspace that it is about, by name, if it is one that exists already.
    pub(crate) fn workspace(&self) -> Option<&str> {
        match self {
            Self::BuildWorkspace { workspace, .. }
            | Self::CancelBuild { workspace, .. }
            | Self::FollowLogs { workspace, .. }
            | Self::OpenTerminal { workspace, .. }
            | Self::AppOutage { workspace, .. }
            | Self::ClaimWorkspace { workspace, .. }
            | Self::ListAgents { workspace, .. }
            | Self::AttachWorkspace { workspace, .. }
            | Self::SetLifecycle { workspace, .. } => Some(workspace),
            Self::OpenTunnel(tunnel) => Some(&tunnel.workspace),
            _ => None,
        }
    }

    /// Who acts, and whose workspace it is about.
    pub(crate) fn users(&self) -> Vec<&str> {
        match self {
            Self::CreateWorkspace { owner, .. } => vec![owner],
            Self::CancelBuild { owner, by, .. }
            | Self::BuildWorkspace { owner, by, .. }
            | Self::SetLifecycle { owner, by, .. }
            | Self::FollowLogs { owner, by, .. } => vec![owner, by],
            Self::ImportTemplate { by, .. }
            | Self::CancelImport { by, .. }
            | Self::DryRun { by, .. }
            | Self::CancelDryRun { by, .. }
            | Self::DeleteKey { by, .. }
            | Self::ActivateVersion { by, .. }
            | Self::DeprecateTemplate { by, .. }
            | Self::DeleteTemplate { by, .. }
            | Self::InvalidatePrebuilds { by, .. }
            | Self::PausePrebuilds { by, .. }
            | Self::ReadMetrics { by, .. }
            | Self::SetChatTtl { by, .. }
            | Self::ListPresets { by, .. } => vec![by],
            Self::OpenTerminal { owner, by, .. }
            | Self::ListAgents { owner, by, .. }
            | Self::AttachWorkspace { owner, by, .. } => vec![owner, by],
            Self::ClaimWorkspace { owner, by, person, .. } => vec![owner, by, person],
            Self::OpenTunnel(tunnel) => vec![&tunnel.owner, &tunnel.by],
            // Whose the chat is, the chat says.
            Self::CallTool(_)
            | Self::ShutdownProvisioner { .. }
            | Self::AppOutage { .. }
            | Self::InterruptTunnel { .. } => vec![],
        }
    }
}

/// What becomes of the job of a daemon that is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAtShutdown {
    /// It ends first.
    Finishes,
    /// It is cancelled.
    IsCanceled,
    /// It fails at once: the daemon ends within about a second, whatever happens.
    IsDropped,
}

/// What a build is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The workspace is to run.
    Start,
    /// The workspace is to rest.
    Stop,
    /// The workspace is to go.
    Destroy,
}

/// The states in which a build can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectStatus {
    /// No daemon has it yet.
    Pending,
    /// A daemon works on it.
    Running,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The line of the scenario file on which it begins.
    pub line: usize,
    /// When it begins.
    pub at: Duration,
    /// After how long it is over. Without it, what can last lasts to the end of the run.
    pub lasts: Option<Duration>,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// When it is over; none if it never is. What happens in an instant is over at once.
    pub fn ends_at(&self) -> Option<Duration> {
        match (&self.kind, self.lasts) {
            (_, Some(lasts)) => Some(self.at.saturating_add(lasts)),
            (FaultKind::Reset { .. } | FaultKind::StepClock { .. }, None) => Some(self.at),
            (_, None) => None,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultKind {
    /// Nothing passes between two hosts.
    Cut {
        /// The two hosts.
        between: (String, String),
    },
    /// Nothing passes from one host to another; the way back is open.
    CutOneWay {
        /// The host that cannot be heard.
        from: String,
        /// The host that cannot hear it.
        to: String,
    },
    /// What is sent between two hosts waits, and arrives when this is over.
    Hold {
        /// The two hosts.
        between: (String, String),
    },
    /// Latency between two hosts is multiplied.
    Slow {
        /// The two hosts.
        between: (String, String),
        /// By how much; at least 1.
        factor: f64,
    },
    /// Packets between two hosts are lost.
    Lossy {
        /// The two hosts.
        between: (String, String),
        /// Which share of them, above 0 and at most 1.
        probability: f64,
    },
    /// The connections between two hosts break.
    Reset {
        /// The two hosts.
        between: (String, String),
    },
    /// A host's processes die and its connections reset. If this ends, the host starts again.
    Kill {
        /// The host.
        host: String,
    },
    /// A host goes dark without a word and loses what was not synced. If this ends, the host starts again.
    PowerLoss {
        /// The host.
        host: String,
    },
    /// A host runs nothing until this is over.
    Suspend {
        /// The host.
        host: String,
        /// What its clock does meanwhile.
        clock: SuspendedClock,
    },
    /// A host's wall clock jumps. If this ends, it jumps back.
    StepClock {
        /// The host.
        host: String,
        /// Whereto.
        by: ClockStep,
    },
    /// A host's clocks run at another speed.
    Drift {
        /// The host.
        host: String,
        /// Parts per million that it gains, or, below zero, loses.
        ppm: i32,
    },
    /// The database is away: every replica of the control plane goes on without it.
    Database,
}

impl FaultKind {
    /// Which kind it is.
    pub fn name(&self) -> FaultName {
        match self {
            Self::Cut { .. } => FaultName::Cut,
            Self::CutOneWay { .. } => FaultName::CutOneWay,
            Self::Hold { .. } => FaultName::Hold,
            Self::Slow { .. } => FaultName::Slow,
            Self::Lossy { .. } => FaultName::Lossy,
            Self::Reset { .. } => FaultName::Reset,
            Self::Kill { .. } => FaultName::Kill,
            Self::PowerLoss { .. } => FaultName::PowerLoss,
            Self::Suspend { .. } => FaultName::Suspend,
            Self::StepClock { .. } => FaultName::StepClock,
            Self::Drift { .. } => FaultName::Drift,
            Self::Database => FaultName::Database,
        }
    }

    /// The hosts that it is on: one, or the two ends of a path; none for the database.
    pub fn hosts(&self) -> Vec<&str> {
        match self {
            Self::Cut { between: (a, b) }
            | Self::Hold { between: (a, b) }
            | Self::Slow { between: (a, b), .. }
            | Self::Lossy { between: (a, b), .. }
            | Self::Reset { between: (a, b) }
            | Self::CutOneWay { from: a, to: b } => vec![a, b],
            Self::Kill { host }
            | Self::PowerLoss { host }
            | Self::Suspend { host, .. }
            | Self::StepClock { host, .. }
            | Self::Drift { host, .. } => vec![host],
            Self::Database => Vec::new(),
        }
    }

    /// The same, to be changed.
    pub(crate) fn hosts_mut(&mut self) -> Vec<&mut String> {
        match self {
            Self::Cut { between: (a, b) }
            | Self::Hold { between: (a, b) }
            | Self::Slow { between: (a, b), .. }
            | Self::Lossy { between: (a, b), .. }
            | Self::Reset { between: (a, b) }
            | Self::CutOneWay { from: a, to: b } => vec![a, b],
            Self::Kill { host }
            | Self::PowerLoss { host }
            | Self::Suspend { host, .. }
            | Self::StepClock { host, .. }
            | Self::Drift { host, .. } => vec![host],
            Self::Database => Vec::new(),
        }
    }
}

/// A jump of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockStep {
    /// The clock shows a later time.
    Ahead(Duration),
    /// The clock shows an earlier time.
    Back(Duration),
}

impl ClockStep {
    /// How far it jumps, either way.
    pub fn size(self) -> Duration {
        match self {
            Self::Ahead(by) | Self::Back(by) => by,
        }
    }
}
