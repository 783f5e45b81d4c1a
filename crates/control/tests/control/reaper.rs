//! Jobs that nothing is heard of.

use std::time::Duration;

use groundhog_control::{operations::reap, reaper, store::builds};
use groundhog_wire::v1::{self, JobStatus, Transition};
use tokio_util::sync::CancellationToken;

use crate::support::{
    World,
    machine::START_MS,
    world::{failure, job_id, line, new_version, success},
};

const MINUTE: Duration = Duration::from_secs(60);

fn run_once(world: &World) -> u32 {
    world.machine.block_on(reaper::run_once(&world.store, &world.config.reaper)).expect("the database works")
}

fn candidates(world: &World) -> usize {
    world.tx(|tx| Ok(reap::candidates(tx, &world.config.reaper)?)).expect("the database works").len()
}

#[test]
fn a_running_job_is_hung_after_more_than_five_minutes() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.advance(5 * MINUTE);
    // Both looks keep to it: the one that finds candidates, and the one before the end.
    assert_eq!((candidates(&world), world.reap(job)), (0, false), "exactly five minutes are not more");
    assert_eq!(run_once(&world), 0);
    world.record.take();
    world.advance(Duration::from_secs(1));
    assert_eq!(run_once(&world), 1);
    let error = "Coder: Build has been detected as hung for 5 minutes and has been terminated by the reaper.";
    let build = world.latest("alice", "dev");
    assert_eq!((build.status(), build.error.as_str(), build.error_code.as_str()), (JobStatus::Failed, error, ""));
    assert_eq!(
        world.record.take(),
        [
            "job.reaped job=job was=hung silent_s=301".to_owned(),
            format!("job.failed job=job by=reaper error={error} code="),
        ]
    );
    assert_eq!(run_once(&world), 0, "once");
    assert!(!world.reap(job));
}

#[test]
fn a_job_that_speaks_is_not_hung() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.advance(4 * MINUTE);
    world.update("prov-1", job, vec![]).expect("it runs");
    world.advance(4 * MINUTE);
    assert_eq!(run_once(&world), 0);
    assert!(!world.reap(job), "the job is looked at again before it is ended");
}

#[test]
fn a_cancelled_job_whose_worker_is_gone_ends_too() {
    let world = World::new();
    world.running("alice", "dev", "prov-1");
    world.advance(4 * MINUTE);
    world.cancel("alice", "dev", JobStatus::Running).expect("it runs");
    world.advance(MINUTE + Duration::from_secs(1));
    assert_eq!(run_once(&world), 1, "a cancel is no sign of life");
}

#[test]
fn a_job_that_nobody_takes_is_given_up_after_half_an_hour() {
    let world = World::new();
    let job = job_id(&world.create("alice", "dev", "plain").expect("free"));
    world.advance(30 * MINUTE);
    assert_eq!((candidates(&world), world.reap(job)), (0, false));
    world.record.take();
    world.advance(Duration::from_secs(1));
    assert_eq!(run_once(&world), 1);
    let error = "Coder: Build has been detected as pending for 30 minutes and has been terminated by the reaper.";
    assert_eq!(world.latest("alice", "dev").error, error);
    assert_eq!(world.record.take()[0], "job.reaped job=job was=pending silent_s=1801");
    assert_eq!(world.job(job).started_at, Some(START_MS + 1_801_000));
    assert!(world.acquire("prov-1").is_none());
}

#[test]
fn the_log_says_why_it_stops() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.update("prov-1", job, vec![line(1, "a"), line(2, "b")]).expect("it runs");
    world.advance(6 * MINUTE);
    assert_eq!(run_once(&world), 1);
    let log = world.log("alice", "dev");
    let text = "Coder: Build has been detected as hung for 5 minutes and will be terminated.";
    let rule = "====================";
    let now = START_MS + 360_000;
    for (at, output) in ["", rule, text, rule, ""].into_iter().enumerate() {
        let expected = v1::LogLine {
            sequence: 3 + at as u64,
            source: v1::LogSource::ProvisionerDaemon.into(),
            level: v1::LogLevel::Error.into(),
            created_at_ms: now + at as i64,
            stage: "Planning infrastructure".to_owned(),
            output: output.to_owned(),
        };
        assert_eq!(log[2 + at], expected);
    }
    assert_eq!(log.len(), 7);
}

#[test]
fn a_log_without_a_stage_gets_unknown() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.running("alice", "two", "prov-2");
    world.update("prov-1", job, vec![v1::LogLine { stage: String::new(), ..line(1, "a") }]).expect("it runs");
    world.advance(6 * MINUTE);
    assert_eq!(run_once(&world), 2);
    assert_eq!(world.log("alice", "dev")[5].stage, "Unknown");
    assert_eq!(world.log("alice", "two")[0].stage, "Unknown");
}

#[test]
fn a_reaped_build_keeps_the_state_before_it() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &success(job, b"one")).expect("it runs");
    world.build("alice", "dev", Transition::Start).expect("none is active");
    world.acquire("prov-1").expect("it waits");
    world.advance(6 * MINUTE);
    assert_eq!(run_once(&world), 1);
    let id = world.latest("alice", "dev").build_id.parse().expect("an id");
    assert_eq!(world.tx(|tx| Ok(builds::state(tx, id)?)).expect("works"), Some(b"one".to_vec()));
}

#[test]
fn at_most_ten_a_run_and_the_longest_silent_first() {
    let world = World::new();
    let jobs: Vec<_> = (0..11)
        .map(|n| {
            world.advance(Duration::from_secs(1));
            world.running("bob", &format!("ws-{n}"), &format!("prov-{n}"))
        })
        .collect();
    world.advance(6 * MINUTE);
    assert_eq!(run_once(&world), 10);
    let open: Vec<_> = jobs.iter().filter(|job| world.job(**job).completed_at.is_none()).collect();
    assert_eq!(open, [&jobs[10]], "the youngest is left");
    assert_eq!(run_once(&world), 1);
}

#[test]
fn a_finished_job_is_left_alone() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    world.advance(40 * MINUTE);
    assert_eq!((run_once(&world), world.reap(job)), (0, false));
    assert_eq!(world.latest("alice", "dev").error, "broken");
}

#[test]
fn it_runs_every_minute_until_it_is_stopped() {
    let world = World::new();
    let stop = CancellationToken::new();
    let (config, daemons) = (world.config.reaper.clone(), world.config.daemons.clone());
    let task = reaper::run(world.host.clone(), world.store.clone(), config, daemons, stop.clone());
    let task = world.host.spawn("reaper", task);
    let job = world.running("alice", "dev", "prov-1");
    world.advance(Duration::from_secs(359));
    assert_eq!(world.job(job).completed_at, None);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.job(job).completed_at, Some(START_MS + 360_000), "the run at six minutes found it");
    stop.cancel();
    world.machine.block_on(task);
}

#[test]
fn a_state_that_a_build_has_of_its_own_is_kept() {
    let world = World::new();
    let first = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &success(first, b"before")).expect("it runs");
    world.build("alice", "dev", Transition::Start).expect("none is active");
    world.acquire("prov-1").expect("it waits");
    // What the running build has so far, and what it reads once it was reaped.
    for (own, kept) in [(b"own".as_slice(), b"own".as_slice()), (b"", b"own")] {
        let build = world.latest("alice", "dev");
        let id = build.build_id.parse().expect("an id");
        world.tx(|tx| Ok(builds::set_state(tx, id, own)?)).expect("works");
        world.machine.jump(6 * MINUTE);
        assert!(world.reap(job_id(&build)));
        assert_eq!(world.tx(|tx| Ok(builds::state(tx, id)?)).expect("works"), Some(kept.to_vec()));
        world.build("alice", "dev", Transition::Start).expect("none is active");
        world.acquire("prov-1").expect("it waits");
    }
}

#[test]
fn a_first_build_without_a_state_has_none_to_fall_back_on() {
    let world = World::new();
    let running = world.running("alice", "dev", "prov-1");
    let pending = job_id(&world.create("bob", "dev", "plain").expect("free"));
    world.machine.jump(31 * MINUTE);
    for (job, owner) in [(running, "alice"), (pending, "bob")] {
        assert!(world.reap(job));
        let id = world.latest(owner, "dev").build_id.parse().expect("an id");
        assert_eq!(world.tx(|tx| Ok(builds::state(tx, id)?)).expect("works"), Some(vec![]));
    }
}

#[test]
fn imports_and_dry_runs_are_reaped_alike() {
    let world = World::new();
    world.create_version("root", &new_version("hung", "v1")).expect("an administrator may");
    let hung_import = world.acquire("prov-1").expect("it waits").job;
    world.dry_run("root", "plain").expect("it is usable");
    let hung_dry_run = world.acquire("prov-2").expect("it waits").job;
    world.create_version("root", &new_version("pending", "v1")).expect("an administrator may");
    world.dry_run("root", "plain").expect("it is usable");
    world.machine.jump(5 * MINUTE + Duration::from_secs(1));
    assert_eq!(run_once(&world), 2);
    world.machine.jump(25 * MINUTE);
    assert_eq!(run_once(&world), 2);
    assert_eq!(run_once(&world), 0);
    for job in [hung_import, hung_dry_run] {
        assert!(world.job(job).error.contains("detected as hung for 5 minutes"));
    }
    let pending = world.version("pending", "v1").import.expect("it was queued");
    assert!(pending.error.contains("detected as pending for 30 minutes"), "{}", pending.error);
    assert!(world.create("alice", "dev", "hung").is_err(), "nothing was imported");
}
