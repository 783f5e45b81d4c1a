//! The audit trail: one entry for the end of each build of a workspace, whoever ended it.

use std::time::Duration;

use groundhog_control::operations::{acquire, administration};
use groundhog_wire::v1::{self, JobStatus, Transition};

use crate::support::{
    World,
    machine::START_MS,
    world::{failure, imported, new_version, success},
};

/// What the only entry says of the end.
#[track_caller]
fn only(world: &World) -> (u32, String) {
    let mut entries = world.audit();
    assert_eq!(entries.len(), 1, "{entries:?}");
    let entry = entries.remove(0);
    (entry.status_code, entry.error)
}

#[test]
fn an_entry_says_who_did_what_to_which_workspace() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let build = world.latest("alice", "dev");
    world.advance(Duration::from_secs(1));
    for _ in 0..2 {
        world.complete("prov-1", &success(job, b"s")).expect("it runs, and J10");
    }
    let expected = v1::AuditEntry {
        id: 1,
        at_ms: START_MS + 1_000,
        user: "alice".to_owned(),
        action: "start".to_owned(),
        workspace_id: build.workspace_id,
        build_id: build.build_id,
        job_id: build.job_id,
        status_code: 200,
        error: String::new(),
    };
    assert_eq!(world.audit(), [expected]);
}

#[test]
fn a_failure_has_its_error() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    for _ in 0..2 {
        world.fail("prov-1", &failure(job, "broken", None)).expect("it runs, and J10");
    }
    assert_eq!(only(&world), (500, "broken".to_owned()));
}

#[test]
fn a_cancelled_build_has_one_entry_however_it_ends() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    world.cancel("alice", "dev", JobStatus::Unspecified).expect("it waits");
    assert_eq!(only(&world), (499, String::new()), "nobody had it");

    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.cancel("alice", "dev", JobStatus::Unspecified).expect("it runs");
    assert_eq!(world.audit(), [], "it has not ended yet");
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    assert_eq!(only(&world), (499, String::new()), "it was done before it could be cancelled");

    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.cancel("alice", "dev", JobStatus::Unspecified).expect("it runs");
    world.by_daemon("prov-1", |tx, worker| acquire::put_back(tx, job, worker, "gone")).expect("works");
    assert_eq!(only(&world), (499, String::new()), "it was put back");

    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.cancel("alice", "dev", JobStatus::Unspecified).expect("it runs");
    world.fail("prov-1", &failure(job, "Cancel timed out", None)).expect("it runs");
    assert_eq!(only(&world), (500, "Cancel timed out".to_owned()), "J18");
}

#[test]
fn a_build_that_the_reaper_or_the_control_plane_ends_has_its_entry() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.machine.jump(Duration::from_secs(301));
    assert!(world.reap(job));
    assert!(!world.reap(job));
    let (status, error) = only(&world);
    assert_eq!(status, 500);
    assert!(error.ends_with("terminated by the reaper."), "{error}");

    let world = World::new();
    world.create("alice", "huge", "huge").expect("free");
    assert!(world.acquire("prov-1").is_none());
    let (status, error) = only(&world);
    assert_eq!(status, 500);
    assert!(error.starts_with("request job was invalidated: payload was too big"), "{error}");
}

#[test]
fn jobs_that_are_no_builds_have_none() {
    let world = World::new();
    world.import(&new_version("new", "v1"));
    world.create_version("root", &new_version("new", "v2")).expect("an administrator may");
    let job = world.acquire("prov-1").expect("it waits").job;
    world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    world.create_version("root", &new_version("new", "v3")).expect("an administrator may");
    let job = world.acquire("prov-1").expect("it waits").job;
    world.cancel_job("root", job, JobStatus::Running).expect("it runs");
    world.complete("prov-1", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
    assert_eq!(world.audit(), []);
}

#[test]
fn the_trail_is_read_in_pages() {
    let world = World::new();
    for transition in [Transition::Start, Transition::Stop, Transition::Destroy] {
        let build = match transition {
            Transition::Start => world.create("alice", "dev", "plain"),
            _ => world.build("alice", "dev", transition),
        };
        let job = build.expect("nothing runs").job_id.parse().expect("an id");
        world.acquire("prov-1").expect("it waits");
        world.complete("prov-1", &success(job, b"s")).expect("it runs");
    }
    let page = |after_id, limit| {
        let request = v1::ListAuditEntriesRequest { after_id, limit };
        let page = world.by_user("root", |tx, _| administration::list(tx, &request)).expect("works");
        page.entries.into_iter().map(|entry| (entry.id, entry.action)).collect::<Vec<_>>()
    };
    let [start, stop, destroy] = [(1, "start".to_owned()), (2, "stop".to_owned()), (3, "destroy".to_owned())];
    assert_eq!(page(0, 2), [start, stop.clone()]);
    assert_eq!(page(1, 0), [stop, destroy]);
    assert_eq!(page(u64::MAX, 0), []);
}

#[test]
fn an_entry_is_told_of_after_the_end_that_it_is_about() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.record.take_all();
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    assert_eq!(
        world.record.take_all(),
        [
            "daemon.seen worker=prov-1",
            "job.completed job=job by=prov-1 status=succeeded",
            "audit.written build=build job=job status=200 by=alice",
        ]
    );
}
