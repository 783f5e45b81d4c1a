//! What the reference knows of a run: its steps, its places, and what is seen of it.

use groundhog_wire::v1::Transition;

pub(super) const HEARTBEAT: u64 = 5;
pub(super) const FORCE_CANCEL: u64 = 20;
pub(super) const PHASE_FLUSH: u64 = 7;
pub(super) const LAST_FLUSH: u64 = 4;
pub(super) const CLOSING_FLUSH: u64 = 3;
pub(super) const RETRY: u64 = 1;
/// How many lines a message carries.
pub(super) const MESSAGE_LINES: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer<T> {
    Ok(T),
    Lost,
    Refused,
    Over,
}

/// The kinds of jobs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Build(Transition),
    Import,
    DryRun,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Begin; whether the session opens.
    Start(bool),
    /// The update is answered; accepted, it tells whether a user has cancelled the job.
    Update(Answer<bool>),
    /// The quota is answered; whether it suffices.
    Quota(Answer<bool>),
    Terminal(Answer<()>),
    /// The declarations are answered, as an update is.
    Declare(Answer<bool>),
    Logs(u64),
    Parsed {
        fails: bool,
    },
    Planned {
        fails: bool,
        cost: i32,
    },
    Applied {
        fails: bool,
    },
    /// The provisioner answers what it was not asked.
    OutOfTurn,
    SessionEnds,
    Shutdown,
    Close,
    Stop,
    Pass(u64),
}

impl Place {
    /// Whether the provisioner is at work.
    pub(super) fn is_work(&self) -> bool {
        matches!(self, Self::Parsing | Self::Planning | Self::PlanningStop | Self::Applying)
    }
}

/// A terminal message: completed, or failed with an error and its code.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum End {
    Completed,
    Failed(String, &'static str),
}

pub(super) fn failed(error: impl Into<String>) -> End {
    End::Failed(error.into(), "")
}

/// A call: in flight, or to be made at this time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Call {
    InFlight,
    From(u64),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    New,
    Parsing,
    Declaring(Call),
    /// A build's plan, a dry run's, or an import's for a start.
    Planning,
    /// An import's plan for a stop.
    PlanningStop,
    FlushBeforeQuota(i32),
    Quota(i32, Call),
    FlushBeforeApply,
    Applying,
    LastFlush(End),
    Terminal(End, Call),
    Over(String),
}

/// A wait for an update that is begun after it, and for lines up to a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    pub(super) lines: u64,
    pub(super) until: u64,
    pub(super) heard: bool,
}

/// What can be seen of a runner from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) requests: Vec<&'static str>,
    pub(super) session: bool,
    /// The numbers of the lines that the update in flight carries.
    pub(super) update: Option<Vec<u64>>,
    /// Whether declarations are in flight.
    pub(super) declare: bool,
    pub(super) quota: Option<i32>,
    pub(super) terminal: Option<String>,
    pub(super) outcome: Option<String>,
}

pub(super) fn reason<T>(answer: Answer<T>) -> &'static str {
    match answer {
        Answer::Over => "job already completed",
        _ => "refused",
    }
}
