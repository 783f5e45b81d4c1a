//! Acquiring jobs, and putting them back.

use std::time::Duration;

use groundhog_control::{job_status::JobStatus, operations::acquire, store::jobs};
use groundhog_wire::v1;
use tonic::Code;

use crate::support::{
    World,
    world::{assert_refused, job_id, line, new_version, session_token, want},
};

const ANY: v1::JobStatus = v1::JobStatus::Unspecified;

#[test]
fn the_oldest_job_goes_first_and_to_one_worker_only() {
    let world = World::new();
    let first = job_id(&world.create("alice", "one", "plain").expect("free"));
    world.advance(Duration::from_secs(1));
    let second = job_id(&world.create("bob", "two", "plain").expect("free"));
    assert_eq!(world.acquire("prov-1").expect("two wait").job, first);
    assert_eq!(world.acquire("prov-2").expect("one waits").job, second);
    assert!(world.acquire("prov-3").is_none());
    assert_eq!(world.job(first).status(), JobStatus::Running);
}

#[test]
fn jobs_of_one_instant_go_by_id() {
    let world = World::new();
    let mut expected: Vec<_> =
        ["a", "b", "c", "d"].map(|name| job_id(&world.create("alice", name, "plain").expect("free"))).into();
    expected.sort();
    let order: Vec<_> = (0..4).map(|_| world.acquire("prov-1").expect("it waits").job).collect();
    assert_eq!(order, expected);
}

#[test]
fn the_message_says_all_that_a_worker_needs() {
    let world = World::new();
    let build = world.create("alice", "dev", "plain").expect("free");
    let message = world.acquire("prov-1").expect("it waits").message;
    let token = session_token(&message);
    assert_eq!(token.len(), 64);
    let expected = v1::Job {
        job_id: build.job_id.clone(),
        created_at_ms: crate::support::machine::START_MS,
        provisioner_type: "scripted".to_owned(),
        initiator: "alice".to_owned(),
        template_source: b"source of plain".to_vec(),
        kind: Some(v1::job::Kind::WorkspaceBuild(v1::WorkspaceBuild {
            build_id: build.build_id,
            workspace_id: build.workspace_id,
            workspace_name: "dev".to_owned(),
            workspace_owner: "alice".to_owned(),
            template_name: "plain".to_owned(),
            template_version: "v1".to_owned(),
            transition: v1::Transition::Start.into(),
            state: vec![],
            owner_session_token: token,
            ..v1::WorkspaceBuild::default()
        })),
    };
    assert_eq!(message, expected);
}

#[test]
fn tags_and_types_select() {
    let world = World::new();
    let gpu = job_id(&world.create("alice", "gpu", "gpu").expect("free"));
    let plain = job_id(&world.create("alice", "plain", "plain").expect("free"));
    let mut other = want(&[]);
    other.provisioner_types = ["terraform".to_owned()].into();
    assert!(world.acquire_with("prov-1", &other).is_none(), "the type must match");
    assert_eq!(world.acquire("prov-1").expect("it waits").job, plain);
    assert!(world.acquire("prov-1").is_none(), "the tagged job is not for an untagged daemon");
    assert_eq!(world.acquire_with("prov-2", &want(&[("gpu", "yes"), ("x", "y")])).expect("it waits").job, gpu);
}

#[test]
fn a_job_that_was_cancelled_while_it_waited_is_never_run() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    world.cancel("alice", "dev", ANY).expect("it waits");
    assert!(world.acquire("prov-1").is_none(), "J12");
}

#[test]
fn a_job_that_cannot_be_sent_is_failed_and_the_next_one_goes() {
    let world = World::new();
    world.create("alice", "huge", "huge").expect("free");
    world.advance(Duration::from_secs(1));
    let next = job_id(&world.create("alice", "dev", "plain").expect("free"));
    world.record.take();
    assert_eq!(world.acquire("prov-1").expect("one can be sent").job, next);
    let failed = world.latest("alice", "huge");
    assert_eq!(failed.status(), v1::JobStatus::Failed);
    assert!(failed.error.starts_with("request job was invalidated: payload was too big: 1000"), "{}", failed.error);
    assert!(failed.error.ends_with(" > 1000000"), "{}", failed.error);
    let told = world.record.take();
    assert!(told[0].starts_with("job.failed job=job by=control error=request job was invalidated"), "{told:?}");
    assert_eq!(told[1..], ["job.acquired job=job worker=prov-1"]);
}

#[test]
fn a_job_that_was_not_delivered_waits_again_in_its_old_place() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.advance(Duration::from_secs(1));
    world.create("alice", "later", "plain").expect("free");
    world.record.take();
    let posting = world.by_daemon("prov-1", |tx, worker| acquire::put_back(tx, job, worker, "gone")).expect("works");
    assert!(posting.is_some_and(|posting| want(&[]).takes(&posting.provisioner_type, &posting.tags)));
    assert_eq!(world.record.take(), ["job.returned job=job worker=prov-1 reason=gone"]);
    assert_eq!(world.job(job).status(), JobStatus::Pending);
    assert_eq!(world.acquire("prov-2").expect("it waits again").job, job, "J11");
    assert_refused(world.update("prov-1", job, vec![]), Code::PermissionDenied, "you don't own this job");
}

#[test]
fn a_job_that_its_worker_spoke_of_is_not_put_back() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.update("prov-1", job, vec![line(1, "hello")]).expect("it runs");
    let posting = world.by_daemon("prov-1", |tx, worker| acquire::put_back(tx, job, worker, "gone")).expect("works");
    assert_eq!(posting, None);
    assert_eq!(world.job(job).status(), JobStatus::Running);
}

#[test]
fn only_the_worker_it_was_locked_for_gives_a_job_back() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let posting = world.by_daemon("prov-2", |tx, worker| acquire::put_back(tx, job, worker, "gone")).expect("works");
    assert_eq!((posting, world.job(job).status()), (None, JobStatus::Running));
}

#[test]
fn a_job_that_was_cancelled_and_not_delivered_is_over() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.cancel("alice", "dev", ANY).expect("it runs");
    world.record.take();
    let posting = world.by_daemon("prov-1", |tx, worker| acquire::put_back(tx, job, worker, "gone")).expect("works");
    assert_eq!((posting, world.job(job).status()), (None, JobStatus::Canceled));
    assert_eq!(world.record.take(), ["job.returned job=job worker=prov-1 reason=gone", "job.canceled job=job"]);
}

#[test]
fn a_worker_is_the_same_over_connections() {
    let world = World::new();
    let first = world.by_daemon("prov-1", |_, worker| Ok(worker.id)).expect("admitted");
    let again = world.by_daemon("prov-1", |_, worker| Ok(worker.id)).expect("admitted");
    let other = world.by_daemon("prov-2", |_, worker| Ok(worker.id)).expect("admitted");
    assert_eq!(first, again, "J17");
    assert_ne!(first, other);
}

#[test]
fn locking_is_conditional() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let locked = world.by_daemon("prov-2", |tx, worker| Ok(jobs::lock(tx, job, worker.id)?)).expect("works");
    assert!(!locked);
}

/// A world whose database is damaged once a request was made.
fn damaged(statement: &str, request: &dyn Fn(&World)) -> World {
    let (world, file) = World::in_file();
    request(&world);
    file.connect().execute_batch(&format!("PRAGMA foreign_keys = OFF; {statement}")).expect("the statement is sound");
    world
}

#[test]
fn every_job_that_cannot_be_sent_ends_and_says_why() {
    let build = |world: &World| drop(world.create("alice", "dev", "plain").expect("free"));
    let import = |world: &World| drop(world.create_version("root", &new_version("new", "v1")).expect("it may"));
    let dry_run = |world: &World| drop(world.dry_run("root", "plain").expect("it is usable"));
    type Case<'a> = (&'a str, &'a dyn Fn(&World), &'a str);
    let cases: [Case<'_>; 11] = [
        ("DELETE FROM users WHERE name = 'alice'", &build, "get user"),
        ("DELETE FROM builds", &build, "get workspace build"),
        ("DELETE FROM workspaces", &build, "get workspace build"),
        (
            "DELETE FROM template_versions WHERE source = CAST('source of plain' AS BLOB)",
            &build,
            "get template version",
        ),
        ("DELETE FROM templates WHERE name = 'plain'", &build, "get template version"),
        ("UPDATE builds SET asked = x'ff'", &build, "get workspace build: the database failed"),
        ("UPDATE template_versions SET declared = x'ff'", &build, "get template version: the database failed"),
        ("UPDATE template_versions SET import_job_id = NULL", &import, "get template version"),
        ("UPDATE template_versions SET given = x'ff'", &import, "get template version: the database failed"),
        ("DELETE FROM dry_runs", &dry_run, "get dry run"),
        ("UPDATE dry_runs SET asked = x'ff'", &dry_run, "get dry run: the database failed"),
    ];
    for (statement, request, reason) in cases {
        let world = damaged(statement, request);
        world.record.take();
        assert!(world.acquire("prov-1").is_none(), "{statement}");
        let told = world.record.take();
        let failed = format!("job.failed job=job by=control error=request job was invalidated: {reason}");
        assert!(told.len() == 1 && told[0].starts_with(&failed), "{statement}: {told:?}");
        assert!(world.acquire("prov-1").is_none());
        assert_eq!(world.record.take(), [""; 0], "{statement}: it has ended");
    }
}
