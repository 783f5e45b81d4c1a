//! The runner as a value: everything that is decided about one job.
//!
//! [`Runner::handle`] takes an event and the time, and returns what to do. [`Runner::next_deadline`] tells when
//! it wants an [`Event::Timer`] at the latest; whatever is due is found at any event, so a late timer delays and
//! never breaks. What came out of the job is in [`Runner::outcome`], after which every event is ignored and no
//! effect comes any more: a runner that has ended is silent.

use groundhog_host::Instant;
use groundhog_wire::{
    id::{IdError, JobId},
    v1::{Declarations, Job, UpdateJobRequest},
};

use super::{
    RunnerConfig,
    attempt::Attempt,
    ending::{Cancel, Message},
    event::{By, CallError, Effect, Event, Moment, Outcome, Phase, Tale},
    log_queue::LogQueue,
    phases::Work,
    texts,
    updates::Updates,
};

/// Where the run stands.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// Not begun.
    New,
    /// Begun; the session is being opened.
    Opening,
    /// The provisioner is at work; [`Runner::phase`] tells on what.
    Provisioning,
    /// What an import has found is being handed over.
    Declaring { declarations: Declarations, call: Attempt },
    /// Waiting for the lines so far to be accepted before what is next.
    Flushing(Next),
    /// The cost is being committed.
    Quota { cost: i32, call: Attempt },
    /// The outcome is settled; the last lines are being handed over.
    LastFlush(Message),
    /// The terminal message is being sent.
    Terminal { message: Message, call: Attempt },
    /// Over.
    Ended(Outcome),
}

/// What a flush goes before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    Quota { cost: i32 },
    Apply,
}

/// One job's runner. See the [module](self).
#[derive(Clone, Debug)]
pub struct Runner {
    pub(super) id: JobId,
    pub(super) source: Vec<u8>,
    pub(super) work: Work,
    pub(super) config: RunnerConfig,
    pub(super) stage: Stage,
    /// How far the job has come.
    pub(super) phase: Phase,
    /// The stage that the provisioner's lines are filed under.
    pub(super) log_stage: &'static str,
    pub(super) logs: LogQueue,
    pub(super) updates: Updates,
    pub(super) cancel: Option<Cancel>,
    pub(super) session_open: bool,
    pub(super) effects: Vec<Effect>,
}

impl Runner {
    /// A runner for `job`, which was delivered at `now`. Fails when the job's id is not an id: nothing can be
    /// said about such a job, not even that it failed.
    pub fn new(job: Job, config: RunnerConfig, now: Instant) -> Result<Self, IdError> {
        let id = job.job_id.parse()?;
        let (work, source) = Work::of(job);
        Ok(Self {
            id,
            source,
            phase: work.first_phase(),
            work,
            stage: Stage::New,
            log_stage: texts::SETTING_UP,
            logs: LogQueue::new(&config),
            updates: Updates::new(&config, now),
            cancel: None,
            session_open: false,
            effects: Vec::new(),
            config,
        })
    }

    /// The job.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// How the run came out, once it is over.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.stage {
            Stage::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Takes an event that happened at `at`, and everything that has become due by then. Returns what to do, in
    /// this order. Events that nobody waits for any more are ignored.
    pub fn handle(&mut self, at: Moment, event: Event) -> Vec<Effect> {
        if self.outcome().is_none() {
            self.take(at, event);
            self.advance(at);
        }
        std::mem::take(&mut self.effects)
    }

    fn take(&mut self, at: Moment, event: Event) {
        match event {
            Event::Start if !matches!(self.stage, Stage::New) => {}
            Event::Start => {
                self.tell(Tale::Started);
                self.stage = Stage::Opening;
                self.effects.push(Effect::Open);
            }
            Event::Opened(result) => self.opened(at, result),
            Event::SendFailed { request, error } => self.send_failed(at, request, &error),
            Event::Response(response) => self.responded(at, response),
            Event::SessionEnded(error) => self.session_ended(at, &error),
            Event::Updated(result) => self.updated(at, result),
            Event::Declared(result) => self.declared(at, result),
            Event::Quota(result) => self.quota_answered(at, result),
            Event::Terminal(result) => self.terminal_answered(at, result),
            Event::Cancel => self.cancel(at, By::Shutdown),
            Event::Fail { error, flush_for } => self.fail_now(at, error, flush_for),
            Event::Stop => self.stop(),
            Event::Timer => {}
        }
    }

    /// Does what is due. One pass is enough: each step only makes later ones due.
    fn advance(&mut self, at: Moment) {
        self.force_cancel_if_due(at);
        self.pass_barrier_if_due(at);
        match &mut self.stage {
            Stage::Declaring { declarations, call } if call.may_begin(at.now) => {
                call.begun();
                let declarations = declarations.clone();
                self.declare(declarations);
            }
            Stage::Quota { cost, call } if call.may_begin(at.now) => {
                call.begun();
                let cost = *cost;
                self.commit_quota(cost);
            }
            Stage::Terminal { message, call } if call.may_begin(at.now) => {
                call.begun();
                self.effects.push(message.clone().into_effect(self.id));
            }
            _ => {}
        }
        self.update_if_due(at);
    }

    /// When an [`Event::Timer`] is wanted at the latest; none while only answers are waited for.
    pub fn next_deadline(&self) -> Option<Instant> {
        let force = self.cancel.as_ref().map(|cancel| cancel.force_at).filter(|_| self.is_undecided());
        let barrier = self.updates.barrier.as_ref().map(|barrier| barrier.give_up_at);
        let call = match &self.stage {
            Stage::Declaring { call, .. } | Stage::Quota { call, .. } | Stage::Terminal { call, .. } => call.earliest(),
            _ => None,
        };
        let update = if self.reports() { self.updates.due_at(self.logs.due_at()) } else { None };
        [force, barrier, call, update].into_iter().flatten().min()
    }

    /// Whether the job's outcome is still open.
    pub(super) fn is_undecided(&self) -> bool {
        !matches!(self.stage, Stage::LastFlush(_) | Stage::Terminal { .. } | Stage::Ended(_))
    }

    /// Whether updates are sent: from the session's begin until the terminal message (J5).
    pub(super) fn reports(&self) -> bool {
        !matches!(self.stage, Stage::New | Stage::Opening | Stage::Terminal { .. } | Stage::Ended(_))
    }

    /// Whether a call that belongs to the present phase has no answer yet.
    pub(super) fn own_call_in_flight(&self) -> bool {
        match &self.stage {
            Stage::Declaring { call, .. } | Stage::Quota { call, .. } => call.is_in_flight(),
            _ => false,
        }
    }

    pub(super) fn tell(&mut self, tale: Tale) {
        self.effects.push(Effect::Tell(tale));
    }

    fn update_if_due(&mut self, at: Moment) {
        if !self.reports() || self.updates.due_at(self.logs.due_at()).is_none_or(|due| due > at.now) {
            return;
        }
        // A heartbeat takes along whatever waits.
        let logs = self.logs.batch();
        self.updates.begun(logs.last().map_or(0, |line| line.sequence));
        self.effects.push(Effect::Update(UpdateJobRequest { job_id: self.id.to_string(), logs, declarations: None }));
    }

    fn updated(&mut self, at: Moment, result: Result<bool, CallError>) {
        if !self.updates.attempt.is_in_flight() {
            return;
        }
        match result {
            Ok(canceled) => {
                let up_to = self.updates.accepted(at.now);
                self.logs.accepted(up_to);
                if canceled {
                    self.cancel(at, By::User);
                }
            }
            Err(CallError::Lost(_)) => self.updates.attempt.lost(at.now),
            Err(CallError::Refused(error)) => {
                self.updates.attempt.answered();
                self.update_refused(&error);
            }
            Err(CallError::Over(error)) => {
                self.updates.attempt.answered();
                self.let_go(error);
            }
        }
    }

    /// Makes the run wait until what is queued now was accepted, but no longer than until `give_up_at`.
    pub(super) fn flush(&mut self, give_up_at: Instant) {
        self.logs.make_due();
        self.updates.set_barrier(self.logs.last_sequence(), give_up_at);
    }

    fn pass_barrier_if_due(&mut self, at: Moment) {
        let passed = self
            .updates
            .barrier
            .take_if(|barrier| (barrier.heard && self.logs.is_accepted(barrier.up_to)) || barrier.give_up_at <= at.now);
        if passed.is_none() {
            return;
        }
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::Flushing(next) => self.flushed_before(at, next),
            Stage::LastFlush(message) => self.begin_terminal(message),
            // A barrier is set with one of these stages and taken away with it.
            other => self.stage = other,
        }
    }
}
