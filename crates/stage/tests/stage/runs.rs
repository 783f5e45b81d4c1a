//! Whole runs: what a story does, and how it is judged.

use groundhog_stage::{
    catalogue,
    run::{EXPECTATION, LIVENESS, Report, run},
    scenario::Scenario,
    snapshot,
};

fn play(text: &str) -> Report {
    match Scenario::parse("story.toml", text, &catalogue::lists()) {
        Ok(scenario) => run(&scenario, scenario.seed),
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    }
}

fn rules(report: &Report) -> Vec<&str> {
    report.violations.iter().map(|violation| violation.rule.as_str()).collect()
}

/// The fields of every record of `event`, as text.
fn seen(report: &Report, event: &str) -> Vec<String> {
    let of_event = report.records.iter().filter(|record| record.event == event);
    of_event
        .map(|record| record.fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
        .collect()
}

const WORKSPACE: &str = r#"
about = "A workspace is made."
duration = "10m"
settle = "5m"
[[template]]
name = "vm"
plan = { takes = "5s" }
apply = { takes = "20s" }
[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm" }
"#;

const DAEMON: &str = "[[provisioner]]\nname = \"prov-1\"\n";

#[test]
fn a_world_that_does_not_come_to_rest_is_not_live() {
    let report = play(WORKSPACE);
    assert_eq!(rules(&report), [LIVENESS]);
    assert!(report.violations[0].message.contains("job#1"), "{}", report.violations[0].message);
    let passes = play(&format!("{WORKSPACE}{DAEMON}"));
    assert_eq!(passes.violations, []);
}

#[test]
fn an_expectation_that_does_not_hold_is_told_with_its_line() {
    let report = play(&format!("{WORKSPACE}{DAEMON}[[expect]]\nevent = \"job.completed\"\ntimes = 2\n"));
    assert_eq!(rules(&report), [EXPECTATION]);
    assert!(report.violations[0].message.contains("line 14"), "{}", report.violations[0].message);
    assert!(snapshot::render("story", &report).contains("outcome: expectation: "));
}

#[test]
fn a_stranger_is_refused_as_if_there_were_nothing() {
    let report = play(&format!(
        "{WORKSPACE}{DAEMON}[[step]]\nat = \"10s\"\ncancel_build = {{ workspace = \"dev\", owner = \"alice\", by = \"mallory\" }}\n"
    ));
    assert!(report.passed(), "{:?}", report.violations);
    assert_eq!(seen(&report, "job.cancel_requested"), [""; 0]);
    let refusals = seen(&report, "user.refused");
    assert_eq!(refusals.len(), 1);
    assert!(refusals[0].starts_with("by=mallory call=cancel_build code=NotFound"), "{}", refusals[0]);
}

#[test]
fn a_daemon_that_is_shut_down_finishes_its_job_or_cancels_it_or_drops_it() {
    let shut_down = |job: &str, reason: &str| {
        let step = format!("[[step]]\nat = \"10s\"\nshutdown_provisioner = {{ name = \"prov-1\", job = \"{job}\" }}\n");
        let report = play(&format!("{WORKSPACE}{DAEMON}{step}"));
        assert!(report.passed(), "{:?}", report.violations);
        assert_eq!(seen(&report, "daemon.stopped"), [format!("reason={reason}")]);
        report
    };
    assert_eq!(seen(&shut_down("finishes", "shut down"), "job.completed").len(), 1);
    let cancelled = shut_down("is_canceled", "shut down");
    assert_eq!(seen(&cancelled, "runner.cancel_forwarded"), ["job=job#1 phase=apply by=shutdown"]);
    assert_eq!(seen(&cancelled, "job.failed").len(), 1);
    let failures = seen(&shut_down("is_dropped", "closed"), "job.failed");
    assert!(failures[0].contains("provisioner daemon was shutdown gracefully"), "{failures:?}");
}

#[test]
fn a_person_asks_again_while_there_is_no_answer() {
    let fault = "[[fault]]\nat = \"0s\"\nfor = \"1m\"\ncut = [\"users\", \"control\"]\n";
    let report = play(&format!("{WORKSPACE}{DAEMON}{fault}"));
    assert!(report.passed(), "{:?}", report.violations);
    assert_eq!(seen(&report, "workspace.created").len(), 1);
    assert_eq!(seen(&report, "user.refused"), [""; 0]);
}

#[test]
fn a_template_with_tags_is_built_where_the_tags_are() {
    let tagged = WORKSPACE.replace("name = \"vm\"", "name = \"vm\"\ntags = { gpu = \"yes\" }");
    let plain = play(&format!("{tagged}{DAEMON}"));
    assert_eq!(rules(&plain), [LIVENESS], "a daemon without the tag does not take it");
    let with_gpu = play(&format!("{tagged}{DAEMON}tags = {{ gpu = \"yes\" }}\n"));
    assert!(with_gpu.passed(), "{:?}", with_gpu.violations);
}

#[test]
fn the_same_seed_is_the_same_run_and_another_is_another() {
    let text = format!("{WORKSPACE}{DAEMON}");
    let scenario = Scenario::parse("story.toml", &text, &catalogue::lists()).expect("a good file");
    let digests = |seed| {
        let report = run(&scenario, seed);
        (report.log_digest, report.trace_digest)
    };
    assert_eq!(digests(5), digests(5));
    assert_ne!(digests(5).1, digests(6).1);
}
