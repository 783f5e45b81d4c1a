//! How people end builds.

use groundhog_wire::v1::{JobStatus, Transition};
use tonic::Code;

use crate::support::{
    World,
    machine::START_MS,
    world::{assert_refused, failure, success},
};

const ANY: JobStatus = JobStatus::Unspecified;

#[test]
fn a_build_that_no_worker_has_is_over_at_once() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    world.record.take();
    let build = world.cancel("alice", "dev", ANY).expect("it waits");
    assert_eq!((build.status(), build.canceled_at_ms), (JobStatus::Canceled, Some(START_MS)));
    assert_eq!(world.record.take(), ["job.cancel_requested job=job by=alice", "job.canceled job=job"]);
    assert_refused(world.cancel("alice", "dev", ANY), Code::FailedPrecondition, "Job has already completed!");
    world.build("alice", "dev", Transition::Start).expect("another build may follow");
}

#[test]
fn a_running_build_goes_on_until_its_worker_ends_it() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let heard_of = world.job(job).updated_at;
    world.advance(std::time::Duration::from_secs(7));
    world.record.take();
    let build = world.cancel("alice", "dev", ANY).expect("it runs");
    assert_eq!(build.status(), JobStatus::Canceling);
    assert_eq!(world.record.take(), ["job.cancel_requested job=job by=alice"]);
    assert_eq!(world.job(job).updated_at, heard_of, "a cancel is no sign of life");
    let text = "Job has already been marked as canceled!";
    assert_refused(world.cancel("alice", "dev", ANY), Code::FailedPrecondition, text);
    let active = "A workspace build is already active.";
    assert_refused(world.build("alice", "dev", Transition::Stop), Code::FailedPrecondition, active);
    world.record.take();
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    assert_eq!(world.record.take(), ["job.completed job=job by=prov-1 status=canceled"]);
    assert_eq!(world.latest("alice", "dev").status(), JobStatus::Canceled);
}

#[test]
fn a_cancelled_build_that_fails_reads_failed_and_tells_of_the_cancel() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.cancel("alice", "dev", ANY).expect("it runs");
    world.fail("prov-1", &failure(job, "Cancel timed out", None)).expect("it runs");
    let build = world.latest("alice", "dev");
    assert_eq!((build.status(), build.canceled_at_ms), (JobStatus::Failed, Some(START_MS)), "J18");
}

#[test]
fn what_is_expected_is_checked() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    let text = "Job is not in the expected state: expected running, but it is pending.";
    assert_refused(world.cancel("alice", "dev", JobStatus::Running), Code::FailedPrecondition, text);
    world.acquire("prov-1").expect("it waits");
    let text = "Job is not in the expected state: expected pending, but it is running.";
    assert_refused(world.cancel("alice", "dev", JobStatus::Pending), Code::FailedPrecondition, text);
    for other in [JobStatus::Succeeded, JobStatus::Canceling, JobStatus::Canceled, JobStatus::Failed] {
        let text = "expected no status, or pending, or running";
        assert_refused(world.cancel("alice", "dev", other), Code::InvalidArgument, text);
    }
    assert_eq!(world.latest("alice", "dev").status(), JobStatus::Running);
    world.cancel("alice", "dev", JobStatus::Running).expect("as expected");
}
