//! The runner against a reference: a small second runner that is written from the rules alone.
//!
//! [`rules`] is the reference, in the [`words`] that both are seen by. It knows seconds, not microseconds, and how many
//! lines there are, not what they say.
//! What is seen of both after each step is compared: requests and session, the calls in flight, the outcome. Every
//! log line is due at once and every try a second after the last here, since the queue and the back-off have tests
//! of their own.

mod rules;
mod words;

use std::time::Duration;

use groundhog_host::Instant;
use groundhog_wire::v1::{
    self, CommitQuotaResponse, FailJobRequest, Job, LogLevel, Resource, TemplateDryRun, TemplateImport, Transition,
    WorkspaceBuild,
};
use proptest::{prelude::*, strategy::Union, test_runner::RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use self::{
    rules::Reference,
    words::{
        Answer, CLOSING_FLUSH, FORCE_CANCEL, HEARTBEAT, Kind, LAST_FLUSH, PHASE_FLUSH, Place, RETRY, Seen, Step, reason,
    },
};
use super::{
    Runner, RunnerConfig,
    event::{CallError, Declared, Effect, Event, Moment, Outcome},
};
use crate::session::{Applied, Parsed, Planned, Response};

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
        let builds = prop_oneof![Just(Transition::Start), Just(Transition::Stop), Just(Transition::Destroy)];
        prop_oneof![
            3 => builds.prop_map(Kind::Build),
            3 => Just(Kind::Import),
            1 => Just(Kind::DryRun),
        ]
        .prop_map(Self::new)
        .boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let flips = proptest::bool::weighted(0.1);
        let all = [
            (30, proptest::bool::weighted(0.97).prop_map(Step::Start).boxed()),
            (20, answers(flips).prop_map(Step::Update).boxed()),
            (12, answers(proptest::bool::weighted(0.8)).prop_map(Step::Quota).boxed()),
            (8, answers(Just(())).prop_map(Step::Terminal).boxed()),
            (12, answers(flips).prop_map(Step::Declare).boxed()),
            (5, prop_oneof![9 => 1_u64..4, 1 => 900_u64..2_200].prop_map(Step::Logs).boxed()),
            (8, flips.prop_map(|fails| Step::Parsed { fails }).boxed()),
            (8, (flips, 0_i32..3).prop_map(|(fails, cost)| Step::Planned { fails, cost }).boxed()),
            (8, any::<bool>().prop_map(|fails| Step::Applied { fails }).boxed()),
            (1, Just(Step::OutOfTurn).boxed()),
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
            Step::Start(_) => !begun,
            Step::Update(_) => state.seen.update.is_some(),
            Step::Quota(_) => state.seen.quota.is_some(),
            Step::Terminal(_) => state.seen.terminal.is_some(),
            Step::Declare(_) => state.seen.declare,
            Step::Logs(_) | Step::SessionEnds => state.place.is_work(),
            Step::Parsed { .. } => state.place == Place::Parsing,
            Step::Planned { .. } => matches!(state.place, Place::Planning | Place::PlanningStop),
            Step::OutOfTurn => begun && !state.is_decided(),
            Step::Applied { .. } => state.place == Place::Applying,
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
const EXAMPLES: [Step; 15] = [
    Step::Start(true),
    Step::Update(Answer::Lost),
    Step::Quota(Answer::Lost),
    Step::Terminal(Answer::Lost),
    Step::Declare(Answer::Lost),
    Step::Logs(1),
    Step::Parsed { fails: false },
    Step::Planned { fails: false, cost: 0 },
    Step::Applied { fails: false },
    Step::OutOfTurn,
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
    opens: bool,
    seen: Seen,
}

impl Tested {
    fn happen(&mut self, event: Event) {
        for effect in self.runner.handle(Moment { now: self.now, wall_ms: 0 }, event) {
            match effect {
                Effect::Open => {
                    self.seen.session = self.opens;
                    self.happen(Event::Opened(if self.opens { Ok(()) } else { Err("no".to_owned()) }));
                }
                Effect::Send(request) => self.seen.requests.push(request.name()),
                Effect::CloseSession => self.seen.session = false,
                Effect::Update(request) => {
                    assert_eq!(self.seen.update, None, "two updates in flight");
                    self.seen.update = Some(request.logs.iter().map(|line| line.sequence).collect());
                }
                Effect::Declare(_) => {
                    assert!(!self.seen.declare, "two declarations in flight");
                    self.seen.declare = true;
                }
                Effect::CommitQuota(request) => self.seen.quota = Some(request.daily_cost),
                Effect::Fail(FailJobRequest { error, error_code, .. }) => {
                    self.seen.terminal = Some(format!("failed: {error} {error_code}"));
                }
                Effect::Complete(_) => self.seen.terminal = Some("completed".to_owned()),
                Effect::Abandon => {
                    self.seen.declare = false;
                    (self.seen.update, self.seen.quota, self.seen.terminal) = (None, None, None);
                }
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
        let kind = match reference.kind {
            Kind::Build(transition) => v1::job::Kind::WorkspaceBuild(WorkspaceBuild {
                transition: transition.into(),
                ..WorkspaceBuild::default()
            }),
            Kind::Import => v1::job::Kind::TemplateImport(TemplateImport::default()),
            Kind::DryRun => v1::job::Kind::TemplateDryRun(TemplateDryRun::default()),
        };
        let job_id = "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c".to_owned();
        let job = Job { job_id, kind: Some(kind), ..Job::default() };
        let now = Instant::default();
        Self {
            runner: Runner::new(job, config(), now).expect("the id is one"),
            now,
            opens: true,
            seen: Seen::default(),
        }
    }

    fn apply(mut tested: Self, reference: &Reference, step: Step) -> Self {
        match step {
            Step::Start(opens) => {
                tested.opens = opens;
                tested.happen(Event::Start);
            }
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
            Step::Declare(answer) => {
                tested.seen.declare = false;
                let declared = |canceled| Declared { canceled, variable_values: Vec::new() };
                tested.happen(Event::Declared(result(answer).map(declared)));
            }
            Step::Parsed { fails } => {
                let error = fails.then(|| "no".to_owned());
                tested.happen(Event::Response(Response::Parsed(Parsed { error, ..Parsed::default() })));
            }
            Step::OutOfTurn => {
                // The reference has taken the step already; of the requests, the last tells what was under way.
                let applying = reference.seen.requests.iter().rfind(|request| **request != "Cancel") == Some(&"Apply");
                let response = if applying {
                    Response::Planned(Planned::default())
                } else {
                    Response::Applied(Applied::default())
                };
                tested.happen(Event::Response(response));
            }
            Step::Planned { fails, cost } => {
                let resources = vec![Resource { daily_cost: cost, ..Resource::default() }];
                let error = fails.then(|| "no".to_owned());
                tested.happen(Event::Response(Response::Planned(Planned { error, resources, ..Planned::default() })));
            }
            Step::Applied { fails } => {
                let error = fails.then(|| "no".to_owned());
                tested.happen(Event::Response(Response::Applied(Applied { error, ..Applied::default() })));
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
        cases: 800,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_runner_does_what_the_rules_say(sequential 1..60 => Tested);
}
