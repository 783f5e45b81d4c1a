//! Workspace builds: the order of what is said, cancels, and how calls are retried.

use std::time::Duration;

use groundhog_wire::v1::{self, CommitQuotaResponse, LogLevel, Resource, ResourceReplacement, Transition};

use super::{
    super::event::{CallError, Effect, Event, Moment, Tale},
    Story, timing,
};
use crate::session::{Applied, Planned, Request, Response, Value};

fn applied(error: Option<&str>, state: Option<&str>) -> Event {
    Event::Response(Response::Applied(Applied {
        error: error.map(str::to_owned),
        state: state.map(|state| state.as_bytes().to_vec()),
        resources: vec![Resource::default()],
        timings: Vec::new(),
    }))
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
            Event::Response(Response::Planned(Planned {
                error: Some("missing parameter".to_owned()),
                ..Planned::default()
            })),
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
    story.quietly(Event::Response(Response::Planned(Planned { resources, ..Planned::default() })), false).is(&[]);
    // This answer may have been given before the job was cancelled. The next one was not, and tells it.
    story.quietly(Event::Updated(Ok(false)), false).is(&["update"]);
    story.quietly(Event::Updated(Ok(true)), false).is(&[
        "> Cancel",
        "# cancel in plan by user",
        "log 2 daemon Info | Cleaning Up | ",
    ]);
    // Nor does a phase wait for ever: the job goes on while the control plane is away.
    let mut story = begun(Transition::Start);
    story.quietly(Event::Response(Response::Planned(Planned::default())), false);
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
    let refusal = || CallError::Refused("too many lines".to_owned());
    story.then(Event::Updated(Err(refusal()))).is(&["close", "fail \"send periodic update: too many lines\" [] none"]);
    story.then(Event::Terminal(Err(refusal()))).is(&["# refused \"too many lines\""]);
}

#[test]
fn a_job_that_is_another_workers_is_let_go_without_a_word() {
    let mut story = applying(Transition::Start);
    story.after(Duration::from_secs(5)).told.clear();
    let refusal = || CallError::Over("you don't own this job".to_owned());
    story.then(Event::Updated(Err(refusal()))).is(&["close", "# refused \"you don't own this job\""]);

    // A result is told, and is the job's if it is taken.
    let mut story = applying(Transition::Start);
    story.quietly(applied(None, None), false).told.clear();
    story.then(Event::Updated(Err(refusal()))).is(&["close", "complete \"old\" 1"]);
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

#[test]
fn how_long_what_took_is_told_however_the_build_ends() {
    let plan = |error: Option<&str>, daily_cost| {
        let resources = vec![Resource { daily_cost, ..Resource::default() }];
        let error = error.map(str::to_owned);
        Event::Response(Response::Planned(Planned { error, resources, timings: timing("plan"), ..Planned::default() }))
    };
    let apply = |error: Option<&str>| {
        let (error, state) = (error.map(str::to_owned), Some(b"left".to_vec()));
        Event::Response(Response::Applied(Applied { error, state, timings: timing("apply"), ..Applied::default() }))
    };
    // What a plan that failed took is all that there is to tell; a failed apply tells its state too.
    for (events, expected) in [
        (vec![plan(Some("no"), 0)], "fail \"no\" [] build None timed plan"),
        (vec![plan(None, 0), apply(Some("no"))], "fail \"no\" [] build Some(\"left\") timed plan timed apply"),
        (vec![plan(None, 0), apply(None)], "complete \"left\" 0 timed plan timed apply"),
        (
            vec![plan(None, 0), Event::SessionEnded("gone".to_owned())],
            "fail \"recv workspace provision: gone\" [] build None timed plan",
        ),
        (
            vec![plan(None, 1), Event::Quota(Ok(CommitQuotaResponse { ok: false, credits_consumed: 0, budget: 0 }))],
            "fail \"insufficient quota\" [INSUFFICIENT_QUOTA] build None timed plan",
        ),
    ] {
        let mut story = begun(Transition::Start);
        for event in events {
            story.then(event);
        }
        assert_eq!(story.told.lines().last(), Some(expected));
    }
}

#[test]
fn what_is_made_anew_is_warned_of_and_reported() {
    let mut story = begun(Transition::Start);
    let paths = vec!["cpu".to_owned(), "zone".to_owned()];
    let replacements = vec![ResourceReplacement { resource: "vm.dev".to_owned(), paths }];
    story.then(Event::Response(Response::Planned(Planned { replacements, ..Planned::default() }))).is(&[
        "log 1 daemon Info | Setting up | ",
        "log 2 provisioner Warn | Planning infrastructure | vm.dev will be replaced: can't change cpu, zone in place",
        "# apply",
        "> Apply",
    ]);
    story.then(applied(None, None));
    assert_eq!(story.told.lines().last(), Some("complete \"old\" 1 replaced vm.dev"));
}

#[test]
fn a_session_knows_what_is_built_and_prints_no_secret() {
    let build = v1::WorkspaceBuild {
        transition: Transition::Start.into(),
        workspace_name: "dev".to_owned(),
        workspace_owner: "alice".to_owned(),
        template_name: "vm".to_owned(),
        template_version: "v1".to_owned(),
        owner_session_token: "token-value".to_owned(),
        log_level: LogLevel::Warn.into(),
        variable_values: vec![v1::VariableValue {
            name: "password".to_owned(),
            value: "password-value".to_owned(),
            sensitive: true,
        }],
        parameter_values: vec![v1::ParameterValue { name: "cpu".to_owned(), value: "4".to_owned() }],
        ..v1::WorkspaceBuild::default()
    };
    let mut story = Story::of_kind(Some(v1::job::Kind::WorkspaceBuild(build)));
    let at = Moment { now: story.now, wall_ms: 0 };
    story.runner.handle(at, Event::Start);
    let effects = story.runner.handle(at, Event::Opened(Ok(())));
    let Effect::Send(Request::Config(config)) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(config.log_level, LogLevel::Warn);
    let Effect::Send(Request::Plan(plan)) = &effects[2] else { panic!("{effects:?}") };
    let token = plan.metadata.owner_session_token.as_ref();
    assert_eq!(token.map(Value::expose), Some("token-value"));
    assert_eq!(plan.variable_values[0].value.expose(), "password-value");
    assert_eq!(plan.parameter_values[0].value, "4");
    let printed = format!("{effects:?} {:?}", story.runner);
    assert!(!printed.contains("token-value") && !printed.contains("password-value"), "{printed}");
}

#[test]
fn an_answer_out_of_turn_fails_the_build() {
    // The second answer to a plan meets a runner that waits for a flush, or is applying.
    for applying in [false, true] {
        let mut story = begun(Transition::Start);
        story.quietly(Event::Response(Response::Planned(Planned::default())), applying).told.clear();
        story.then(Event::Response(Response::Planned(Planned::default())));
        assert!(story.told.starts_with("close\n"), "{}", story.told);
    }
}
