//! Daemons as administrators see them: their status, their heartbeats, their keys, and when they are forgotten.

use std::time::Duration;

use groundhog_control::{
    AcquireConfig, DaemonsConfig, Store, StoreConfig,
    acquirer::Unavailable,
    daemon_status::{DaemonStatus, Known, status},
    heartbeat,
    operations::administration,
};
use groundhog_wire::v1;
use tonic::Code;

use crate::support::{
    World,
    machine::START_MS,
    world::{assert_refused, failure, job_id, success, want},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn list(world: &World) -> Vec<v1::Daemon> {
    let list = |tx: &groundhog_control::store::Tx<'_>, _: &_| administration::list_daemons(tx, &world.config.daemons);
    world.by_user("root", list).expect("the database works").daemons
}

fn forget(world: &World) -> usize {
    world.tx(|tx| Ok(administration::forget_daemons(tx, &world.config.daemons)?)).expect("the database works")
}

#[test]
fn a_daemons_status_follows_from_what_is_known() {
    use DaemonStatus::{Busy, Idle, Offline};
    let stale_after = Duration::from_secs(90);
    let now = START_MS;
    for (last_seen_at, has_job, expected) in [
        (None, false, Offline),
        (None, true, Offline),
        (Some(now - 90_001), false, Offline),
        (Some(now - 90_001), true, Offline),
        (Some(now - 90_000), false, Idle),
        (Some(now - 90_000), true, Busy),
        (Some(now), false, Idle),
        (Some(now), true, Busy),
        // Another replica's clock may be ahead.
        (Some(now + 5_000), false, Idle),
        (Some(i64::MIN), false, Offline),
    ] {
        let known = Known { last_seen_at, has_job };
        assert_eq!(status(known, now, stale_after), expected, "{known:?}");
    }
}

#[test]
fn daemons_are_listed_by_name_with_what_they_have() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-2");
    assert!(world.acquire("prov-1").is_none());
    let shown = |daemon: &v1::Daemon| (daemon.name.clone(), daemon.status(), daemon.job_ids.clone());
    let (idle, busy, offline) = (v1::DaemonStatus::Idle, v1::DaemonStatus::Busy, v1::DaemonStatus::Offline);
    let daemons = list(&world);
    assert_eq!((daemons[0].key.as_str(), daemons[0].last_seen_at_ms), ("shared", START_MS));
    assert_eq!(
        daemons.iter().map(shown).collect::<Vec<_>>(),
        [("prov-1".to_owned(), idle, vec![]), ("prov-2".to_owned(), busy, vec![job.to_string()])]
    );
    world.machine.jump(Duration::from_millis(90_001));
    world.update("prov-2", job, vec![]).expect("it runs");
    assert_eq!(list(&world).iter().map(v1::Daemon::status).collect::<Vec<_>>(), [offline, busy]);
    world.complete("prov-2", &success(job, b"s")).expect("it runs");
    assert_eq!(list(&world)[1].status(), idle);
}

#[test]
fn a_daemon_that_waits_is_seen_at_once_and_then_every_interval() {
    let world = World::new();
    let worker = world.by_daemon("prov-1", |_, worker| Ok(worker.clone())).expect("admitted");
    let seen = |world: &World| (list(world)[0].last_seen_at_ms - START_MS) / 1_000;
    assert_eq!(seen(&world), 0, "its call is the first sign");
    let beats = heartbeat::run(world.host.clone(), world.store.clone(), worker, DaemonsConfig::default());
    let task = world.host.spawn("beats", async move { match beats.await {} });
    world.record.take();
    for minutes in 1..=4 {
        world.advance(MINUTE);
        assert_eq!((seen(&world), list(&world)[0].status()), (minutes * 60, v1::DaemonStatus::Idle));
        assert_eq!(world.record.take(), ["daemon.beat worker=prov-1"]);
    }
    task.abort();
    world.advance(2 * MINUTE);
    assert_eq!((seen(&world), list(&world)[0].status()), (240, v1::DaemonStatus::Offline));
}

#[test]
fn beats_begin_an_interval_apart_however_long_they_take() {
    let (s, ms) = (Duration::from_secs, Duration::from_millis);
    assert_eq!(heartbeat::until_next(s(60), s(0)), s(60));
    assert_eq!(heartbeat::until_next(s(60), ms(1_500)), ms(58_500));
    assert_eq!(heartbeat::until_next(s(60), s(60)), Duration::from_nanos(1));
    assert_eq!(heartbeat::until_next(s(60), s(61)), Duration::from_nanos(1));
}

#[test]
fn a_beat_that_takes_too_long_is_given_up_and_the_next_one_follows() {
    let world = World::new();
    let worker = world.by_daemon("prov-1", |_, worker| Ok(worker.clone())).expect("admitted");
    // Each statement takes three intervals: every beat is given up before its instant.
    let latency = 3 * MINUTE;
    let slow = StoreConfig { latency_min: latency, latency_max: latency, ..StoreConfig::default() };
    let slow = Store::new(&world.host, world.database.clone(), slow);
    let beats = heartbeat::run(world.host.clone(), slow, worker.clone(), DaemonsConfig::default());
    let task = world.host.spawn("beats", async move { match beats.await {} });
    world.advance(5 * MINUTE);
    assert_eq!(list(&world)[0].last_seen_at_ms, START_MS);
    task.abort();
    // One that fails is no end either.
    let beats = heartbeat::run(world.host.clone(), world.store.clone(), worker, DaemonsConfig::default());
    world.host.spawn("beats", async move { match beats.await {} }).detach();
    world.advance(MINUTE);
    assert_eq!(list(&world)[0].last_seen_at_ms, START_MS + 6 * 60_000);
}

#[test]
fn a_daemon_is_forgotten_a_week_after_it_was_last_seen() {
    let world = World::new();
    let done = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &success(done, b"s")).expect("it runs");
    let kept = world.running("alice", "other", "prov-2");
    world.by_daemon("prov-3", |_, _| Ok(())).expect("admitted");
    world.machine.jump(7 * DAY);
    assert_eq!(forget(&world), 0, "exactly a week is not more");
    world.machine.jump(Duration::from_millis(1));
    assert_eq!(forget(&world), 2);
    assert_eq!(list(&world).iter().map(|daemon| daemon.name.as_str()).collect::<Vec<_>>(), ["prov-2"], "it has a job");
    assert_eq!(world.job(done).worker, None, "nobody is named who is not there");
    assert!(world.job(kept).worker.is_some());
    assert!(world.acquire("prov-1").is_none(), "it may come again, as a new worker");
    assert_refused(world.complete("prov-1", &success(done, b"s")), Code::PermissionDenied, "you don't own this job");
}

#[test]
fn a_deleted_key_is_told_once_and_kept() {
    let world = World::new();
    world.by_daemon("prov-1", |_, _| Ok(())).expect("admitted");
    world.record.take();
    world.delete_key("shared");
    world.delete_key("shared");
    assert_eq!(world.record.take(), ["daemon_key.deleted key=shared by=root"]);
    assert_refused(world.by_daemon("prov-1", |_, _| Ok(())), Code::Unauthenticated, "provisioner key was deleted");
    let unknown = v1::DeleteDaemonKeyRequest { key: "other".to_owned() };
    let unknown = world.by_user("root", |tx, user| administration::delete_key(tx, user, &unknown));
    assert_refused(unknown, Code::NotFound, "There is no daemon key \"other\".");
    assert_eq!(list(&world).len(), 1);
}

#[test]
fn a_daemon_whose_key_is_deleted_while_it_waits_is_refused_and_the_job_left() {
    let world = World::new();
    let acquirer = world.acquirer(AcquireConfig::default());
    let worker = world.by_daemon("prov-1", |_, worker| Ok(worker.clone())).expect("admitted");
    let mut place = acquirer.wait(worker, want(&[])).expect("room");
    world.machine.settle();
    world.delete_key("shared");
    let job = job_id(&world.create("alice", "dev", "plain").expect("free"));
    world.machine.settle();
    let given = world.machine.block_on(place.job()).map(|acquired| acquired.job);
    assert_eq!(given, Err(Unavailable::KeyDeleted));
    assert_eq!(world.job(job).started_at, None);
}

#[test]
fn a_job_that_runs_may_come_to_its_end_after_its_daemons_key_was_deleted() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let other = world.running("bob", "other", "prov-2");
    world.delete_key("shared");
    let text = job.to_string();
    let by = |name: &str| {
        let caller = crate::support::world::daemon(name);
        world.tx(|tx| groundhog_control::identity::worker_of(tx, &caller, &text, &mut String::new()))
    };
    assert_eq!(by("prov-1").expect("it has the job").name, "prov-1");
    for stranger in ["prov-2", "prov-3"] {
        assert_refused(by(stranger), Code::Unauthenticated, "provisioner key was deleted");
    }
    assert_eq!(list(&world).len(), 2, "a stranger is no worker");
    for _ in 0..2 {
        world
            .with_job("prov-1", job, |tx, worker| {
                groundhog_control::operations::finish::fail(tx, worker, &failure(job, "broken", None))
            })
            .expect("it ends, and its end may be said again");
    }
    assert_eq!(world.job(job).error, "broken");
    assert_eq!(world.job(other).completed_at, None);
}

#[test]
fn peoples_jobs_come_before_those_of_builds_ahead() {
    let world = World::new();
    let ahead = job_id(&world.create("ahead", "one", "plain").expect("free"));
    world.advance(Duration::from_secs(1));
    let first = job_id(&world.create("bob", "two", "plain").expect("free"));
    world.advance(Duration::from_secs(1));
    let second = job_id(&world.create("alice", "three", "plain").expect("free"));
    let order: Vec<_> = (0..3).map(|_| world.acquire("prov-1").expect("it waits").job).collect();
    assert_eq!(order, [first, second, ahead]);
}
