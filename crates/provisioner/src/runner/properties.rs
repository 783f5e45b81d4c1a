//! What holds of every run, whatever comes in whatever order: random events against the core, with a model of
//! the control plane, of the session and of the time around it.

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Instant;
use groundhog_wire::v1::{self, CommitQuotaResponse, Job, LogLevel, LogLine, Resource, Transition, WorkspaceBuild};
use proptest::{prelude::*, test_runner::RngSeed};

use super::{
    Runner, RunnerConfig,
    event::{CallError, Effect, Event, Moment, Outcome, Tale},
};
use crate::session::{Applied, Planned, Request, Response, contract::Contract};

const JOB: &str = "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c";

/// How a call is answered.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Ok,
    LostBefore,
    LostAfter,
    Refused,
    Over,
}

/// One step of a run. What can't happen where it comes is passed over.
#[derive(Clone, Debug)]
enum Step {
    Update(Answer),
    UserCancels,
    Quota(Answer, bool),
    Terminal(Answer),
    Logs(u16),
    Planned { fails: bool, cost: i32 },
    Applied { fails: bool },
    SessionEnds,
    Shutdown,
    Close,
    Stop,
    ToDeadline,
    Pass(u64),
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        8 => Just(Answer::Ok),
        3 => Just(Answer::LostBefore),
        3 => Just(Answer::LostAfter),
        1 => Just(Answer::Refused),
        1 => Just(Answer::Over),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => answers().prop_map(Step::Update),
        1 => Just(Step::UserCancels),
        6 => (answers(), any::<bool>()).prop_map(|(answer, ok)| Step::Quota(answer, ok)),
        8 => answers().prop_map(Step::Terminal),
        8 => prop_oneof![9 => 1_u16..120, 1 => 9_000_u16..12_000].prop_map(Step::Logs),
        6 => (proptest::bool::weighted(0.1), 0_i32..3).prop_map(|(fails, cost)| Step::Planned { fails, cost }),
        6 => any::<bool>().prop_map(|fails| Step::Applied { fails }),
        1 => Just(Step::SessionEnds),
        1 => Just(Step::Shutdown),
        1 => Just(Step::Close),
        1 => Just(Step::Stop),
        10 => Just(Step::ToDeadline),
        8 => (1_u64..20_000).prop_map(Step::Pass),
    ]
}

/// The runner, and everything around it.
struct World {
    runner: Runner,
    config: RunnerConfig,
    now: Instant,
    // In flight.
    update: Option<Vec<LogLine>>,
    quota: bool,
    terminal: Option<&'static str>,
    // The session.
    open: bool,
    contract: Contract,
    processing: Option<&'static str>,
    cancels_sent: u32,
    // The control plane.
    stored: BTreeMap<u64, LogLine>,
    heard: BTreeMap<u64, LogLine>,
    canceled: bool,
    taken: Option<&'static str>,
    // What was seen.
    began_terminal: bool,
    complete_refused: bool,
    silent: bool,
    canceled_at: Option<Instant>,
    settled_at: Option<Instant>,
    update_refused: bool,
    closing: bool,
}

impl World {
    fn new(transition: Transition) -> Self {
        let config = RunnerConfig::default();
        let build = WorkspaceBuild { transition: transition.into(), ..WorkspaceBuild::default() };
        let job = Job { job_id: JOB.to_owned(), kind: Some(v1::job::Kind::WorkspaceBuild(build)), ..Job::default() };
        let now = Instant::from_micros(1);
        Self {
            runner: Runner::new(job, config.clone(), now).expect("the id is one"),
            config,
            now,
            update: None,
            quota: false,
            terminal: None,
            open: false,
            contract: Contract::default(),
            processing: None,
            cancels_sent: 0,
            stored: BTreeMap::new(),
            heard: BTreeMap::new(),
            canceled: false,
            taken: None,
            began_terminal: false,
            complete_refused: false,
            silent: false,
            canceled_at: None,
            settled_at: None,
            update_refused: false,
            closing: false,
        }
    }

    fn happen(&mut self, event: Event) {
        let cancels = matches!(event, Event::Cancel | Event::Updated(Ok(true)));
        let processing = self.processing.is_some();
        let effects = self.runner.handle(Moment { now: self.now, wall_ms: 0 }, event);
        if self.settled_at.is_none() && !self.runner.is_undecided() {
            self.settled_at = Some(self.now);
        }
        if cancels && self.canceled_at.is_none() && self.settled_at.is_none_or(|at| at == self.now) {
            self.canceled_at = Some(self.now);
        }
        for effect in effects {
            self.carry_out(effect);
        }
        if cancels && processing && self.open {
            assert_eq!(self.cancels_sent, 1, "a cancel was not forwarded");
        }
        if let Some(deadline) = self.runner.next_deadline() {
            assert!(deadline > self.now, "a deadline that has passed was not acted on");
        }
        let waits = self.update.is_some() || self.terminal.is_some() || self.runner.next_deadline().is_some();
        assert!(waits || self.runner.outcome().is_some(), "nothing will ever happen again");
        let forced_by = self.canceled_at.map(|at| at + self.config.force_cancel_interval);
        assert!(forced_by.is_none_or(|at| self.now < at) || !self.runner.is_undecided(), "force-cancel is late");
    }

    fn carry_out(&mut self, effect: Effect) {
        if !matches!(effect, Effect::Tell(_)) {
            assert!(!self.silent, "after the end: {effect:?}");
        }
        match effect {
            Effect::Open => {
                self.open = true;
                self.happen(Event::Opened(Ok(())));
            }
            Effect::Send(request) => {
                assert!(self.open, "{} on a closed session", request.name());
                let verdict = self.contract.request(&request);
                assert!(verdict.is_ok(), "{}: {verdict:?}", request.name());
                match request {
                    Request::Cancel => self.cancels_sent += 1,
                    Request::Parse | Request::Plan(_) | Request::Apply(_) => {
                        assert!(self.cancels_sent == 0, "a phase began after the cancel");
                        self.processing = Some(request.name());
                    }
                    Request::Config(_) => {}
                }
                assert!(self.cancels_sent <= 1, "forwarded twice");
            }
            Effect::CloseSession => {
                assert!(self.open, "closed twice");
                self.open = false;
                self.processing = None;
            }
            Effect::Update(request) => {
                assert!(self.update.is_none() && !self.began_terminal, "{request:?}");
                for (at, line) in request.logs.iter().enumerate() {
                    let expected = self.heard.keys().next_back().map_or(1, |last| last + 1) + at as u64;
                    assert_eq!(line.sequence, expected, "lines must be contiguous and in order");
                    // Stored once, so a number must always mean the same line.
                    assert_eq!(self.stored.get(&line.sequence).unwrap_or(line), line);
                }
                self.update = Some(request.logs);
            }
            Effect::Declare(_) => {}
            Effect::CommitQuota(request) => {
                assert!(!self.quota && !self.began_terminal && request.daily_cost != 0);
                self.quota = true;
            }
            Effect::Fail(request) => {
                assert!(!request.error.is_empty() && request.job_id == JOB);
                self.begin_terminal("fail");
            }
            Effect::Complete(_) => self.begin_terminal("complete"),
            Effect::Abandon => {
                self.update = None;
                self.quota = false;
                self.terminal = None;
            }
            Effect::Tell(Tale::CancelForwarded { .. }) => assert_eq!(self.cancels_sent, 1),
            Effect::Tell(Tale::Ended { outcome, .. }) => {
                assert!(!self.silent || self.terminal.is_none());
                assert!(!self.open, "the session outlives the run");
                self.silent = true;
                match outcome {
                    Outcome::Completed => assert_eq!(self.taken, Some("complete")),
                    Outcome::Failed(_) => assert_eq!(self.taken, Some("fail")),
                    Outcome::Refused(_) | Outcome::Stopped => {}
                }
            }
            Effect::Tell(_) => {}
        }
    }

    fn begin_terminal(&mut self, kind: &'static str) {
        assert!(!self.open && self.update.is_none() && !self.quota && self.terminal.is_none());
        assert!(kind == "fail" || !self.complete_refused, "a complete after it was refused");
        if !self.began_terminal {
            let settled_at = self.settled_at.expect("settled before the terminal message");
            let in_time = self.now < settled_at + self.config.last_flush_max;
            if in_time && !self.update_refused && !self.closing {
                assert_eq!(
                    self.heard.values().next_back().map(|line| line.stage.as_str()),
                    Some("Cleaning Up"),
                    "the terminal message came before the last lines"
                );
            }
        }
        self.began_terminal = true;
        self.terminal = Some(kind);
    }

    /// The next step, if it can happen.
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Update(answer) => self.answer_update(answer),
            Step::UserCancels => self.canceled = true,
            Step::Quota(answer, ok) => {
                if std::mem::take(&mut self.quota) {
                    let response = CommitQuotaResponse { ok, credits_consumed: 1, budget: 2 };
                    self.happen(Event::Quota(result(answer, response)));
                }
            }
            Step::Terminal(answer) => self.answer_terminal(answer),
            Step::Logs(count) => {
                if self.processing.is_some() {
                    for n in 0..count {
                        let response = Response::Log { level: LogLevel::Info, output: n.to_string() };
                        self.happen(Event::Response(response));
                    }
                }
            }
            Step::Planned { fails, cost } => {
                if self.processing == Some("Plan") {
                    let resources = vec![Resource { daily_cost: cost, ..Resource::default() }];
                    self.respond(Response::Planned(Planned {
                        error: fails.then(|| "no".to_owned()),
                        resources,
                        ..Planned::default()
                    }));
                }
            }
            Step::Applied { fails } => {
                if self.processing == Some("Apply") {
                    let error = fails.then(|| "no".to_owned());
                    self.respond(Response::Applied(Applied { error, ..Applied::default() }));
                }
            }
            Step::SessionEnds => {
                if self.processing.is_some() {
                    self.processing = None;
                    self.happen(Event::SessionEnded("gone".to_owned()));
                }
            }
            Step::Shutdown => self.happen(Event::Cancel),
            Step::Close => {
                self.closing = true;
                let flush_for = Duration::from_millis(500);
                self.happen(Event::Fail { error: "closed".to_owned(), flush_for });
            }
            Step::Stop => self.happen(Event::Stop),
            Step::ToDeadline => {
                if let Some(deadline) = self.runner.next_deadline() {
                    self.now = deadline;
                    self.happen(Event::Timer);
                }
            }
            Step::Pass(millis) => {
                let to = self.now + Duration::from_millis(millis);
                // The shell wakes at every deadline on the way.
                while let Some(deadline) = self.runner.next_deadline().filter(|deadline| *deadline <= to) {
                    self.now = deadline;
                    self.happen(Event::Timer);
                }
                self.now = to;
            }
        }
    }

    fn respond(&mut self, response: Response) {
        self.processing = None;
        self.contract.answered(&response);
        self.happen(Event::Response(response));
    }

    fn answer_update(&mut self, answer: Answer) {
        let Some(lines) = self.update.take() else { return };
        let answer = if self.taken.is_some() { Answer::Over } else { answer };
        if matches!(answer, Answer::Ok | Answer::LostAfter) {
            self.stored.extend(lines.iter().map(|line| (line.sequence, line.clone())));
        }
        match answer {
            Answer::Ok => self.heard.extend(lines.into_iter().map(|line| (line.sequence, line))),
            Answer::Refused | Answer::Over => self.update_refused = true,
            Answer::LostBefore | Answer::LostAfter => {}
        }
        self.happen(Event::Updated(result(answer, self.canceled)));
    }

    fn answer_terminal(&mut self, answer: Answer) {
        let Some(kind) = self.terminal.take() else { return };
        let answer = match (self.taken, answer) {
            // The same again is answered alike, another one is refused.
            (Some(taken), Answer::Refused | Answer::Over) if taken == kind => Answer::Ok,
            (Some(taken), Answer::Ok) if taken != kind => Answer::Over,
            (_, answer) => answer,
        };
        match answer {
            Answer::Ok | Answer::LostAfter => self.taken = self.taken.or(Some(kind)),
            Answer::Refused => self.complete_refused |= kind == "complete",
            Answer::LostBefore | Answer::Over => {}
        }
        self.happen(Event::Terminal(result(answer, ())));
    }

    /// Everything answers from now on, and the job is cancelled if its provisioner does not come to an end.
    fn calm_down(&mut self, provisioner_hangs: bool) {
        for _ in 0..10_000 {
            if self.runner.outcome().is_some() {
                return;
            }
            if self.update.is_some() {
                self.answer_update(Answer::Ok);
            } else if self.quota {
                self.step(&Step::Quota(Answer::Ok, true));
            } else if self.terminal.is_some() {
                self.answer_terminal(Answer::Ok);
            } else if self.processing.is_some() && !provisioner_hangs {
                self.step(&Step::Planned { fails: false, cost: 1 });
                self.step(&Step::Applied { fails: false });
            } else {
                self.canceled |= provisioner_hangs;
                self.step(&Step::ToDeadline);
            }
        }
        panic!("the run does not end although everything answers");
    }
}

fn result<T>(answer: Answer, value: T) -> Result<T, CallError> {
    match answer {
        Answer::Ok => Ok(value),
        Answer::LostBefore | Answer::LostAfter => Err(CallError::Lost("lost".to_owned())),
        Answer::Refused => Err(CallError::Refused("no".to_owned())),
        Answer::Over => Err(CallError::Over("job already completed".to_owned())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_run_keeps_the_rules_and_ends(
        transition in prop_oneof![Just(Transition::Start), Just(Transition::Stop), Just(Transition::Destroy)],
        canceled_before in proptest::bool::weighted(0.1),
        provisioner_hangs in any::<bool>(),
        steps in proptest::collection::vec(steps(), 0..120),
    ) {
        let mut world = World::new(transition);
        if canceled_before {
            world.happen(Event::Cancel);
        }
        world.happen(Event::Start);
        for step in &steps {
            world.step(step);
        }
        world.calm_down(provisioner_hangs);
        // Silence: whatever comes now, nothing goes out.
        for event in [Event::Timer, Event::Cancel, Event::Updated(Ok(true)), Event::Terminal(Ok(())), Event::Stop] {
            world.now += Duration::from_secs(3600);
            let effects = world.runner.handle(Moment { now: world.now, wall_ms: 0 }, event);
            prop_assert!(effects.is_empty(), "after the end: {:?}", effects);
        }
        prop_assert!(world.runner.next_deadline().is_none());
    }
}
