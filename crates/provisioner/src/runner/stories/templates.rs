//! Imports and dry runs: the order of what is said, and the words for what goes wrong.

use std::time::Duration;

use groundhog_wire::v1::{
    self, Declarations, ExternalAuthProvider, LogLevel, ParameterValue, Preset, Resource, TemplateDryRun,
    TemplateImport, TemplateParameter, TemplateVariable, Transition,
};

use super::{
    super::event::{CallError, Declared, Effect, Event, Moment},
    Story,
};
use crate::session::{Applied, Metadata, Parsed, Planned, Request, Response, Value, Variable};

fn import() -> Story {
    Story::of_kind(Some(v1::job::Kind::TemplateImport(TemplateImport::default())))
}

fn dry_run() -> Story {
    Story::of_kind(Some(v1::job::Kind::TemplateDryRun(TemplateDryRun::default())))
}

fn log() -> Event {
    Event::Response(Response::Log { level: LogLevel::Info, output: "hm".to_owned() })
}

fn parsed(error: Option<&str>) -> Event {
    let variables = vec![TemplateVariable::default()];
    let declarations = Declarations { variables, readme: "Hello".to_owned(), ..Declarations::default() };
    Event::Response(Response::Parsed(Parsed { error: error.map(str::to_owned), declarations }))
}

fn declared(canceled: bool) -> Event {
    let variable_values = vec![Variable { name: "password".to_owned(), value: Value::sensitive("hunter2") }];
    Event::Declared(Ok(Declared { canceled, variable_values }))
}

fn planned(error: Option<&str>, resources: usize) -> Event {
    Event::Response(Response::Planned(Planned {
        error: error.map(str::to_owned),
        resources: vec![Resource { daily_cost: 9, ..Resource::default() }; resources],
        parameters: vec![TemplateParameter::default(); resources],
        presets: vec![Preset::default(); resources],
        external_auth_providers: vec![ExternalAuthProvider::default(); resources],
        ..Planned::default()
    }))
}

fn ended() -> Event {
    Event::SessionEnded("x".to_owned())
}

fn send_failed(request: &'static str) -> Event {
    Event::SendFailed { request, error: "x".to_owned() }
}

fn applied() -> Event {
    Event::Response(Response::Applied(Applied::default()))
}

/// An import that has come as far as these events bring it.
fn after(mut story: Story, events: Vec<Event>) -> Story {
    story.then(Event::Start);
    for event in events {
        story.then(event);
    }
    story.told.clear();
    story
}

#[test]
fn an_import_goes_through_every_phase_in_order() {
    let mut story = import();
    story.then(Event::Start).is(&["# started", "open", "> Config", "# parse", "> Parse"]);
    story.then(log()).is(&[]);
    // The declarations wait for no flush: no line has been sent yet.
    story.then(parsed(None)).is(&["# declare", "declare \"Hello\" 1"]);
    story.then(declared(false)).is(&["# plan", "> Plan Start [password=*redacted*]"]);
    story.then(log()).then(planned(None, 2)).is(&["# plan_stop", "> Plan Stop [password=*redacted*]"]);
    // All but a stop's resources is a start's, and nothing is applied or paid for.
    story.then(log()).then(planned(None, 1)).is(&[
        "log 1 daemon Info | Setting up | ",
        "log 2 daemon Info | Parsing template parameters | ",
        "log 3 provisioner Info | Parse parameters | hm",
        "log 4 daemon Info | Detecting persistent resources | ",
        "log 5 provisioner Info | Detecting persistent resources | hm",
        "log 6 daemon Info | Detecting ephemeral resources | ",
        "log 7 provisioner Info | Detecting ephemeral resources | hm",
        "log 8 daemon Info | Cleaning Up | ",
        "close",
        "imported start=2 stop=1 parameters=2 presets=2 external=2",
    ]);
    story.then(Event::Terminal(Ok(()))).is(&["# completed \"\""]);
}

#[test]
fn an_import_s_plan_knows_its_transition_and_nothing_else() {
    let mut story = after(import(), vec![parsed(None)]);
    let effects = story.runner.handle(Moment { now: story.now, wall_ms: 0 }, declared(false));
    let plan = effects.iter().find_map(|effect| match effect {
        Effect::Send(Request::Plan(plan)) => Some(plan),
        _ => None,
    });
    let metadata = Metadata { transition: Transition::Start, ..Metadata::default() };
    assert_eq!(plan.map(|plan| &plan.metadata), Some(&metadata));
}

#[test]
fn a_dry_run_is_one_plan() {
    let mut story = dry_run();
    story.then(Event::Start).is(&["# started", "open", "> Config", "# plan", "> Plan"]);
    story.then(log()).then(planned(None, 2)).is(&[
        "log 1 daemon Info | Setting up | ",
        "log 2 provisioner Info | Detecting persistent resources | hm",
        "log 3 daemon Info | Cleaning Up | ",
        "close",
        "tried 2",
    ]);
    story.then(Event::Terminal(Ok(()))).is(&["# completed \"\""]);
}

#[test]
fn a_dry_run_has_names_where_none_are_given() {
    for (workspace, initiator, expected) in
        [("", "", ("dryrun", "dryrunner")), ("", "alice", ("dryrun", "alice")), ("dev", "alice", ("dev", "alice"))]
    {
        let parameter_values = vec![ParameterValue { name: "cpu".to_owned(), value: "4".to_owned() }];
        let workspace_name = workspace.to_owned();
        let run = TemplateDryRun { workspace_name, parameter_values, ..TemplateDryRun::default() };
        let mut story = Story::of_job(v1::Job {
            initiator: initiator.to_owned(),
            kind: Some(v1::job::Kind::TemplateDryRun(run)),
            ..v1::Job::default()
        });
        let at = Moment { now: story.now, wall_ms: 0 };
        story.runner.handle(at, Event::Start);
        let effects = story.runner.handle(at, Event::Opened(Ok(())));
        let Effect::Send(Request::Plan(plan)) = &effects[2] else { panic!("{effects:?}") };
        let metadata = &plan.metadata;
        assert_eq!((metadata.workspace_name.as_str(), metadata.workspace_owner.as_str()), expected);
        assert_eq!((metadata.transition, plan.parameter_values[0].value.as_str()), (Transition::Start, "4"));
    }
}

#[test]
fn failures_of_imports_and_dry_runs_have_their_texts() {
    let wrong = "invalid message type \\\"Applied\\\" received from provisioner";
    let start = || vec![parsed(None), declared(false)];
    let stop = || vec![parsed(None), declared(false), planned(None, 1)];
    let refused = |error: &str| Event::Declared(Err(CallError::Refused(error.to_owned())));
    for (story, event, expected) in [
        (after(import(), vec![]), send_failed("Config"), "\"send config: x\" []".to_owned()),
        (after(import(), vec![]), send_failed("Parse"), "\"run parse: parse source: x\" []".to_owned()),
        (after(import(), vec![]), ended(), "\"run parse: recv parse source: x\" []".to_owned()),
        (after(import(), vec![]), parsed(Some("x")), "\"run parse: parse error: x\" []".to_owned()),
        (after(import(), vec![]), applied(), format!("\"run parse: {wrong}\" []")),
        (after(import(), vec![parsed(None)]), applied(), format!("\"run parse: {wrong}\" []")),
        (after(import(), vec![parsed(None)]), refused("x"), "\"update job: x\" []".to_owned()),
        (
            after(import(), vec![parsed(None)]),
            refused("required template variables need values: a"),
            "\"update job: required template variables need values: a\" [REQUIRED_TEMPLATE_VARIABLES]".to_owned(),
        ),
        (
            after(import(), start()),
            send_failed("Plan"),
            "\"template import provision for start: start provision: x\" []".to_owned(),
        ),
        (
            after(import(), start()),
            ended(),
            "\"template import provision for start: recv import provision: x\" []".to_owned(),
        ),
        (after(import(), start()), planned(Some("x"), 0), "\"template import provision for start: x\" []".to_owned()),
        (after(import(), start()), applied(), format!("\"template import provision for start: {wrong}\" []")),
        (
            after(import(), stop()),
            ended(),
            "\"template import provision for stop: recv import provision: x\" []".to_owned(),
        ),
        (after(import(), stop()), planned(Some("x"), 0), "\"template import provision for stop: x\" []".to_owned()),
        (after(import(), stop()), applied(), format!("\"template import provision for stop: {wrong}\" []")),
        (
            after(dry_run(), vec![]),
            send_failed("Plan"),
            "\"run dry-run provision job: start provision: x\" []".to_owned(),
        ),
        (after(dry_run(), vec![]), ended(), "\"run dry-run provision job: recv import provision: x\" []".to_owned()),
        (after(dry_run(), vec![]), applied(), format!("\"run dry-run provision job: {wrong}\" []")),
        // The words around it are the runner's own, so a code goes with them.
        (
            after(dry_run(), vec![]),
            planned(Some("missing parameter: cpu"), 0),
            "\"run dry-run provision job: missing parameter: cpu\" [MISSING_TEMPLATE_PARAMETER]".to_owned(),
        ),
    ] {
        let mut story = story;
        story.then(event);
        // These kinds hold nothing, so none is told.
        assert_eq!(story.told.lines().last(), Some(format!("fail {expected} none").as_str()));
        let clean = story.told.lines().any(|line| line.ends_with("daemon Info | Cleaning Up | "));
        assert!(clean && story.told.lines().any(|line| line == "close"), "{}", story.told);
    }
}

#[test]
fn lost_declarations_are_handed_over_again() {
    let mut story = after(import(), vec![parsed(None)]);
    story.then(Event::Declared(Err(CallError::Lost("gone".to_owned())))).is(&[]);
    story.after(Duration::from_millis(100)).is(&["declare \"Hello\" 1"]);
    story.then(declared(false));
    assert!(story.told.contains("> Plan Start"), "{}", story.told);
}

#[test]
fn declarations_that_were_taken_are_a_heartbeat_and_go_beside_others() {
    let mut story = after(import(), vec![]);
    story.after(Duration::from_millis(250)).told.clear();
    // An update is in flight, which the declarations do not wait for.
    story.quietly(parsed(None), false).is(&["# declare", "declare \"Hello\" 1"]);
    story.quietly(Event::Updated(Ok(false)), false);
    story.now += Duration::from_secs(4);
    story.quietly(declared(false), false).told.clear();
    story.after(Duration::from_millis(249)).is(&[]);
    story.after(Duration::from_millis(1)).is(&["log 3 daemon Info | Detecting persistent resources | "]);
    story.quietly(Event::Updated(Ok(false)), false);
    story.after(Duration::from_millis(4_999)).is(&[]);
    story.after(Duration::from_millis(1)).is(&["update"]);
}

#[test]
fn a_cancel_is_forwarded_in_every_phase() {
    let start = || vec![parsed(None), declared(false)];
    let stop = || vec![parsed(None), declared(false), planned(None, 1)];
    for (story, phase) in [
        (after(import(), vec![]), "parse"),
        (after(import(), start()), "plan"),
        (after(import(), stop()), "plan_stop"),
        (after(dry_run(), vec![]), "plan"),
    ] {
        let mut story = story;
        story.then(Event::Cancel).is(&["> Cancel", &format!("# cancel in {phase} by shutdown")]);
    }
    // The answer to the declarations is looked at (J3).
    let mut story = after(import(), vec![parsed(None)]);
    story.then(declared(true));
    assert!(story.told.starts_with("> Cancel\n# cancel in declare by user\n"), "{}", story.told);
    assert!(story.told.ends_with("fail \"provisioning was canceled\" [] none\n"), "{}", story.told);
    // While they are under way, they are dropped.
    let mut story = after(import(), vec![parsed(None)]);
    story.then(Event::Cancel);
    assert!(story.told.starts_with("> Cancel\n# cancel in declare by shutdown\nabandon\n"), "{}", story.told);
}

#[test]
fn a_cancelled_import_begins_no_further_phase_and_a_last_one_that_succeeds_counts() {
    let start = || vec![parsed(None), declared(false), Event::Cancel];
    for (story, event, last) in [
        (after(import(), vec![Event::Cancel]), parsed(None), "fail \"provisioning was canceled\" [] none"),
        (after(import(), start()), planned(None, 1), "fail \"provisioning was canceled\" [] none"),
        (
            after(import(), vec![parsed(None), declared(false), planned(None, 2), Event::Cancel]),
            planned(None, 1),
            "imported start=2 stop=1 parameters=2 presets=2 external=2",
        ),
        (after(dry_run(), vec![Event::Cancel]), planned(None, 1), "tried 1"),
    ] {
        let mut story = story;
        story.then(event);
        assert_eq!(story.told.lines().last(), Some(last));
    }
    // Before it began.
    let mut story = import();
    story.then(Event::Cancel).then(Event::Start).is(&[
        "# started",
        "open",
        "> Config",
        "> Cancel",
        "# cancel in parse by shutdown",
        "log 1 daemon Info | Setting up | ",
        "log 2 daemon Info | Cleaning Up | ",
        "close",
        "fail \"provisioning was canceled\" [] none",
    ]);
}
