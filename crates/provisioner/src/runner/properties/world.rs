//! The runner, and a model of everything around it.

use std::time::Duration;

use groundhog_host::Instant;
use groundhog_wire::v1::{self, CommitQuotaResponse, Job, LogLevel, LogLine, Resource};

use super::{
    super::{
        Runner, RunnerConfig,
        event::{CallError, Declared, Effect, Event, Moment, Outcome, Tale},
    },
    Answer, Step,
    invariants::Rules,
};
use crate::session::{Applied, Parsed, Planned, Request, Response, contract::Contract};

const JOB: &str = "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c";

/// The runner, and everything around it.
pub(super) struct World {
    pub(super) runner: Runner,
    config: RunnerConfig,
    pub(super) now: Instant,
    pub(super) rules: Rules,
    // In flight.
    update: Option<Vec<LogLine>>,
    declare: bool,
    quota: bool,
    terminal: Option<&'static str>,
    // The session.
    open: bool,
    contract: Contract,
    processing: Option<&'static str>,
    cancels_sent: u32,
    // The control plane.
    canceled: bool,
    taken: Option<&'static str>,
    // What was seen.
    began_terminal: bool,
    settled_at: Option<Instant>,
    update_refused: bool,
    closing: bool,
}

impl World {
    pub(super) fn new(kind: v1::job::Kind) -> Self {
        let config = RunnerConfig::default();
        let job = Job { job_id: JOB.to_owned(), kind: Some(kind), ..Job::default() };
        let now = Instant::from_micros(1);
        Self {
            runner: Runner::new(job, config.clone(), now).expect("the id is one"),
            config,
            now,
            rules: Rules::default(),
            update: None,
            declare: false,
            quota: false,
            terminal: None,
            open: false,
            contract: Contract::default(),
            processing: None,
            cancels_sent: 0,
            canceled: false,
            taken: None,
            began_terminal: false,
            settled_at: None,
            update_refused: false,
            closing: false,
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        let cancels = match &event {
            Event::Cancel | Event::Updated(Ok(true)) => true,
            Event::Declared(Ok(declared)) => declared.canceled,
            _ => false,
        };
        let processing = self.processing.is_some();
        let undecided = self.runner.is_undecided();
        if let Event::Terminal(result) = &event {
            self.rules.job_once_answered(result);
        }
        let effects = self.runner.handle(Moment { now: self.now, wall_ms: 0 }, event);
        self.rules.runner_silence(&effects);
        if self.settled_at.is_none() && !self.runner.is_undecided() {
            self.settled_at = Some(self.now);
        }
        if cancels && undecided {
            self.rules.canceled(self.now + self.config.force_cancel_interval);
        }
        for effect in effects {
            self.carry_out(effect);
        }
        self.rules.cancel_bound(self.now, !self.runner.is_undecided());
        if cancels && processing && self.open {
            assert_eq!(self.cancels_sent, 1, "a cancel was not forwarded");
        }
        if let Some(deadline) = self.runner.next_deadline() {
            assert!(deadline > self.now, "a deadline that has passed was not acted on");
        }
        let waits = self.update.is_some() || self.terminal.is_some() || self.runner.next_deadline().is_some();
        assert!(waits || self.runner.outcome().is_some(), "nothing will ever happen again");
    }

    fn carry_out(&mut self, effect: Effect) {
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
                assert_eq!(request.declarations, None, "they go by a call of their own");
                self.rules.log_order(&request.logs);
                self.update = Some(request.logs);
            }
            Effect::Declare(request) => {
                assert!(!self.declare && !self.began_terminal && request.logs.is_empty());
                assert!(request.declarations.is_some() && request.job_id == JOB);
                self.declare = true;
            }
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
                self.declare = false;
                self.quota = false;
                self.terminal = None;
                self.rules.terminal_dropped();
            }
            Effect::Tell(Tale::CancelForwarded { .. }) => assert_eq!(self.cancels_sent, 1),
            Effect::Tell(Tale::Ended { outcome, .. }) => {
                assert!(!self.open, "the session outlives the run");
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
        self.rules.job_once_begun(kind);
        assert!(!self.open && self.update.is_none() && !self.declare && !self.quota);
        if !self.began_terminal {
            let settled_at = self.settled_at.expect("settled before the terminal message");
            let in_time = self.now < settled_at + self.config.last_flush_max;
            if in_time && !self.update_refused && !self.closing {
                assert_eq!(
                    self.rules.last_accepted().map(|line| line.stage.as_str()),
                    Some("Cleaning Up"),
                    "the terminal message came before the last lines"
                );
            }
        }
        self.began_terminal = true;
        self.terminal = Some(kind);
    }

    /// The next step, if it can happen.
    pub(super) fn step(&mut self, step: &Step) {
        match *step {
            Step::Update(answer) => self.answer_update(answer),
            Step::UserCancels => self.canceled = true,
            Step::Declare(answer) => {
                if std::mem::take(&mut self.declare) {
                    let declared = Declared { canceled: self.canceled, variable_values: Vec::new() };
                    self.happen(Event::Declared(result(answer, declared)));
                }
            }
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
            Step::Parsed { fails } => {
                if self.processing == Some("Parse") {
                    let error = fails.then(|| "no".to_owned());
                    self.respond(Response::Parsed(Parsed { error, ..Parsed::default() }));
                }
            }
            Step::OutOfTurn => {
                if self.open {
                    let response = match self.processing {
                        Some("Apply") => Response::Planned(Planned::default()),
                        _ => Response::Applied(Applied::default()),
                    };
                    self.happen(Event::Response(response));
                }
            }
            Step::SendFails => {
                if let Some(request) = self.processing {
                    self.processing = None;
                    self.happen(Event::SendFailed { request, error: "no".to_owned() });
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
        match answer {
            Answer::Ok => self.rules.accepted(&lines),
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
            Answer::LostBefore | Answer::Refused | Answer::Over => {}
        }
        self.happen(Event::Terminal(result(answer, ())));
    }

    /// Everything answers from now on, and the job is cancelled if its provisioner does not come to an end.
    pub(super) fn calm_down(&mut self, provisioner_hangs: bool) {
        for _ in 0..10_000 {
            if self.runner.outcome().is_some() {
                return;
            }
            if self.update.is_some() {
                self.answer_update(Answer::Ok);
            } else if self.declare {
                self.step(&Step::Declare(Answer::Ok));
            } else if self.quota {
                self.step(&Step::Quota(Answer::Ok, true));
            } else if self.terminal.is_some() {
                self.answer_terminal(Answer::Ok);
            } else if self.processing.is_some() && !provisioner_hangs {
                self.step(&Step::Parsed { fails: false });
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
