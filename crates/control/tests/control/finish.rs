//! How workers end jobs.

use std::time::Duration;

use groundhog_control::store::builds;
use groundhog_wire::{
    id::{BuildId, JobId},
    v1::{self, JobStatus, Transition},
};
use tonic::Code;
use uuid::Uuid;

use crate::support::{
    World,
    world::{assert_refused, failure, job_id, resource, success},
};

fn state(world: &World, build: &v1::Build) -> Option<Vec<u8>> {
    let id: BuildId = build.build_id.parse().expect("the control plane writes ids");
    world.tx(|tx| Ok(builds::state(tx, id)?)).expect("the database works")
}

#[test]
fn a_success_keeps_state_and_resources() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.record.take();
    world.complete("prov-1", &success(job, b"state one")).expect("it runs");
    let build = world.latest("alice", "dev");
    assert_eq!((build.status(), build.error.as_str()), (JobStatus::Succeeded, ""));
    assert_eq!(state(&world, &build), Some(b"state one".to_vec()));
    let id = build.build_id.parse().expect("an id");
    let resources = world.tx(|tx| Ok(builds::resources(tx, id)?)).expect("the database works");
    assert_eq!(resources.len(), 1);
    assert_eq!(world.record.take(), ["job.completed job=job by=prov-1 status=succeeded"]);
    // The next build starts from that state.
    world.build("alice", "dev", Transition::Stop).expect("none is active");
    let next = world.acquire("prov-1").expect("it waits").message;
    let Some(v1::job::Kind::WorkspaceBuild(next)) = next.kind else { panic!("it is a build") };
    assert_eq!((next.transition(), next.state), (Transition::Stop, b"state one".to_vec()));
}

#[test]
fn a_failure_keeps_what_it_left_behind_or_the_state_before() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &success(job, b"one")).expect("it runs");
    world.build("alice", "dev", Transition::Start).expect("none is active");
    let job = world.acquire("prov-1").expect("it waits").job;
    world.record.take();
    let request = v1::FailJobRequest { error_code: "SOME_CODE".to_owned(), ..failure(job, "broken", None) };
    world.fail("prov-1", &request).expect("it runs");
    let build = world.latest("alice", "dev");
    assert_eq!(
        (build.status(), build.error.as_str(), build.error_code.as_str()),
        (JobStatus::Failed, "broken", "SOME_CODE")
    );
    assert_eq!(state(&world, &build), Some(b"one".to_vec()), "the state before stands");
    assert_eq!(world.record.take(), ["job.failed job=job by=prov-1 error=broken code=SOME_CODE"]);
    for left in [b"half".as_slice(), b""] {
        world.build("alice", "dev", Transition::Start).expect("none is active");
        let job = world.acquire("prov-1").expect("it waits").job;
        world.fail("prov-1", &failure(job, "broken", Some(left))).expect("it runs");
        assert_eq!(state(&world, &world.latest("alice", "dev")), Some(left.to_vec()));
    }
}

#[test]
fn a_failure_without_a_text_is_still_a_failure() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.fail("prov-1", &failure(job, "", None)).expect("it runs");
    assert_eq!(world.latest("alice", "dev").status(), JobStatus::Failed);
}

#[test]
fn the_same_message_again_is_answered_alike_and_any_other_is_refused() {
    let over = "job already completed";
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    let ended = world.job(job);
    world.record.take();
    world.advance(Duration::from_secs(1));
    world.complete("prov-1", &success(job, b"s")).expect("J10: the answer was lost");
    assert_eq!(world.job(job), ended, "nothing changed");
    assert_eq!(world.record.take(), [""; 0], "and nothing was told");
    assert_refused(world.complete("prov-1", &success(job, b"t")), Code::FailedPrecondition, over);
    assert_refused(world.fail("prov-1", &failure(job, "x", None)), Code::FailedPrecondition, over);
    assert_refused(world.complete("prov-2", &success(job, b"s")), Code::PermissionDenied, "you don't own this job");

    let job = world.running("alice", "two", "prov-1");
    world.fail("prov-1", &failure(job, "broken", Some(b"s"))).expect("it runs");
    world.fail("prov-1", &failure(job, "broken", Some(b"s"))).expect("J10: the answer was lost");
    assert_refused(world.fail("prov-1", &failure(job, "other", Some(b"s"))), Code::FailedPrecondition, over);
    assert_refused(world.complete("prov-1", &success(job, b"s")), Code::FailedPrecondition, over);
}

#[test]
fn a_reaped_failure_is_not_overridden() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.advance(Duration::from_secs(301));
    assert!(world.reap(job));
    let over = "job already completed";
    assert_refused(world.complete("prov-1", &success(job, b"s")), Code::FailedPrecondition, over);
    assert_refused(world.fail("prov-1", &failure(job, "x", None)), Code::FailedPrecondition, over);
    assert_eq!(world.latest("alice", "dev").status(), JobStatus::Failed);
}

#[test]
fn the_checks_come_in_their_order() {
    let world = World::new();
    let unknown = JobId(Uuid::from_u128(7));
    let text = format!("get provisioner job: there is no job {unknown}");
    assert_refused(world.fail("prov-1", &failure(unknown, "x", None)), Code::NotFound, &text);
    assert_refused(world.complete("prov-1", &success(unknown, b"")), Code::NotFound, &text);
    let mut bad = failure(unknown, "x", None);
    bad.job_id = "seven".to_owned();
    let text = "parse job id: \"seven\" is not a job id: expected a UUID";
    assert_refused(world.fail("prov-1", &bad), Code::InvalidArgument, text);
    let job = job_id(&world.create("alice", "dev", "plain").expect("free"));
    let text = "you don't own this job";
    assert_refused(world.fail("prov-1", &failure(job, "x", None)), Code::PermissionDenied, text);
    assert_refused(world.complete("prov-1", &success(job, b"")), Code::PermissionDenied, text);
    world.acquire("prov-1").expect("it waits");
    let empty = v1::CompleteJobRequest { job_id: job.to_string(), kind: None };
    assert_refused(world.complete("prov-1", &empty), Code::InvalidArgument, "type payload must be provided");
    assert_eq!(world.latest("alice", "dev").status(), JobStatus::Running, "a refusal changes nothing");
}

#[test]
fn a_destroy_takes_the_workspace_away_and_frees_its_name() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    world.build("alice", "dev", Transition::Destroy).expect("none is active");
    let job = world.acquire("prov-1").expect("it waits").job;
    world.complete("prov-1", &success(job, b"")).expect("it runs");
    let text = "there is no workspace \"dev\"";
    assert_refused(world.build("alice", "dev", Transition::Start), Code::NotFound, text);
    world.create("alice", "dev", "plain").expect("the name is free again");
}

#[test]
fn a_destroy_that_failed_takes_nothing_away() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    world.build("alice", "dev", Transition::Destroy).expect("none is active");
    let job = world.acquire("prov-1").expect("it waits").job;
    world.fail("prov-1", &failure(job, "stuck", None)).expect("it runs");
    world.build("alice", "dev", Transition::Destroy).expect("it is still there");
}

fn timing(stage: &str, started_at_ms: i64, ended_at_ms: i64) -> v1::Timing {
    v1::Timing { stage: stage.to_owned(), started_at_ms, ended_at_ms, ..v1::Timing::default() }
}

#[test]
fn a_builds_report_is_kept_without_the_timings_that_cannot_be() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let replacement = v1::ResourceReplacement { resource: "vm".to_owned(), paths: vec!["image".to_owned()] };
    let build = v1::CompletedWorkspaceBuild {
        state: b"s".to_vec(),
        resources: vec![resource("vm", &["main", "side"]), resource("disk", &[])],
        timings: vec![
            timing("plan", 1_000, 2_000),
            timing("plan", 2_000, 1_000),
            timing("", 1_000, 2_000),
            timing("apply", 0, 2_000),
            timing("apply", 2_000, 2_000),
        ],
        replacements: vec![replacement.clone(), v1::ResourceReplacement::default()],
    };
    let kind = Some(v1::complete_job_request::Kind::WorkspaceBuild(build.clone()));
    let request = v1::CompleteJobRequest { job_id: job.to_string(), kind };
    world.complete("prov-1", &request).expect("a bad timing spoils nothing");
    world.complete("prov-1", &request).expect("J10");
    let id = world.latest("alice", "dev").build_id.parse().expect("an id");
    let (report, resources) =
        world.tx(|tx| Ok((builds::report(tx, id)?, builds::resources(tx, id)?))).expect("the database works");
    assert_eq!(report.timings, [timing("plan", 1_000, 2_000), timing("apply", 2_000, 2_000)]);
    assert_eq!(report.replacements, [replacement]);
    assert_eq!(resources, build.resources);

    // A failure has timings too.
    let job = job_id(&world.build("alice", "dev", Transition::Start).expect("none is active"));
    world.acquire("prov-1").expect("it waits");
    let failed = v1::FailedWorkspaceBuild { state: None, timings: vec![timing("plan", 5, 6), timing("plan", 6, 5)] };
    let kind = Some(v1::fail_job_request::Kind::WorkspaceBuild(failed));
    world.fail("prov-1", &v1::FailJobRequest { kind, ..failure(job, "broken", None) }).expect("it runs");
    let id = world.latest("alice", "dev").build_id.parse().expect("an id");
    let report = world.tx(|tx| Ok(builds::report(tx, id)?)).expect("the database works");
    assert_eq!(report.timings, [timing("plan", 5, 6)]);
}

#[test]
fn agents_that_cannot_be_told_apart_are_refused() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let with = |resources| {
        let build = v1::CompletedWorkspaceBuild { resources, ..v1::CompletedWorkspaceBuild::default() };
        let kind = Some(v1::complete_job_request::Kind::WorkspaceBuild(build));
        world.complete("prov-1", &v1::CompleteJobRequest { job_id: job.to_string(), kind })
    };
    let text = "agent name \"Main\" is there twice, whatever the case of its letters";
    let twice = vec![resource("vm", &["main"]), resource("other", &["Main"])];
    assert_refused(with(twice), Code::InvalidArgument, text);
    for name in ["", "-main", "main-", "ma--in", "ma_in", "mäin", &"x".repeat(64)] {
        let text = format!(
            "agent name {name:?} is invalid: expected 1 to 63 letters, digits and single hyphens, beginning and ending \
             with a letter or a digit"
        );
        assert_refused(with(vec![resource("vm", &[name])]), Code::InvalidArgument, &text);
    }
    assert_eq!(world.latest("alice", "dev").status(), JobStatus::Running, "the job is as it was");
    with(vec![resource("vm", &["main", "side-1", &"x".repeat(63)])]).expect("they are different");
}
