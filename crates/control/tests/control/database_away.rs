//! The database is away for a while, as one whose server is down: calls are told to come again, and whatever runs in the
//! background goes on afterwards as if nothing had been.

use std::time::Duration;

use groundhog_control::{
    AcquireConfig, Store, StoreConfig, StoreError, autobuild,
    metrics::Metrics,
    prebuilds::Reconciler,
    reaper,
    refusal::CallError,
    store::{Tx, notices},
};
use groundhog_wire::v1::{self, JobStatus};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::support::{
    World,
    chats::for_chat,
    pools::{Site, preset},
    replica::{Replica, by},
    world::{job_id, want},
};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn every_transaction_fails_by_name_and_nothing_of_it_is_done() {
    let world = World::new();
    let another = Store::new(&world.host, world.database.clone(), StoreConfig::default());
    world.database.set_available(false);
    world.record.take();
    let work = |_: &Tx<'_>| -> Result<(), CallError> { panic!("nothing of it is done") };
    for store in [&world.store, &another] {
        let error = world.machine.block_on(store.transact("test", work)).expect_err("it is away");
        assert!(matches!(error, CallError::Store(StoreError::Unavailable { transaction: "test" })), "{error:?}");
        let text = "the database is unavailable: the transaction \"test\" was not begun; it may be tried again";
        assert_eq!(error.to_string(), text);
        let status = Status::from(error);
        assert_eq!((status.code(), v1::RefusalDetails::of(&status)), (Code::Unavailable, None));
        assert!(groundhog_wire::retryable(&status));
    }
    world.create("alice", "dev", "plain").expect_err("it is away");
    assert_eq!(world.record.take(), [""; 0]);
    world.database.set_available(true);
    world.create("alice", "dev", "plain").expect("the name is still free");
}

#[test]
fn a_transaction_takes_its_time_and_is_whole_or_nothing() {
    let latency = Duration::from_millis(10);
    let world = World::with_store(StoreConfig { latency_min: latency, latency_max: latency, ..StoreConfig::default() });
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    // One is past its instant when the database goes, and is not touched; the other one is not.
    for wait in [0, 6] {
        let (store, told, host) = (world.store.clone(), told.clone(), world.host.clone());
        let task = async move {
            host.sleep(Duration::from_millis(wait)).await;
            let id = groundhog_wire::id::UserId(uuid::Uuid::nil());
            let name = store.transact("test", |tx| groundhog_control::store::users::name(tx, id)).await;
            told.lock().expect("no test panics in here").push((wait, name.is_ok()));
        };
        world.host.spawn("test", task).detach();
    }
    world.advance(Duration::from_millis(6));
    world.database.set_available(false);
    for _ in 0..60 {
        world.advance(Duration::from_millis(1));
    }
    assert_eq!(*told.lock().expect("no test panics in here"), [(0, true), (6, false)]);
}

#[test]
fn a_call_is_told_to_come_again_and_is_carried_out_once() {
    let world = World::new();
    let replica = Replica::new(&world, |_| {});
    let chat = world.chat("alice");
    let create = || {
        let mut workspaces = replica.workspaces();
        let request = by("alice-token", for_chat(&chat, "dev", 1, None));
        world.machine.block_on(workspaces.create_workspace(request)).map(tonic::Response::into_inner)
    };
    world.database.set_available(false);
    let status = create().expect_err("it is away");
    let text = "the control plane's database is unavailable: try again";
    assert_eq!((status.code(), status.message()), (Code::Unavailable, text));
    assert_eq!(v1::RefusalDetails::of(&status), None);
    world.database.set_available(true);
    let build = create().expect("the chat has none");
    assert_eq!(create().expect("the same").build_id, build.build_id);
}

/// Everything that a control plane does in the background, on a site's machine.
fn background(site: &Site) -> CancellationToken {
    let (world, stop) = (&site.world, CancellationToken::new());
    let (host, store) = (&world.host, &world.store);
    let acquirer = world.acquirer(AcquireConfig::default());
    let mailbox = store.open_mailbox(world.config.notices.queue_max, |_: &notices::Notice| true);
    let told = world.config.notices.clone();
    host.spawn("acquirer", acquirer.run(stop.clone())).detach();
    let (ended, seen) = (world.config.reaper.clone(), world.config.daemons.clone());
    host.spawn("reaper", reaper::run(host.clone(), store.clone(), ended, seen.clone(), stop.clone())).detach();
    let clock = world.config.autobuild;
    host.spawn("autobuild", autobuild::run(host.clone(), store.clone(), clock, stop.clone())).detach();
    let reconciler = Reconciler::new(host, store.clone(), site.config, seen, Metrics::default());
    host.spawn("prebuilds", reconciler.run(stop.clone())).detach();
    let hearing = groundhog_control::notices::run(host.clone(), store.clone(), mailbox, told, stop.clone());
    host.spawn("notices", hearing).detach();
    stop
}

#[test]
fn what_runs_in_the_background_goes_on_afterwards() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 2)], true);
    let world = &site.world;
    let hung = world.running("alice", "dev", "prov-1");
    let stop = background(&site);
    world.machine.settle();
    world.database.set_available(false);
    world.record.take();
    world.advance(10 * MINUTE);
    let told = world.record.take();
    assert!(!told.is_empty(), "the cycles go on, and say that they could do nothing");
    assert!(told.iter().all(|line| line.starts_with("prebuilds.cycle")), "{told:?}");
    assert_eq!(world.record.errors(), 0, "it is the database's failure, of which somebody else knows");
    world.database.set_available(true);
    assert_eq!(world.job(hung).status(), groundhog_control::job_status::JobStatus::Running);
    world.advance(6 * MINUTE);
    let build = world.latest("alice", "dev");
    assert_eq!((job_id(&build), build.status()), (hung, JobStatus::Failed), "the reaper has ended it");
    assert_eq!(site.unclaimed().len(), 2, "and workspaces are built ahead");
    assert!(world.acquire_with("prov-1", &want(&[])).is_some());
    assert_eq!(world.record.errors(), 0);
    stop.cancel();
    world.machine.settle();
}
