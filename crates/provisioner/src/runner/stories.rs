//! Single runs told as texts: what is said in which order, with which words.

use std::{fmt::Write, time::Duration};

use groundhog_host::Instant;
use groundhog_wire::v1::{
    self, CommitQuotaResponse, Job, LogLevel, LogSource, Resource, Transition, WorkspaceBuild, fail_job_request,
};

use super::{
    Runner, RunnerConfig,
    event::{CallError, Effect, Event, Moment, Tale},
};
use crate::session::Response;

/// A run whose effects are written down, a line each.
struct Story {
    runner: Runner,
    now: Instant,
    told: String,
}

impl Story {
    fn of(transition: Transition) -> Self {
        let build =
            WorkspaceBuild { transition: transition.into(), state: b"old".to_vec(), ..WorkspaceBuild::default() };
        Self::of_kind(Some(v1::job::Kind::WorkspaceBuild(build)))
    }

    fn of_kind(kind: Option<v1::job::Kind>) -> Self {
        let job_id = "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c".to_owned();
        let job = Job { job_id, kind, ..Job::default() };
        let runner = Runner::new(job, RunnerConfig::default(), Instant::default()).expect("the id is one");
        Self { runner, now: Instant::default(), told: String::new() }
    }

    /// Tells an event; what it leads to is written down. A session opens, and updates are accepted, by themselves.
    fn then(&mut self, event: Event) -> &mut Self {
        self.quietly(event, true)
    }

    fn quietly(&mut self, event: Event, updates_answer: bool) -> &mut Self {
        let effects = self.runner.handle(Moment { now: self.now, wall_ms: 0 }, event);
        let mut follows = Vec::new();
        for effect in effects {
            match &effect {
                Effect::Open => follows.push(Event::Opened(Ok(()))),
                Effect::Update(_) if updates_answer => follows.push(Event::Updated(Ok(false))),
                _ => {}
            }
            self.write(effect);
        }
        for event in follows {
            self.quietly(event, updates_answer);
        }
        self
    }

    fn after(&mut self, duration: Duration) -> &mut Self {
        self.now += duration;
        self.quietly(Event::Timer, false)
    }

    fn planned(&mut self, daily_cost: i32) -> &mut Self {
        let resources = vec![Resource { daily_cost, ..Resource::default() }];
        self.then(Event::Response(Response::Planned { error: None, resources }))
    }

    fn write(&mut self, effect: Effect) {
        let told = &mut self.told;
        let _ = match effect {
            Effect::Open => writeln!(told, "open"),
            Effect::Send(request) => writeln!(told, "> {}", request.name()),
            Effect::CloseSession => writeln!(told, "close"),
            Effect::Update(request) if request.logs.is_empty() => writeln!(told, "update"),
            Effect::Update(request) => request.logs.iter().try_for_each(|line| {
                let source = match line.source() {
                    LogSource::ProvisionerDaemon => "daemon",
                    _ => "provisioner",
                };
                writeln!(told, "log {} {source} {:?} | {} | {}", line.sequence, line.level(), line.stage, line.output)
            }),
            Effect::CommitQuota(request) => writeln!(told, "quota {}", request.daily_cost),
            Effect::Fail(request) => {
                let state = match request.kind {
                    None => "none".to_owned(),
                    Some(fail_job_request::Kind::WorkspaceBuild(build)) => {
                        format!("build {:?}", build.state.map(|state| String::from_utf8_lossy(&state).into_owned()))
                    }
                };
                writeln!(told, "fail {:?} [{}] {state}", request.error, request.error_code)
            }
            Effect::Complete(request) => {
                let Some(v1::complete_job_request::Kind::WorkspaceBuild(build)) = request.kind else { return };
                writeln!(told, "complete {:?} {}", String::from_utf8_lossy(&build.state), build.resources.len())
            }
            Effect::Abandon => writeln!(told, "abandon"),
            // What follows from it is written down.
            Effect::Tell(Tale::Canceled { .. }) => Ok(()),
            Effect::Tell(Tale::Phase(phase)) => writeln!(told, "# {}", phase.name()),
            Effect::Tell(Tale::CancelForwarded { phase, by }) => {
                writeln!(told, "# cancel in {} by {}", phase.name(), by.name())
            }
            Effect::Tell(Tale::ForceCancel) => writeln!(told, "# force"),
            Effect::Tell(Tale::Started) => writeln!(told, "# started"),
            Effect::Tell(Tale::Ended { outcome, .. }) => writeln!(told, "# {} {:?}", outcome.name(), outcome.error()),
        };
    }

    #[track_caller]
    fn is(&mut self, expected: &[&str]) {
        let told: Vec<&str> = self.told.lines().collect();
        assert_eq!(told, expected);
        self.told.clear();
    }
}

fn applied(error: Option<&str>, state: Option<&str>) -> Event {
    Event::Response(Response::Applied {
        error: error.map(str::to_owned),
        state: state.map(|state| state.as_bytes().to_vec()),
        resources: vec![Resource::default()],
    })
}

fn begun(transition: Transition) -> Story {
    let mut story = Story::of(transition);
    story.then(Event::Start);
    story.told.clear();
    story
}

fn applying(transition: Transition) -> Story {
    let mut story = begun(transition);
    story.planned(0);
    story.told.clear();
    story
}

const CLEANING_UP: &str = "log 3 daemon Info | Cleaning Up | ";

#[test]
fn a_start_goes_through_every_phase_in_order() {
    let mut story = Story::of(Transition::Start);
    story.then(Event::Start).is(&["# started", "open", "> Config", "# plan", "> Plan"]);
    story.then(Event::Response(Response::Log { level: LogLevel::Debug, output: "hm".to_owned() })).is(&[]);
    story.planned(25).is(&[
        "log 1 daemon Info | Setting up | ",
        "log 2 provisioner Debug | Planning infrastructure | hm",
        "# quota",
        "quota 25",
    ]);
    story.then(Event::Quota(Ok(CommitQuotaResponse { ok: true, credits_consumed: 30, budget: 40 }))).is(&[
        "log 3 provisioner Info | Commit quota | Build cost       —   25",
        "log 4 provisioner Info | Commit quota | Budget           —   40",
        "log 5 provisioner Info | Commit quota | Credits consumed —   30",
        "# apply",
        "> Apply",
    ]);
    story.then(applied(None, Some("new"))).is(&[
        "log 6 daemon Info | Starting workspace | ",
        "log 7 daemon Info | Cleaning Up | ",
        "close",
        "complete \"new\" 1",
    ]);
    story.then(Event::Terminal(Ok(()))).is(&["# completed \"\""]);
}

#[test]
fn a_destroy_and_a_build_that_costs_nothing_commit_no_quota() {
    for (transition, cost, stage) in [
        (Transition::Destroy, 25, "log 2 daemon Info | Destroying workspace | "),
        (Transition::Stop, 0, "log 2 daemon Info | Stopping workspace | "),
    ] {
        let mut story = begun(transition);
        story.planned(cost).is(&["log 1 daemon Info | Setting up | ", "# apply", "> Apply"]);
        // An apply that tells no state leaves the one before.
        story.then(applied(None, None)).is(&[stage, CLEANING_UP, "close", "complete \"old\" 1"]);
    }
}

#[test]
fn refused_quota_fails_with_its_code() {
    let mut story = begun(Transition::Start);
    story.planned(25).told.clear();
    story.then(Event::Quota(Ok(CommitQuotaResponse { ok: false, credits_consumed: 5, budget: 20 }))).is(&[
        "log 2 provisioner Info | Commit quota | Build cost       —   25",
        "log 3 provisioner Info | Commit quota | Budget           —   20",
        "log 4 provisioner Info | Commit quota | Credits consumed —   5",
        "log 5 provisioner Warn | Commit quota | This build would exceed your quota. Failing.",
        "log 6 daemon Info | Cleaning Up | ",
        "close",
        "fail \"insufficient quota\" [INSUFFICIENT_QUOTA] build None",
    ]);
}

#[test]
fn quota_that_can_not_be_committed_fails_and_a_lost_commit_is_tried_again() {
    let mut story = begun(Transition::Start);
    story.planned(25).told.clear();
    story.then(Event::Quota(Err(CallError::Lost("gone".to_owned())))).is(&[]);
    story.after(Duration::from_millis(100)).is(&["quota 25"]);
    story.then(Event::Quota(Err(CallError::Refused("no".to_owned())))).is(&[
        "log 2 provisioner Error | Commit quota | Failed to commit quota: no",
        CLEANING_UP,
        "close",
        "fail \"commit quota: no\" [] none",
    ]);
}

#[test]
fn failures_have_their_texts() {
    let text = || "why".to_owned();
    for (event, expected) in [
        (Event::SessionEnded(text()), "fail \"recv workspace provision: why\" [] build None"),
        (Event::SendFailed { request: "Config", error: text() }, "fail \"send config: why\" [] none"),
        (Event::SendFailed { request: "Plan", error: text() }, "fail \"start provision: why\" [] build None"),
        (
            Event::Response(Response::Planned { error: Some("missing parameter".to_owned()), resources: Vec::new() }),
            "fail \"missing parameter\" [] build None",
        ),
    ] {
        begun(Transition::Start).then(event).is(&[
            "log 1 daemon Info | Setting up | ",
            "log 2 daemon Info | Cleaning Up | ",
            "close",
            expected,
        ]);
    }
    applying(Transition::Start).then(applied(Some("why"), Some("half"))).is(&[
        "log 2 daemon Info | Starting workspace | ",
        CLEANING_UP,
        "close",
        "fail \"why\" [] build Some(\"half\")",
    ]);
    begun(Transition::Start).then(applied(None, None)).is(&[
        "close",
        "log 1 daemon Info | Setting up | ",
        "log 2 daemon Info | Cleaning Up | ",
        "fail \"invalid message type \\\"Applied\\\" received from provisioner\" [] build None",
    ]);
}

#[test]
fn a_session_that_does_not_open_fails_the_job_without_a_line() {
    let mut story = Story::of(Transition::Start);
    let effects = story.runner.handle(Moment { now: story.now, wall_ms: 0 }, Event::Start);
    assert_eq!(effects, [Effect::Tell(Tale::Started), Effect::Open]);
    story.then(Event::Opened(Err("no room".to_owned()))).is(&["fail \"open session: no room\" [] none"]);
}

#[test]
fn an_unknown_kind_of_job_says_what_to_do() {
    Story::of_kind(None).then(Event::Start).is(&[
        "# started",
        "open",
        "log 1 daemon Info | Setting up | ",
        "log 2 daemon Info | Cleaning Up | ",
        "close",
        "fail \"unknown job type \\\"\\\"; ensure your provisioner daemon is up-to-date\" [] none",
    ]);
}

#[test]
fn a_cancel_is_forwarded_once_and_forced_after_its_interval() {
    let mut story = applying(Transition::Start);
    story.after(Duration::from_millis(250)).is(&["log 2 daemon Info | Starting workspace | "]);
    // It rides on the answer to a flush (J3); a shutdown that follows adds nothing.
    story.quietly(Event::Updated(Ok(true)), false).is(&["> Cancel", "# cancel in apply by user"]);
    story.then(Event::Cancel).is(&[]);
    // Heartbeats go on (J5).
    for _ in 0..119 {
        story.after(Duration::from_secs(5)).is(&["update"]);
        story.quietly(Event::Updated(Ok(true)), false).is(&[]);
    }
    story.after(Duration::from_secs(5)).is(&["# force", "close", CLEANING_UP]);
    story.quietly(Event::Updated(Ok(true)), false).is(&["fail \"Cancel timed out\" [] none"]);
}

#[test]
fn a_cancelled_job_begins_no_further_phase() {
    // Before it began.
    let mut story = Story::of(Transition::Start);
    story.then(Event::Cancel).then(Event::Start);
    story.is(&[
        "# started",
        "open",
        "> Config",
        "> Cancel",
        "# cancel in plan by shutdown",
        "log 1 daemon Info | Setting up | ",
        "log 2 daemon Info | Cleaning Up | ",
        "close",
        "fail \"provisioning was canceled\" [] build None",
    ]);
    // During a plan that succeeds all the same.
    let mut story = begun(Transition::Start);
    story.then(Event::Cancel).is(&["> Cancel", "# cancel in plan by shutdown"]);
    story.planned(25);
    assert!(story.told.ends_with("fail \"provisioning was canceled\" [] build None\n"), "{}", story.told);
    // During the quota; the calls in flight are dropped.
    let mut story = begun(Transition::Start);
    story.planned(25).told.clear();
    story.then(Event::Cancel).is(&[
        "> Cancel",
        "# cancel in quota by shutdown",
        "abandon",
        "log 2 daemon Info | Cleaning Up | ",
        "close",
        "fail \"provisioning was canceled\" [] build None",
    ]);
}

#[test]
fn a_phase_waits_for_an_answer_that_is_younger_than_the_flush_before_it() {
    let mut story = begun(Transition::Start);
    story.after(Duration::from_secs(5)).is(&["log 1 daemon Info | Setting up | "]);
    let resources = vec![Resource { daily_cost: 25, ..Resource::default() }];
    story.quietly(Event::Response(Response::Planned { error: None, resources }), false).is(&[]);
    // This answer may have been given before the job was cancelled. The next one was not, and tells it.
    story.quietly(Event::Updated(Ok(false)), false).is(&["update"]);
    story.quietly(Event::Updated(Ok(true)), false).is(&[
        "> Cancel",
        "# cancel in plan by user",
        "log 2 daemon Info | Cleaning Up | ",
    ]);
    // Nor does a phase wait for ever: the job goes on while the control plane is away.
    let mut story = begun(Transition::Start);
    story.quietly(Event::Response(Response::Planned { error: None, resources: Vec::new() }), false);
    story.after(Duration::from_secs(29)).is(&["log 1 daemon Info | Setting up | "]);
    story.after(Duration::from_secs(1)).is(&["# apply", "> Apply"]);
}

#[test]
fn a_lost_update_does_not_postpone_the_next_one() {
    let mut story = applying(Transition::Start);
    story.then(Event::Timer);
    story.after(Duration::from_secs(5)).is(&["log 2 daemon Info | Starting workspace | "]);
    story.quietly(Event::Updated(Err(CallError::Lost("gone".to_owned()))), false).is(&[]);
    // The back-off begins near its floor, and the line keeps its number.
    story.after(Duration::from_millis(45)).is(&["log 2 daemon Info | Starting workspace | "]);
}

#[test]
fn a_refused_update_ends_the_job_with_one_last_word() {
    let mut story = applying(Transition::Start);
    story.after(Duration::from_secs(5)).told.clear();
    let refusal = || CallError::Over("you don't own this job".to_owned());
    story
        .then(Event::Updated(Err(refusal())))
        .is(&["close", "fail \"send periodic update: you don't own this job\" [] none"]);
    story.then(Event::Terminal(Err(refusal()))).is(&["# refused \"you don't own this job\""]);
}

#[test]
fn a_terminal_message_is_tried_until_it_is_answered() {
    let mut story = applying(Transition::Start);
    story.then(applied(None, None)).told.clear();
    for _ in 0..20 {
        story.then(Event::Terminal(Err(CallError::Lost("gone".to_owned())))).is(&[]);
        story.after(Duration::from_secs(5)).is(&["complete \"old\" 1"]);
    }
    story
        .then(Event::Terminal(Err(CallError::Refused("what?".to_owned()))))
        .is(&["fail \"internal provisionerserver error\" [] none"]);
    story.then(Event::Terminal(Ok(()))).is(&["# failed \"internal provisionerserver error\""]);
}

#[test]
fn lines_that_can_not_be_delivered_hold_the_terminal_message_back_for_a_time_only() {
    let mut story = applying(Transition::Start);
    story.quietly(applied(None, None), false).told.clear();
    story.after(Duration::from_secs(119)).is(&[]);
    story.after(Duration::from_secs(1)).is(&["abandon", "close", "complete \"old\" 1"]);
}

#[test]
fn a_close_fails_the_job_at_once_but_keeps_a_result_that_is_there() {
    let close = || Event::Fail { error: "closed".to_owned(), flush_for: Duration::from_millis(500) };
    let mut story = applying(Transition::Start);
    story.quietly(close(), false).is(&["close", "log 2 daemon Info | Starting workspace | ", CLEANING_UP]);
    story.after(Duration::from_millis(500)).is(&["abandon", "fail \"closed\" [] none"]);
    story.then(Event::Stop).is(&["abandon", "# stopped \"\""]);

    let mut story = applying(Transition::Start);
    story.quietly(applied(None, None), false).told.clear();
    story.quietly(close(), false).is(&[]);
    story.after(Duration::from_millis(500)).is(&["abandon", "close", "complete \"old\" 1"]);
}
