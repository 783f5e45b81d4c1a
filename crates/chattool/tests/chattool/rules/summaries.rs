//! An answer as the log tells it.

use groundhog_chattool::{
    Answer,
    answers::{self, FailedBuild, There},
    report::Report,
    summary::Summary,
    tool::Tool,
};
use groundhog_wire::{id::BuildId, v1};

fn build() -> BuildId {
    "018f3c3e-0000-7c4e-8d52-000000000003".parse().expect("an id")
}

#[track_caller]
fn check(tool: Tool, answer: Answer, outcome: &str, readiness: &str, told: &str) {
    let summary = Summary::of(tool, &answer);
    assert_eq!((summary.outcome, summary.readiness.as_str(), summary.answer.as_str()), (outcome, readiness, told));
}

#[test]
fn each_answer_has_its_word_and_no_ids() {
    let ready = &Report::Ready;
    let (create, start, stop) = (Tool::CreateWorkspace, Tool::StartWorkspace, Tool::StopWorkspace);
    check(
        create,
        answers::created("alice", "dev", build(), ready),
        "created",
        "",
        "created=true workspace_name=alice/dev",
    );
    check(
        create,
        answers::created("alice", "dev", build(), &Report::NotReady("no answer".to_owned())),
        "created",
        "not_ready",
        "agent_error=\"no answer\" agent_status=not_ready created=true workspace_name=alice/dev",
    );
    check(
        create,
        answers::already_exists("dev", There::Reachable, Some(build()), &Report::ScriptsFailed("off")),
        "already_exists",
        "startup_scripts_failed",
        "created=false lifecycle_state=off message=\"workspace is already running and reachable\" \
         startup_scripts=startup_scripts_failed status=already_exists workspace_name=dev",
    );
    check(
        create,
        answers::stopped("dev"),
        "stopped",
        "",
        "created=false message=\"workspace is stopped; use start_workspace to start it\" status=stopped \
         workspace_name=dev",
    );
    let quota = v1::Quota { credits_consumed: 40, budget: Some(40) };
    let over = Summary::of(create, &answers::quota(FailedBuild::Own, "too dear", build(), Some(&quota)));
    assert_eq!((over.outcome, over.readiness.as_str()), ("failed", ""));
    for part in ["error_code=INSUFFICIENT_QUOTA", r#"quota={"budget":40,"credits_consumed":40}"#] {
        assert!(over.answer.contains(part), "{over:?}");
    }
    assert!(!over.answer.contains("build_id"), "{over:?}");
    check(start, answers::started("dev", build(), ready), "started", "", "started=true workspace_name=dev");
    let running = Summary::of(start, &answers::already_running("dev", There::Connecting, None, ready));
    assert_eq!(running.outcome, "already_running");
    check(stop, answers::stop_done("dev", build()), "stopped", "", "stopped=true workspace_name=dev");
    assert_eq!(Summary::of(stop, &answers::already_stopped("dev")).outcome, "already_stopped");
    let template = v1::Template { name: "docker".to_owned(), ..v1::Template::default() };
    check(Tool::ListTemplates, answers::templates(&[&template]), "listed", "", "templates=1");
    let read = Summary::of(Tool::ReadTemplate, &answers::template(&template, &v1::Choices::default()));
    assert_eq!(read.outcome, "read");
    check(create, Answer::Error("load chat: no database".to_owned()), "error", "", "load chat: no database");
}

#[test]
fn a_long_answer_is_cut() {
    let summary = Summary::of(Tool::CreateWorkspace, &Answer::Error("é".repeat(100_000)));
    assert!(summary.answer.chars().count() <= 601 && summary.answer.ends_with('…'));
}
