//! A worker's updates: who may send them, and what is kept of the log.

use std::time::Duration;

use groundhog_control::{LogConfig, log_limit::OVERFLOW_TEXT, operations::view};
use groundhog_wire::{id::JobId, v1};
use tonic::Code;
use uuid::Uuid;

use crate::support::{
    World,
    world::{assert_refused, by_name, failure, job_id, line},
};

const MIB: usize = 1 << 20;

#[test]
fn the_checks_come_in_their_order() {
    let world = World::new();
    let unknown = JobId(Uuid::from_u128(7));
    assert_refused(
        world.update("prov-1", unknown, vec![]),
        Code::NotFound,
        &format!("get job: there is no job {unknown}"),
    );
    let build = world.create("alice", "dev", "plain").expect("free");
    let job = job_id(&build);
    assert_refused(world.update("prov-1", job, vec![]), Code::FailedPrecondition, "job isn't running yet");
    world.acquire("prov-1").expect("it waits");
    assert_refused(world.update("prov-2", job, vec![]), Code::PermissionDenied, "you don't own this job");
    assert_eq!(world.update("prov-1", job, vec![]).ok(), Some(false));
    world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    assert_refused(world.update("prov-1", job, vec![]), Code::FailedPrecondition, "job already completed");
}

#[test]
fn an_id_that_is_none_is_refused() {
    let world = World::new();
    let request = v1::UpdateJobRequest { job_id: "seven".to_owned(), ..v1::UpdateJobRequest::default() };
    let limits = LogConfig::default();
    let result = world
        .by_daemon("prov-1", |tx, worker| groundhog_control::operations::update::update(tx, worker, request, &limits));
    assert_refused(result, Code::InvalidArgument, "parse job id: \"seven\" is not a job id: expected a UUID");
}

#[test]
fn an_update_is_a_sign_of_life_and_tells_of_a_cancel() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let before = world.job(job).updated_at;
    world.advance(Duration::from_secs(5));
    assert_eq!(world.update("prov-1", job, vec![]).ok(), Some(false));
    assert_eq!(world.job(job).updated_at, before + 5_000);
    world.cancel("alice", "dev", v1::JobStatus::Running).expect("it runs");
    assert_eq!(world.update("prov-1", job, vec![line(1, "x")]).ok(), Some(true), "J3: with lines too");
    assert_eq!(world.update("prov-1", job, vec![]).ok(), Some(true));
}

#[test]
fn each_number_is_stored_once() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.record.take();
    world.update("prov-1", job, vec![line(1, "a"), line(2, "b")]).expect("it runs");
    // The answer was lost: the same lines again, and one more.
    world.update("prov-1", job, vec![line(1, "a"), line(2, "b"), line(3, "c")]).expect("it runs");
    world.update("prov-1", job, vec![line(3, "c")]).expect("it runs");
    let outputs: Vec<_> = world.log("alice", "dev").into_iter().map(|line| (line.sequence, line.output)).collect();
    assert_eq!(outputs, [(1, "a".to_owned()), (2, "b".to_owned()), (3, "c".to_owned())], "J2");
    assert_eq!(world.job(job).log_use.bytes, 3, "a repeated line does not count");
    assert_eq!(
        world.record.take(),
        ["job.logs_stored job=job first=1 last=2 count=2", "job.logs_stored job=job first=3 last=3 count=1",]
    );
}

#[test]
fn lines_are_numbered_from_one() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    for bad in [0, u64::MAX] {
        let text = format!("log line number {bad}: expected numbers from 1 to 9223372036854775807");
        assert_refused(world.update("prov-1", job, vec![line(bad, "a")]), Code::InvalidArgument, &text);
    }
    assert_eq!(world.log("alice", "dev"), []);
}

#[test]
fn exactly_one_mebibyte_fits() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.record.take();
    world.update("prov-1", job, vec![line(1, &"x".repeat(MIB - 1)), line(2, "y")]).expect("it runs");
    let lines = world.log("alice", "dev");
    assert_eq!(lines.iter().map(|line| line.output.len()).sum::<usize>(), MIB);
    assert_eq!(world.record.take(), ["job.logs_stored job=job first=1 last=2 count=2"]);
    // One byte more does not.
    world.update("prov-1", job, vec![line(3, "z"), line(4, "dropped")]).expect("it runs");
    assert_overflowed(&world, 3);
    assert_eq!(world.record.take()[0], "job.log_overflow job=job");
}

#[test]
fn one_byte_above_a_mebibyte_is_replaced_and_ends_the_log() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.update("prov-1", job, vec![line(1, &"x".repeat(MIB + 1)), line(2, "dropped")]).expect("it runs");
    assert_overflowed(&world, 1);
    world.record.take();
    world.update("prov-1", job, vec![line(2, "dropped"), line(3, "dropped")]).expect("an update is still taken");
    assert_overflowed(&world, 1);
    assert_eq!(world.record.take(), [""; 0], "the overflow is told once");
}

#[track_caller]
fn assert_overflowed(world: &World, lines: usize) {
    let log = world.log("alice", "dev");
    assert_eq!(log.len(), lines);
    let last = log.last().expect("there is a line");
    assert_eq!((last.output.as_str(), last.level()), (OVERFLOW_TEXT, v1::LogLevel::Warn));
    assert_eq!(last.stage, "Planning infrastructure");
}

#[test]
fn empty_lines_are_bounded_too() {
    let mut world = World::new();
    world.config.logs.lines_max = 2;
    let job = world.running("alice", "dev", "prov-1");
    world.update("prov-1", job, (1..=5).map(|n| line(n, "")).collect()).expect("it runs");
    assert_overflowed(&world, 3);
}

#[test]
fn a_log_is_read_in_pages_and_its_end_is_known() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.update("prov-1", job, (1..=5).map(|n| line(n, &n.to_string())).collect()).expect("it runs");
    let page = |after_id, limit| {
        let request = v1::ListBuildLogsRequest { build: by_name("dev"), after_id, limit };
        let limits = LogConfig { page_lines_max: 3, ..LogConfig::default() };
        let page = world.by_user("alice", |tx, user| view::log(tx, user, &request, &limits)).expect("it exists");
        let lines: Vec<_> = page.lines.iter().filter_map(|line| line.line.as_ref()).map(|line| line.sequence).collect();
        (lines, page.lines.last().map_or(0, |line| line.id), page.complete)
    };
    let (lines, last, complete) = page(0, 0);
    assert_eq!((lines, complete), (vec![1, 2, 3], false));
    let (lines, last, complete) = page(last, 10);
    assert_eq!((lines, complete), (vec![4, 5], false), "more may come");
    assert_eq!(page(0, 2).0, [1, 2]);
    world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    assert!(page(last, 0).2, "nothing more comes");
    let (lines, last, complete) = page(0, 3);
    assert_eq!((lines.len(), complete), (3, false), "there is more");
    assert!(page(last, 0).2);
}

#[test]
fn a_page_fits_a_message() {
    let mut world = World::new();
    world.config.logs.bytes_max = 16 << 20;
    let job = world.running("alice", "dev", "prov-1");
    for n in 1..=3 {
        world.update("prov-1", job, vec![line(n, &"x".repeat(3 << 19))]).expect("it runs");
    }
    assert_eq!(world.log("alice", "dev").len(), 2, "1.5 MiB, and 1.5 MiB below the page's 2");
}
