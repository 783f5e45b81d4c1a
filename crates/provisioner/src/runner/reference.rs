//! The runner against a reference: a small second runner that is written from the rules alone.
//!
//! The reference knows seconds, not microseconds, and how many lines there are, not what they say; what it says
//! after each step is compared: requests and session, the calls in flight, the outcome. Every log line is due at
//! once and every try a second after the last here, since the queue and the back-off have tests of their own.

use std::time::Duration;

use groundhog_host::Instant;
use groundhog_wire::v1::{
    self, CommitQuotaResponse, FailJobRequest, Job, LogLevel, Resource, Transition, WorkspaceBuild,
};
use proptest::{prelude::*, strategy::Union, test_runner::RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::{
    Runner, RunnerConfig,
    event::{CallError, Effect, Event, Moment, Outcome},
};
use crate::session::Response;

const HEARTBEAT: u64 = 5;
const FORCE_CANCEL: u64 = 20;
const PHASE_FLUSH: u64 = 7;
const LAST_FLUSH: u64 = 4;
const CLOSING_FLUSH: u64 = 3;
const RETRY: u64 = 1;
/// How many lines a message carries.
const MESSAGE_LINES: u64 = 1_000;

fn config() -> RunnerConfig {
    RunnerConfig {
        update_interval: Duration::from_secs(HEARTBEAT),
        force_cancel_interval: Duration::from_secs(FORCE_CANCEL),
        log_lines_max: 1,
        update_timeout: Duration::from_secs(PHASE_FLUSH),
        last_flush_max: Duration::from_secs(LAST_FLUSH),
        retry_wait_min: Duration::from_secs(RETRY),
        retry_wait_max: Duration::from_secs(RETRY),
        ..RunnerConfig::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer<T> {
    Ok(T),
    Lost,
    Refused,
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Start,
    /// The update is answered; accepted, it tells whether a user has cancelled the job.
    Update(Answer<bool>),
    /// The quota is answered; whether it suffices.
    Quota(Answer<bool>),
    Terminal(Answer<()>),
    Logs(u64),
    Planned {
        fails: bool,
        cost: i32,
    },
    Applied {
        fails: bool,
    },
    SessionEnds,
    Shutdown,
    Close,
    Stop,
    Pass(u64),
}

/// A terminal message: completed, or failed with an error and its code.
#[derive(Clone, Debug, PartialEq)]
enum End {
    Completed,
    Failed(String, &'static str),
}

fn failed(error: impl Into<String>) -> End {
    End::Failed(error.into(), "")
}

/// A call: in flight, or to be made at this time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    InFlight,
    From(u64),
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    New,
    Planning,
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
struct Wait {
    lines: u64,
    until: u64,
    heard: bool,
}

/// What can be seen of a runner from outside.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    requests: Vec<&'static str>,
    session: bool,
    /// The numbers of the lines that the update in flight carries.
    update: Option<Vec<u64>>,
    quota: Option<i32>,
    terminal: Option<String>,
    outcome: Option<String>,
}

#[derive(Clone, Debug)]
struct Reference {
    transition: Transition,
    now: u64,
    place: Place,
    canceled_at: Option<u64>,
    lines: u64,
    stored: u64,
    /// When an update was last accepted.
    heard_at: u64,
    /// The update in flight: its last line, and whether it was begun after the present wait.
    update: Option<(u64, bool)>,
    /// When the next one may be made.
    update_from: u64,
    wait: Option<Wait>,
    seen: Seen,
}

impl Reference {
    fn is_decided(&self) -> bool {
        matches!(self.place, Place::LastFlush(_) | Place::Terminal(..) | Place::Over(_))
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Start => {
                self.seen.session = true;
                self.lines += 1;
                self.seen.requests.push("Config");
                if self.canceled_at.is_some() {
                    self.seen.requests.push("Cancel");
                    self.decide(failed("provisioning was canceled"), LAST_FLUSH);
                } else {
                    self.seen.requests.push("Plan");
                    self.place = Place::Planning;
                }
            }
            Step::Update(answer) => self.update_answered(answer),
            Step::Quota(answer) => self.quota_answered(answer),
            Step::Terminal(answer) => self.terminal_answered(answer),
            Step::Logs(count) => {
                // They come one by one, and the first may be sent before the next is there.
                for _ in 0..count {
                    self.lines += 1;
                    self.settle();
                }
            }
            Step::Planned { fails: true, .. } | Step::Applied { fails: true } => self.decide(failed("no"), LAST_FLUSH),
            // A cancelled job begins no further phase.
            Step::Planned { .. } if self.canceled_at.is_some() => {
                self.decide(failed("provisioning was canceled"), LAST_FLUSH);
            }
            Step::Planned { cost, .. } => {
                let asks = cost != 0 && self.transition != Transition::Destroy;
                self.wait_for_flush(PHASE_FLUSH);
                self.place = if asks { Place::FlushBeforeQuota(cost) } else { Place::FlushBeforeApply };
            }
            Step::Applied { .. } => self.decide(End::Completed, LAST_FLUSH),
            Step::SessionEnds => self.decide(failed("recv workspace provision: gone"), LAST_FLUSH),
            Step::Shutdown => self.cancel(),
            Step::Close => match &self.place {
                Place::LastFlush(_) => {
                    let until = self.now + CLOSING_FLUSH;
                    self.wait.iter_mut().for_each(|wait| wait.until = wait.until.min(until));
                }
                Place::Terminal(..) | Place::Over(_) => {}
                _ => {
                    self.seen.session = false;
                    self.decide(failed("closed"), CLOSING_FLUSH);
                }
            },
            Step::Stop => self.end("stopped".to_owned()),
            Step::Pass(_) => {}
        }
    }

    /// The first cancel is forwarded in every phase (J7) and starts the force-cancel timer (J6).
    fn cancel(&mut self) {
        if self.canceled_at.is_some() {
            return;
        }
        self.canceled_at = Some(self.now);
        match self.place {
            Place::Planning | Place::Applying => self.seen.requests.push("Cancel"),
            Place::FlushBeforeQuota(_) | Place::Quota(..) | Place::FlushBeforeApply => {
                self.seen.requests.push("Cancel");
                self.decide(failed("provisioning was canceled"), LAST_FLUSH);
            }
            Place::New | Place::LastFlush(_) | Place::Terminal(..) | Place::Over(_) => {}
        }
    }

    fn wait_for_flush(&mut self, seconds: u64) {
        self.wait = Some(Wait { lines: self.lines, until: self.now + seconds, heard: false });
        if let Some((_, serves)) = &mut self.update {
            *serves = false;
        }
    }

    /// The outcome is settled: one more line, and everything is flushed before it is told.
    fn decide(&mut self, end: End, flush: u64) {
        match self.place {
            // Nothing was begun.
            Place::New if !self.seen.session => return self.tell(end),
            // The commit is dropped, and whatever else is in flight with it.
            Place::Quota(_, Call::InFlight) => self.update = None,
            _ => {}
        }
        self.lines += 1;
        self.wait_for_flush(flush);
        self.place = Place::LastFlush(end);
    }

    fn tell(&mut self, end: End) {
        self.update = None;
        self.wait = None;
        self.seen.session = false;
        self.place = Place::Terminal(end, Call::From(self.now));
    }

    fn end(&mut self, outcome: String) {
        self.update = None;
        self.wait = None;
        self.seen.session = false;
        self.place = Place::Over(outcome);
    }

    fn update_answered(&mut self, answer: Answer<bool>) {
        let Some((last, serves)) = self.update.take() else { return };
        match answer {
            Answer::Ok(canceled) => {
                self.stored = last;
                // Only this postpones the next heartbeat (J4).
                self.heard_at = self.now;
                if let Some(wait) = self.wait.as_mut().filter(|_| serves) {
                    wait.heard = true;
                }
                if canceled {
                    self.cancel();
                }
            }
            Answer::Lost => self.update_from = self.now + RETRY,
            Answer::Refused | Answer::Over => {
                let reason = reason(answer);
                match self.place.clone() {
                    Place::LastFlush(end) => self.tell(end),
                    _ => self.tell(failed(format!("send periodic update: {reason}"))),
                }
            }
        }
    }

    fn quota_answered(&mut self, answer: Answer<bool>) {
        let Place::Quota(cost, _) = self.place else { return };
        match answer {
            Answer::Lost => self.place = Place::Quota(cost, Call::From(self.now + RETRY)),
            Answer::Refused | Answer::Over => {
                self.place = Place::Quota(cost, Call::From(self.now));
                self.lines += 1;
                self.decide(failed(format!("commit quota: {}", reason(answer))), LAST_FLUSH);
            }
            Answer::Ok(true) => {
                self.lines += 3;
                self.wait_for_flush(PHASE_FLUSH);
                self.place = Place::FlushBeforeApply;
            }
            Answer::Ok(false) => {
                self.place = Place::Quota(cost, Call::From(self.now));
                self.lines += 4;
                self.decide(End::Failed("insufficient quota".to_owned(), "INSUFFICIENT_QUOTA"), LAST_FLUSH);
            }
        }
    }

    /// Terminal messages are retried until they are accepted, or refused for good (J9).
    fn terminal_answered(&mut self, answer: Answer<()>) {
        let Place::Terminal(end, _) = self.place.clone() else { return };
        match (answer, end) {
            (Answer::Ok(()), End::Completed) => self.end("completed".to_owned()),
            (Answer::Ok(()), End::Failed(error, _)) => self.end(format!("failed: {error}")),
            (Answer::Lost, end) => self.place = Place::Terminal(end, Call::From(self.now + RETRY)),
            // A result that can't be taken becomes a failure that can.
            (Answer::Refused, End::Completed) => self.tell(failed("internal provisionerserver error")),
            (Answer::Refused | Answer::Over, _) => self.end(format!("refused: {}", reason(answer))),
        }
    }

    /// Does what is due by now.
    fn settle(&mut self) {
        if self.canceled_at.is_some_and(|at| at + FORCE_CANCEL <= self.now) && !self.is_decided() {
            self.seen.session = false;
            self.decide(failed("Cancel timed out"), LAST_FLUSH);
        }
        let over = |wait: &Wait| (wait.heard && wait.lines <= self.stored) || wait.until <= self.now;
        if self.wait.is_some_and(|wait| over(&wait)) {
            self.wait = None;
            match self.place.clone() {
                Place::FlushBeforeQuota(cost) => self.place = Place::Quota(cost, Call::From(self.now)),
                Place::FlushBeforeApply => {
                    self.lines += 1;
                    self.seen.requests.push("Apply");
                    self.place = Place::Applying;
                }
                Place::LastFlush(end) => self.tell(end),
                _ => {}
            }
        }
        if let Place::Quota(_, call) | Place::Terminal(_, call) = &mut self.place
            && matches!(call, Call::From(at) if *at <= self.now)
        {
            *call = Call::InFlight;
        }
        // Updates go from the begin until the terminal message, whatever was cancelled meanwhile (J5).
        let reports = !matches!(self.place, Place::New | Place::Terminal(..) | Place::Over(_));
        let wanted = self.lines > self.stored
            || self.heard_at + HEARTBEAT <= self.now
            || self.wait.is_some_and(|wait| !wait.heard);
        if reports && wanted && self.update.is_none() && self.update_from <= self.now {
            self.update = Some((self.lines.min(self.stored + MESSAGE_LINES), true));
        }
        self.look();
    }

    fn look(&mut self) {
        self.seen.update = self.update.map(|(last, _)| (self.stored + 1..=last).collect());
        self.seen.quota = match self.place {
            Place::Quota(cost, Call::InFlight) => Some(cost),
            _ => None,
        };
        self.seen.terminal = match &self.place {
            Place::Terminal(End::Completed, Call::InFlight) => Some("completed".to_owned()),
            Place::Terminal(End::Failed(error, code), Call::InFlight) => Some(format!("failed: {error} {code}")),
            _ => None,
        };
        self.seen.outcome = match &self.place {
            Place::Over(outcome) => Some(outcome.clone()),
            _ => None,
        };
    }
}

fn reason<T>(answer: Answer<T>) -> &'static str {
    match answer {
        Answer::Over => "job already completed",
        _ => "refused",
    }
}

fn result<T>(answer: Answer<T>) -> Result<T, CallError> {
    match answer {
        Answer::Ok(value) => Ok(value),
        Answer::Lost => Err(CallError::Lost("lost".to_owned())),
        Answer::Refused => Err(CallError::Refused(reason(answer).to_owned())),
        Answer::Over => Err(CallError::Over(reason(answer).to_owned())),
    }
}

fn answers<T: Copy + std::fmt::Debug + 'static>(value: impl Strategy<Value = T> + 'static) -> BoxedStrategy<Answer<T>> {
    prop_oneof![
        10 => value.prop_map(Answer::Ok),
        4 => Just(Answer::Lost),
        1 => Just(Answer::Refused),
        1 => Just(Answer::Over),
    ]
    .boxed()
}

impl ReferenceStateMachine for Reference {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        prop_oneof![Just(Transition::Start), Just(Transition::Stop), Just(Transition::Destroy)]
            .prop_map(|transition| Self {
                transition,
                now: 0,
                place: Place::New,
                canceled_at: None,
                lines: 0,
                stored: 0,
                heard_at: 0,
                update: None,
                update_from: 0,
                wait: None,
                seen: Seen::default(),
            })
            .boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let flips = proptest::bool::weighted(0.1);
        let all = [
            (30, Just(Step::Start).boxed()),
            (20, answers(flips).prop_map(Step::Update).boxed()),
            (12, answers(proptest::bool::weighted(0.8)).prop_map(Step::Quota).boxed()),
            (8, answers(Just(())).prop_map(Step::Terminal).boxed()),
            (5, prop_oneof![9 => 1_u64..4, 1 => 900_u64..2_200].prop_map(Step::Logs).boxed()),
            (8, (flips, 0_i32..3).prop_map(|(fails, cost)| Step::Planned { fails, cost }).boxed()),
            (8, any::<bool>().prop_map(|fails| Step::Applied { fails }).boxed()),
            (1, Just(Step::SessionEnds).boxed()),
            (1, Just(Step::Shutdown).boxed()),
            (if state.is_decided() { 6 } else { 1 }, Just(Step::Close).boxed()),
            (1, Just(Step::Stop).boxed()),
            (12, prop_oneof![6 => 1_u64..7, 1 => 7_u64..30].prop_map(Step::Pass).boxed()),
        ];
        // What can't happen here is not drawn; whether it can does not depend on a step's values.
        let possible = all.into_iter().zip(EXAMPLES).filter(|(_, step)| Self::preconditions(state, step));
        Union::new_weighted(possible.map(|(choice, _)| choice).collect()).boxed()
    }

    fn preconditions(state: &Self, step: &Step) -> bool {
        let begun = state.place != Place::New;
        match step {
            Step::Start => !begun,
            Step::Update(_) => state.seen.update.is_some(),
            Step::Quota(_) => state.seen.quota.is_some(),
            Step::Terminal(_) => state.seen.terminal.is_some(),
            Step::Logs(_) => state.seen.session && matches!(state.place, Place::Planning | Place::Applying),
            Step::Planned { .. } => state.place == Place::Planning,
            Step::Applied { .. } => state.place == Place::Applying,
            Step::SessionEnds => matches!(state.place, Place::Planning | Place::Applying),
            Step::Shutdown | Step::Close => true,
            Step::Stop | Step::Pass(_) => begun,
        }
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        if let Place::Over(_) = state.place {
            return state;
        }
        state.take(*step);
        state.settle();
        if let Step::Pass(seconds) = step {
            for _ in 0..*seconds {
                state.now += 1;
                state.settle();
            }
        }
        state
    }
}

/// One of each, in the order in which they are drawn.
const EXAMPLES: [Step; 12] = [
    Step::Start,
    Step::Update(Answer::Lost),
    Step::Quota(Answer::Lost),
    Step::Terminal(Answer::Lost),
    Step::Logs(1),
    Step::Planned { fails: false, cost: 0 },
    Step::Applied { fails: false },
    Step::SessionEnds,
    Step::Shutdown,
    Step::Close,
    Step::Stop,
    Step::Pass(1),
];

/// The runner, and what is seen of it.
struct Tested {
    runner: Runner,
    now: Instant,
    seen: Seen,
}

impl Tested {
    fn happen(&mut self, event: Event) {
        for effect in self.runner.handle(Moment { now: self.now, wall_ms: 0 }, event) {
            match effect {
                Effect::Open => {
                    self.seen.session = true;
                    self.happen(Event::Opened(Ok(())));
                }
                Effect::Send(request) => self.seen.requests.push(request.name()),
                Effect::CloseSession => self.seen.session = false,
                Effect::Update(request) => {
                    assert_eq!(self.seen.update, None, "two updates in flight");
                    self.seen.update = Some(request.logs.iter().map(|line| line.sequence).collect());
                }
                Effect::CommitQuota(request) => self.seen.quota = Some(request.daily_cost),
                Effect::Fail(FailJobRequest { error, error_code, .. }) => {
                    self.seen.terminal = Some(format!("failed: {error} {error_code}"));
                }
                Effect::Complete(_) => self.seen.terminal = Some("completed".to_owned()),
                Effect::Abandon => (self.seen.update, self.seen.quota, self.seen.terminal) = (None, None, None),
                Effect::Tell(_) => {}
            }
        }
        self.seen.outcome = self.runner.outcome().map(|outcome| match outcome {
            Outcome::Completed => "completed".to_owned(),
            Outcome::Failed(error) => format!("failed: {error}"),
            Outcome::Refused(error) => format!("refused: {error}"),
            Outcome::Stopped => "stopped".to_owned(),
        });
    }
}

impl StateMachineTest for Tested {
    type SystemUnderTest = Self;
    type Reference = Reference;

    fn init_test(reference: &Reference) -> Self {
        let build = WorkspaceBuild { transition: reference.transition.into(), ..WorkspaceBuild::default() };
        let job_id = "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c".to_owned();
        let job = Job { job_id, kind: Some(v1::job::Kind::WorkspaceBuild(build)), ..Job::default() };
        let now = Instant::default();
        Self { runner: Runner::new(job, config(), now).expect("the id is one"), now, seen: Seen::default() }
    }

    fn apply(mut tested: Self, _reference: &Reference, step: Step) -> Self {
        match step {
            Step::Start => tested.happen(Event::Start),
            Step::Update(answer) => {
                tested.seen.update = None;
                tested.happen(Event::Updated(result(answer)));
            }
            Step::Quota(answer) => {
                tested.seen.quota = None;
                let answered = |ok| CommitQuotaResponse { ok, credits_consumed: 1, budget: 2 };
                tested.happen(Event::Quota(result(answer).map(answered)));
            }
            Step::Terminal(answer) => {
                tested.seen.terminal = None;
                tested.happen(Event::Terminal(result(answer)));
            }
            Step::Logs(count) => {
                for _ in 0..count {
                    let response = Response::Log { level: LogLevel::Info, output: "x".to_owned() };
                    tested.happen(Event::Response(response));
                }
            }
            Step::Planned { fails, cost } => {
                let resources = vec![Resource { daily_cost: cost, ..Resource::default() }];
                let error = fails.then(|| "no".to_owned());
                tested.happen(Event::Response(Response::Planned { error, resources }));
            }
            Step::Applied { fails } => {
                let error = fails.then(|| "no".to_owned());
                tested.happen(Event::Response(Response::Applied { error, state: None, resources: Vec::new() }));
            }
            Step::SessionEnds => tested.happen(Event::SessionEnded("gone".to_owned())),
            Step::Shutdown => tested.happen(Event::Cancel),
            Step::Close => {
                let flush_for = Duration::from_secs(CLOSING_FLUSH);
                tested.happen(Event::Fail { error: "closed".to_owned(), flush_for });
            }
            Step::Stop => tested.happen(Event::Stop),
            Step::Pass(seconds) => {
                for _ in 0..seconds {
                    tested.now += Duration::from_secs(1);
                    // As the shell does: no timer is set but for what the runner says.
                    if tested.runner.next_deadline().is_some_and(|deadline| deadline <= tested.now) {
                        tested.happen(Event::Timer);
                    }
                }
            }
        }
        tested
    }

    fn check_invariants(tested: &Self, reference: &Reference) {
        assert_eq!(tested.seen, reference.seen, "seen of the runner, and of the reference");
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_runner_does_what_the_rules_say(sequential 1..60 => Tested);
}
