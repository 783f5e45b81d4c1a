//! What a runner hears and what it wants done.

use std::time::Duration;

use groundhog_host::Instant;
use groundhog_wire::v1::{
    CommitQuotaRequest, CommitQuotaResponse, CompleteJobRequest, FailJobRequest, UpdateJobRequest,
};

use crate::session::{Request, Response, Variable};

/// The time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the monotonic clock: everything is decided by this.
    pub now: Instant,
    /// By the wall clock, in milliseconds since 1970: only written into log lines.
    pub wall_ms: i64,
}

/// Who asked for a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A user, through the control plane.
    User,
    /// A shutdown of the daemon.
    Shutdown,
}

impl By {
    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Shutdown => "shutdown",
        }
    }
}

/// How far a job has come, as events tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Of an import: the source is read.
    Parse,
    /// Of an import: what was found is handed over.
    Declare,
    /// Up to the end of the plan; an import's plan for a start.
    Plan,
    /// An import's plan for a stop.
    PlanStop,
    /// Of a build: its cost is being committed.
    Quota,
    /// Of a build: from the begin of the apply on.
    Apply,
}

impl Phase {
    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Declare => "declare",
            Self::Plan => "plan",
            Self::PlanStop => "plan_stop",
            Self::Quota => "quota",
            Self::Apply => "apply",
        }
    }
}

/// What the control plane answers to an import's declarations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The job was cancelled.
    pub canceled: bool,
    /// The values to plan with.
    pub variable_values: Vec<Variable>,
}

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// No answer, or a fault that passes: the call may have been carried out or not. Worth another try.
    Lost(String),
    /// The control plane refuses this message, and would again.
    Refused(String),
    /// The control plane takes nothing about this job from this worker any more: the job has ended, is another
    /// worker's, or does not exist.
    Over(String),
}

/// What a runner hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Begin. Counts once; only a cancel may come before it. [`Event::Fail`] may come in its place.
    Start,
    /// How [`Effect::Open`] went.
    Opened(Result<(), String>),
    /// A request could not be sent, for the reason given.
    SendFailed {
        /// The request's name.
        request: &'static str,
        /// Why.
        error: String,
    },
    /// The provisioner said something.
    Response(Response),
    /// The session is over, though the runner did not close it.
    SessionEnded(String),
    /// How [`Effect::Update`] went: whether the job was cancelled.
    Updated(Result<bool, CallError>),
    /// How [`Effect::Declare`] went.
    Declared(Result<Declared, CallError>),
    /// How [`Effect::CommitQuota`] went.
    Quota(Result<CommitQuotaResponse, CallError>),
    /// How [`Effect::Fail`] or [`Effect::Complete`] went.
    Terminal(Result<(), CallError>),
    /// The daemon wants the job to end gracefully.
    Cancel,
    /// The daemon wants the job to end now: it fails with `error` unless it has its result already, and log lines
    /// hold the terminal message back for `flush_for` at most.
    Fail {
        /// What the job fails with.
        error: String,
        /// How long the last flush may take.
        flush_for: Duration,
    },
    /// The daemon is gone: nothing more may be sent.
    Stop,
    /// [`Runner::next_deadline`](super::Runner::next_deadline) has passed.
    Timer,
}

/// What a runner wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Open the provisioner session. Answered at once by [`Event::Opened`].
    Open,
    /// Send a request on the session. Answered by [`Event::SendFailed`] if that can't be done.
    Send(Request),
    /// Close the session; nothing more is to be heard of it.
    CloseSession,
    /// Begin this call. Answered by [`Event::Updated`]. Never begun while one is in flight.
    Update(UpdateJobRequest),
    /// Begin this call, which hands an import's declarations over. Answered by [`Event::Declared`]. Never begun while
    /// one is in flight; an [`Effect::Update`] may be.
    Declare(UpdateJobRequest),
    /// Begin this call. Answered by [`Event::Quota`]. Never begun while one is in flight.
    CommitQuota(CommitQuotaRequest),
    /// Begin this call. Answered by [`Event::Terminal`]. Never begun while any call is in flight.
    Fail(FailJobRequest),
    /// Begin this call. Answered by [`Event::Terminal`]. Never begun while any call is in flight.
    Complete(CompleteJobRequest),
    /// Drop every call in flight; nothing more is to be heard of them.
    Abandon,
    /// Tell the world.
    Tell(Tale),
}

/// What a runner tells the world; see [`crate::events`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tale {
    /// It has begun.
    Started,
    /// It has come to this phase.
    Phase(Phase),
    /// The provisioner has written a line.
    Line {
        /// How important it is to who reads the daemon's own log.
        level: tracing::Level,
        /// The stage that it belongs to.
        stage: &'static str,
        /// The line.
        output: String,
    },
    /// It has learned that the job is to end.
    Canceled {
        /// Who asked.
        by: By,
        /// The outcome was settled before.
        settled: bool,
    },
    /// It has passed a cancel on.
    CancelForwarded {
        /// The phase that the cancel met.
        phase: Phase,
        /// Who asked.
        by: By,
    },
    /// It has cut the session off, as the cancel took too long.
    ForceCancel,
    /// It is done.
    Ended {
        /// How it came out.
        outcome: Outcome,
        /// How many log lines it had to hand over, the ones that nobody took included.
        lines: u64,
    },
}

/// How a run came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The control plane took the job as completed.
    Completed,
    /// The control plane took the job as failed, with this error.
    Failed(String),
    /// The control plane refused the terminal message for good, for this reason.
    Refused(String),
    /// The daemon closed before the terminal message was answered.
    Stopped,
}

impl Outcome {
    /// The name in events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Stopped => "stopped",
        }
    }

    /// The error in events; empty without one.
    pub fn error(&self) -> &str {
        match self {
            Self::Completed | Self::Stopped => "",
            Self::Failed(error) | Self::Refused(error) => error,
        }
    }
}
