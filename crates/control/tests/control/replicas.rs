//! Several control planes over one database: what they tell each other, and what they do twice: nothing.

use std::time::Duration;

use groundhog_control::{
    AcquireConfig, NoticeConfig, Store, StoreConfig,
    acquirer::{Acquirer, Place},
    followers::Followers,
    notices,
    operations::Posting,
    reaper,
    store::notices::{Heard, Notice},
    tags::Tags,
};
use groundhog_wire::id::JobId;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{
    World,
    world::{TERMS, job_id, line, success, want},
};

const POLL: Duration = Duration::from_secs(30);

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A control plane as far as it waits for jobs and logs.
struct Replica {
    store: Store,
    acquirer: Acquirer,
    followers: Followers,
    stop: CancellationToken,
}

impl Replica {
    fn new(world: &World, config: NoticeConfig) -> Self {
        let (host, database) = (&world.host, world.database.clone());
        let store = Store::new(host, database, StoreConfig::default());
        let acquirer = Acquirer::new(host, store.clone(), AcquireConfig::default(), TERMS);
        let followers = Followers::new();
        let following = followers.clone();
        store.listen(move |heard| following.hear(heard));
        let mailbox = store.open_mailbox(config.queue_max, |_| false);
        let stop = CancellationToken::new();
        host.spawn("notices", notices::run(host.clone(), store.clone(), mailbox, config, stop.clone())).detach();
        host.spawn("acquirer", acquirer.clone().run(stop.clone())).detach();
        world.machine.settle();
        Self { store, acquirer, followers, stop }
    }

    fn wait(&self, world: &World, daemon: &str) -> Place {
        let worker = world.by_daemon(daemon, |_, worker| Ok(worker.clone())).expect("admitted");
        let place = self.acquirer.wait(worker, want(&[])).expect("room");
        world.machine.settle();
        place
    }
}

fn is_running(world: &World, job: JobId) -> bool {
    world.machine.settle();
    world.job(job).started_at.is_some()
}

fn late(latency: Duration) -> NoticeConfig {
    NoticeConfig { latency_min: latency, latency_max: latency, ..NoticeConfig::default() }
}

#[test]
fn a_job_that_one_replica_queues_wakes_a_daemon_of_another_a_little_later() {
    let mut world = World::new();
    let (here, there) = (Replica::new(&world, late(millis(5))), Replica::new(&world, late(millis(5))));
    let _place = there.wait(&world, "prov-1");
    let job = job_id(&world.through(&here.store, |world| world.create("alice", "dev", "plain")).expect("free"));
    assert!(!is_running(&world, job), "word is on its way");
    world.advance(millis(4));
    assert!(!is_running(&world, job));
    world.advance(millis(1));
    assert!(is_running(&world, job));
}

#[test]
fn the_replica_that_queued_a_job_hears_of_it_in_the_instant_of_the_commit() {
    let mut world = World::new();
    let (here, there) = (Replica::new(&world, late(millis(5))), Replica::new(&world, late(millis(5))));
    let _far = there.wait(&world, "prov-1");
    let _near = here.wait(&world, "prov-2");
    let job = job_id(&world.through(&here.store, |world| world.create("alice", "dev", "plain")).expect("free"));
    assert!(is_running(&world, job));
    // The other's question, when word arrives, finds nothing; nobody gets the job twice.
    world.record.take();
    world.advance(millis(5));
    assert_eq!(world.record.take(), [""; 0]);
}

#[test]
fn a_notice_that_is_lost_is_made_up_for_by_the_poll() {
    let mut world = World::new();
    let lossy = NoticeConfig { loss: 1.0, ..NoticeConfig::default() };
    let (here, there) = (Replica::new(&world, lossy.clone()), Replica::new(&world, lossy));
    let _place = there.wait(&world, "prov-1");
    let job = job_id(&world.through(&here.store, |world| world.create("alice", "dev", "plain")).expect("free"));
    world.machine.settle();
    let told = world.record.take();
    assert!(told.contains(&"notice.lost kind=job_posted".to_owned()), "{told:?}");
    world.advance(POLL - millis(1));
    assert!(!is_running(&world, job));
    world.advance(millis(1));
    assert!(is_running(&world, job));
}

#[test]
fn a_replica_that_is_gone_hears_nothing_and_its_mailbox_goes_with_it() {
    let mut world = World::new();
    let (here, there) = (Replica::new(&world, late(millis(5))), Replica::new(&world, late(millis(5))));
    let _place = there.wait(&world, "prov-1");
    there.stop.cancel();
    world.machine.settle();
    let job = job_id(&world.through(&here.store, |world| world.create("alice", "dev", "plain")).expect("free"));
    world.advance(2 * POLL);
    assert!(!is_running(&world, job));
    // One that is started anew asks for itself.
    let again = Replica::new(&world, late(millis(5)));
    let _place = again.wait(&world, "prov-2");
    assert!(is_running(&world, job));
}

#[test]
fn a_full_mailbox_says_look_at_everything() {
    let world = World::new();
    let store = Store::new(&world.host, world.database.clone(), StoreConfig::default());
    let other = Store::new(&world.host, world.database.clone(), StoreConfig::default());
    let (mailbox, own) = (store.open_mailbox(2, |_| false), other.open_mailbox(2, |_| false));
    let logs = |number| Notice::JobLogs { job: JobId(Uuid::from_u128(number)) };
    let commit = |notices: &[Notice]| {
        let notices = notices.to_vec();
        let work = |tx: &groundhog_control::store::Tx<'_>| {
            notices.into_iter().for_each(|notice| tx.notify(notice));
            Ok::<_, groundhog_control::StoreError>(())
        };
        world.machine.block_on(other.transact("test", work)).expect("works");
    };
    commit(&[logs(1), logs(1), logs(2)]);
    assert_eq!(mailbox.take(), [Heard::Notice(logs(1)), Heard::Notice(logs(2))], "twice the same is once");
    commit(&[logs(1), logs(2), logs(3), logs(4)]);
    assert_eq!(mailbox.take(), [Heard::Everything]);
    commit(&[logs(5)]);
    assert_eq!(mailbox.take(), [Heard::Notice(logs(5))]);
    assert_eq!(own.take(), [], "nobody is told of its own commits");
}

#[test]
fn everything_wakes_everybody() {
    let mut world = World::new();
    let deaf = Replica::new(&world, NoticeConfig { loss: 1.0, ..NoticeConfig::default() });
    let follower = deaf.followers.join(JobId(Uuid::from_u128(1)), 1).expect("room");
    let _place = deaf.wait(&world, "prov-1");
    let elsewhere = Store::new(&world.host, world.database.clone(), StoreConfig::default());
    let job = job_id(&world.through(&elsewhere, |world| world.create("alice", "dev", "plain")).expect("free"));
    assert!(!is_running(&world, job));
    deaf.store.hear(&Heard::Everything);
    assert!(is_running(&world, job));
    world.machine.block_on(follower.heard());
}

#[test]
fn notices_arrive_in_the_order_in_which_they_were_sent() {
    let world = World::new();
    let config = NoticeConfig { latency_max: millis(50), ..NoticeConfig::default() };
    let (here, there) = (Replica::new(&world, config.clone()), Replica::new(&world, config));
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let list = heard.clone();
    there.store.listen(move |heard| list.lock().expect("no panic").push(heard.clone()));
    let mut sent = Vec::new();
    for number in 1..=20 {
        let notice = Notice::JobEnded { job: JobId(Uuid::from_u128(number)) };
        sent.push(Heard::Notice(notice.clone()));
        let work = |tx: &groundhog_control::store::Tx<'_>| {
            tx.notify(notice);
            Ok::<_, groundhog_control::StoreError>(())
        };
        world.machine.block_on(here.store.transact("test", work)).expect("works");
        world.advance(millis(1));
    }
    world.advance(millis(50));
    assert_eq!(*heard.lock().expect("no panic"), sent);
}

#[test]
fn a_followed_log_is_heard_of_across_replicas() {
    let mut world = World::new();
    let (here, there) = (Replica::new(&world, late(millis(5))), Replica::new(&world, late(millis(5))));
    let job = world.running("alice", "dev", "prov-1");
    let follower = there.followers.join(job, 1).expect("room");
    let told = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = told.clone();
    world
        .host
        .spawn("follow", async move {
            loop {
                follower.heard().await;
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        })
        .detach();
    let told = || told.load(std::sync::atomic::Ordering::Relaxed);
    world.through(&here.store, |world| world.update("prov-1", job, vec![line(1, "hello")])).expect("it runs");
    world.machine.settle();
    assert_eq!(told(), 0);
    world.advance(millis(5));
    assert_eq!(told(), 1);
    world.through(&here.store, |world| world.update("prov-1", job, vec![])).expect("it runs");
    world.advance(millis(5));
    assert_eq!(told(), 1, "a heartbeat is no line");
    world.through(&here.store, |world| world.complete("prov-1", &success(job, b"s"))).expect("it runs");
    world.advance(millis(5));
    assert_eq!(told(), 2);
}

#[test]
fn reapers_of_several_replicas_end_a_job_once() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let stop = CancellationToken::new();
    for _ in 0..3 {
        let store = Store::new(&world.host, world.database.clone(), StoreConfig::default());
        let (config, daemons) = (world.config.reaper.clone(), world.config.daemons.clone());
        world.host.spawn("reaper", reaper::run(world.host.clone(), store, config, daemons, stop.clone())).detach();
    }
    world.record.take();
    world.advance(Duration::from_secs(7 * 60));
    let told = world.record.take();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("job.reaped") && told[1].starts_with("job.failed job=job by=reaper"));
    assert_eq!(world.log("alice", "dev").len(), 5);
    assert_eq!((world.job(job).status().as_str(), world.audit().len()), ("failed", 1));
    stop.cancel();
}

#[test]
fn a_job_is_locked_by_one_replica_only() {
    let mut world = World::new();
    let replicas: Vec<_> = (0..3).map(|_| Replica::new(&world, late(millis(1)))).collect();
    let places: Vec<_> =
        replicas.iter().zip(["prov-1", "prov-2", "prov-3"]).map(|(replica, name)| replica.wait(&world, name)).collect();
    world.record.take();
    world.through(&replicas[0].store, |world| world.create("alice", "dev", "plain")).expect("free");
    world.advance(millis(10));
    let acquired = world.record.take().into_iter().filter(|line| line.starts_with("job.acquired")).count();
    assert_eq!(acquired, 1);
    drop(places);
}

#[test]
fn a_posting_is_told_as_it_is() {
    let tags = Tags::for_job(&[("gpu".to_owned(), "yes".to_owned())].into(), "alice").expect("few");
    let posting = Posting { provisioner_type: "scripted".to_owned(), tags };
    assert_eq!(Notice::JobPosted(posting).kind(), "job_posted");
}
