//! The acquirer's shell, on a machine whose clock the test turns.

use std::{collections::BTreeSet, time::Duration};

use groundhog_control::{
    AcquireConfig, Store, StoreConfig,
    acquirer::{Acquirer, Place, Unavailable},
    job_status::JobStatus,
};
use groundhog_wire::id::JobId;
use tokio_util::sync::CancellationToken;

use crate::support::{
    World,
    world::{TERMS, job_id, want},
};

fn wait(world: &World, acquirer: &Acquirer, daemon: &str) -> Result<Place, Unavailable> {
    let worker = world.by_daemon(daemon, |_, worker| Ok(worker.clone())).expect("admitted");
    let place = acquirer.wait(worker, want(&[]));
    world.machine.settle();
    place
}

fn now(world: &World, place: &mut Place) -> Result<JobId, Unavailable> {
    world.machine.settle();
    world.machine.block_on(place.job()).map(|acquired| acquired.job)
}

#[test]
fn a_job_that_waits_is_given_at_once() {
    let world = World::new();
    let job = job_id(&world.create("alice", "dev", "plain").expect("free"));
    let acquirer = world.acquirer(AcquireConfig::default());
    let mut place = wait(&world, &acquirer, "prov-1").expect("room");
    assert_eq!(now(&world, &mut place), Ok(job));
}

#[test]
fn a_posting_in_the_commit_brings_the_job() {
    let world = World::new();
    let acquirer = world.acquirer(AcquireConfig::default());
    let mut place = wait(&world, &acquirer, "prov-1").expect("room");
    let build = world.create("alice", "dev", "plain").expect("free");
    assert_eq!(now(&world, &mut place), Ok(job_id(&build)), "J14");
}

#[test]
fn the_backup_poll_finds_what_was_never_posted() {
    let mut world = World::new();
    let acquirer = world.acquirer(AcquireConfig::default());
    let stop = CancellationToken::new();
    let task = world.host.spawn("acquirer", acquirer.clone().run(stop.clone()));
    world.machine.settle();
    let mut place = wait(&world, &acquirer, "prov-1").expect("room");
    // Queued by another control plane, whose notice is lost.
    let elsewhere = Store::new(&world.host, world.database.clone(), StoreConfig::default());
    let job = job_id(&world.through(&elsewhere, |world| world.create("alice", "dev", "plain")).expect("free"));
    world.advance(Duration::from_secs(29));
    assert_eq!(world.job(job).status(), JobStatus::Pending);
    world.advance(Duration::from_secs(1));
    assert_eq!(now(&world, &mut place), Ok(job));
    stop.cancel();
    world.machine.block_on(task);
}

#[test]
fn each_of_ten_waiters_gets_one_of_ten_jobs() {
    let world = World::new();
    let acquirer = world.acquirer(AcquireConfig::default());
    let mut places: Vec<_> = (0..10).map(|n| wait(&world, &acquirer, &format!("prov-{n}")).expect("room")).collect();
    let jobs: BTreeSet<_> =
        (0..10).map(|n| job_id(&world.create("alice", &format!("ws-{n}"), "plain").expect("free"))).collect();
    let given: BTreeSet<_> = places.iter_mut().map(|place| now(&world, place).expect("a job")).collect();
    assert_eq!(given, jobs);
}

#[test]
fn a_job_for_a_waiter_that_left_goes_to_the_next() {
    let world = World::new();
    let job = job_id(&world.create("alice", "dev", "plain").expect("free"));
    let acquirer = world.acquirer(AcquireConfig::default());
    let first = wait(&world, &acquirer, "prov-1").expect("room");
    let mut second = wait(&world, &acquirer, "prov-2").expect("room");
    assert_eq!(world.job(job).status(), JobStatus::Running, "it is locked for the first");
    world.record.take();
    drop(first);
    assert_eq!(now(&world, &mut second), Ok(job));
    assert_eq!(
        world.record.take(),
        ["job.returned job=job worker=prov-1 reason=the daemon no longer waits", "job.acquired job=job worker=prov-2",]
    );
}

#[test]
fn leaving_while_the_database_is_asked_puts_the_job_back() {
    let latency = Duration::from_millis(10);
    let config = StoreConfig { latency_min: latency, latency_max: latency, ..StoreConfig::default() };
    let world = World::new();
    let job = job_id(&world.create("alice", "dev", "plain").expect("free"));
    let store = Store::new(&world.host, world.database.clone(), config);
    let acquirer = Acquirer::new(&world.host, store, AcquireConfig::default(), TERMS);
    let place = wait(&world, &acquirer, "prov-1").expect("room");
    world.advance(latency / 2);
    assert_eq!(world.job(job).status(), JobStatus::Running, "locked, and the answer is on its way");
    drop(place);
    // The rest of the answer, and the transaction that puts the job back.
    world.advance(latency * 20);
    world.advance(latency * 20);
    assert_eq!(world.job(job).status(), JobStatus::Pending, "J11");
}

#[test]
fn leaving_before_the_database_is_asked_locks_nothing() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    let acquirer = world.acquirer(AcquireConfig::default());
    let worker = world.by_daemon("prov-1", |_, worker| Ok(worker.clone())).expect("admitted");
    world.record.take();
    drop(acquirer.wait(worker, want(&[])));
    world.machine.settle();
    assert_eq!(world.record.take(), [""; 0]);
}

#[test]
fn a_database_failure_is_told_and_the_next_one_asks() {
    let (world, file) = World::in_file();
    let job = job_id(&world.create("alice", "dev", "plain").expect("free"));
    let acquirer = world.acquirer(AcquireConfig::default());
    let worker = world.by_daemon("prov-1", |_, worker| Ok(worker.clone())).expect("admitted");
    let other = file.connect();
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody else writes");
    let mut place = acquirer.wait(worker, want(&[])).expect("room");
    assert_eq!(now(&world, &mut place), Err(Unavailable::Database));
    other.execute_batch("COMMIT").expect("it began");
    let mut place = wait(&world, &acquirer, "prov-1").expect("room");
    assert_eq!(now(&world, &mut place), Ok(job));
}

#[test]
fn one_waiter_too_many_is_told_to_come_again() {
    let world = World::new();
    let acquirer = world.acquirer(AcquireConfig { waiters_max: 1, ..AcquireConfig::default() });
    let first = wait(&world, &acquirer, "prov-1").expect("room");
    assert_eq!(wait(&world, &acquirer, "prov-2").err(), Some(Unavailable::Full));
    drop(first);
    assert!(wait(&world, &acquirer, "prov-2").is_ok());
}
