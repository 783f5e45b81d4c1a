//! Who looks at the pools, of several replicas, and what one that is late may still do.

use std::time::Duration;

use groundhog_control::{
    PrebuildsConfig, Store, StoreConfig,
    metrics::Metrics,
    prebuilds::{Outcome, Reconciler},
    store::leases,
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    World,
    pools::{Site, preset},
};

const MINUTE_MS: i64 = 60_000;

#[test]
fn a_lease_is_taken_by_one_and_its_number_grows() {
    let world = World::new();
    let tx =
        |work: &dyn Fn(&groundhog_control::store::Tx<'_>) -> Result<Option<i64>, groundhog_control::StoreError>| {
            world.tx(|tx| Ok(work(tx)?)).expect("works")
        };
    assert_eq!(tx(&|tx| leases::take(tx, "x", MINUTE_MS)), Some(1));
    assert_eq!(tx(&|tx| leases::take(tx, "x", MINUTE_MS)), None, "it is taken");
    assert_eq!(tx(&|tx| leases::take(tx, "y", MINUTE_MS)), Some(1), "another one is another one");
    world.machine.jump(Duration::from_millis(59_999));
    assert_eq!(tx(&|tx| leases::take(tx, "x", MINUTE_MS)), None, "a millisecond before its end");
    world.machine.jump(Duration::from_millis(1));
    assert!(world.tx(|tx| Ok(leases::renew(tx, "x", 1, MINUTE_MS)?)).expect("works"), "nobody has taken it since");
    assert_eq!(tx(&|tx| leases::take(tx, "x", MINUTE_MS)), None);
    world.machine.jump(Duration::from_secs(60));
    assert_eq!(tx(&|tx| leases::take(tx, "x", MINUTE_MS)), Some(2));
    assert!(!world.tx(|tx| Ok(leases::renew(tx, "x", 1, MINUTE_MS)?)).expect("works"), "it is another one's");
    world.tx(|tx| Ok(leases::release(tx, "x", 1)?)).expect("works");
    assert_eq!(tx(&|tx| leases::take(tx, "x", MINUTE_MS)), None, "who has lost it can't give it back");
    world.tx(|tx| Ok(leases::release(tx, "x", 2)?)).expect("works");
    assert_eq!(tx(&|tx| leases::take(tx, "x", MINUTE_MS)), Some(3), "given back it is free, under a higher number");
}

/// A replica whose statements take a second each, so that others can come between its transactions.
fn slow(site: &Site, connections: usize) -> Reconciler {
    let second = Duration::from_secs(1);
    let config = StoreConfig { connections, latency_min: second, latency_max: second };
    let store = Store::new(&site.world.host, site.world.database.clone(), config);
    let daemons = site.world.config.daemons.clone();
    Reconciler::new(&site.world.host, store, site.config, daemons, Metrics::default())
}

#[test]
fn of_five_at_once_one_does_it() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 3)], true);
    site.world.record.take_all();
    for _ in 0..5 {
        let mut reconciler = slow(&site, 10);
        site.world
            .host
            .spawn("replica", async move {
                let _ = reconciler.reconcile_all(&CancellationToken::new()).await;
            })
            .detach();
    }
    site.world.advance(Duration::from_secs(120));
    assert_eq!(site.unclaimed().len(), 3);
    let told = site.world.record.take_all();
    let ended = |outcome: &str| {
        told.iter().filter(|line| line.starts_with("prebuilds.cycle") && line.ends_with(outcome)).count()
    };
    assert_eq!((ended("outcome=done"), ended("outcome=busy")), (1, 4), "{told:?}");
}

#[test]
fn one_that_was_suspended_and_whose_lease_is_gone_writes_nothing() {
    // Wherever the old holder was suspended: after so many seconds of its cycle.
    for suspended_after in 1..40 {
        let site = Site::new();
        site.publish("pool", "v1", vec![preset("one", 3), preset("two", 2)], true);
        let mut old = slow(&site, 1);
        site.world.record.take_all();
        site.world
            .host
            .spawn("old", async move {
                let _ = old.reconcile_all(&CancellationToken::new()).await;
            })
            .detach();
        site.world.advance(Duration::from_secs(suspended_after));
        let before = site.unclaimed().len();
        let had_decided = site.world.record.take_all().iter().any(|line| line.starts_with("prebuild.decided "));
        // All its timers stand still for two minutes: the clock jumps, and nothing of it runs in between.
        site.world.machine.jump(Duration::from_secs(120));
        let mut new = site.another();
        let stats = site.world.machine.block_on(new.reconcile_all(&CancellationToken::new()));
        assert_eq!(stats.outcome, Outcome::Done);
        assert_eq!(site.unclaimed().len(), 5, "the new holder sees the {before} of the old one and builds the rest");
        site.world.advance(Duration::from_secs(120));
        assert_eq!(site.unclaimed().len(), 5, "suspended after {suspended_after} s it built more");
        let told = site.world.record.take_all();
        let lost = told.iter().filter(|line| line.starts_with("prebuilds.lease_lost")).count();
        assert!(lost <= 1, "{told:?}");
        // One that had not yet looked finds all as it is wanted.
        if before < 5 && had_decided {
            assert_eq!(lost, 1, "suspended after {suspended_after} s: {told:?}");
        }
    }
}

#[test]
fn a_replica_that_died_is_followed_after_its_lease() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.world.tx(|tx| Ok(leases::take(tx, "prebuilds", MINUTE_MS)?)).expect("works").expect("it is free");
    assert_eq!(site.reconcile().outcome, Outcome::Busy);
    site.world.machine.jump(Duration::from_secs(60));
    assert_eq!(site.reconcile().outcome, Outcome::Done);
    assert_eq!(site.unclaimed().len(), 1);
}

#[test]
fn one_connection_suffices_and_no_more_than_half_are_held() {
    for (connections, held_max) in [(1, 1), (2, 1), (4, 2), (10, 5), (30, 5)] {
        let site = Site::new();
        let presets = (0..20).map(|at| preset(&format!("p{at}"), 1)).collect();
        site.publish("pool", "v1", presets, true);
        let mut reconciler = slow(&site, connections);
        site.world.record.take_all();
        let cycle = async move {
            let _ = reconciler.reconcile_all(&CancellationToken::new()).await;
        };
        site.world.host.spawn("replica", cycle).detach();
        site.world.advance(Duration::from_secs(600));
        assert_eq!(site.unclaimed().len(), 20, "{connections} connections");
        let told = site.world.record.take_all();
        let cycle = told.iter().find(|line| line.starts_with("prebuilds.cycle")).expect("it has ended");
        let expected = format!(" held_max={held_max} connections={connections} ");
        assert!(cycle.contains(&expected), "{expected:?}: {cycle}");
    }
}

#[test]
fn the_first_cycle_comes_after_an_interval_and_a_stop_ends_it_between_two_transactions() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 5)], true);
    let stop = CancellationToken::new();
    let task = site.world.host.spawn("prebuilds", slow(&site, 10).run(stop.clone()));
    site.world.advance(Duration::from_secs(59));
    assert_eq!(site.unclaimed().len(), 0, "not at once");
    let mut waited = 0;
    while site.unclaimed().is_empty() {
        site.world.advance(Duration::from_secs(1));
        waited += 1;
        assert!(waited < 60);
    }
    stop.cancel();
    site.world.advance(Duration::from_secs(60));
    let built = site.unclaimed().len();
    assert!((1..5).contains(&built), "it went on: {built}");
    site.world.machine.block_on(task);
    assert_eq!(site.reconcile().outcome, Outcome::Done, "it gave the lease back");
    assert_eq!(site.unclaimed().len(), 5);
}

#[test]
fn ticks_that_fall_into_a_cycle_are_made_up_for_by_one() {
    let site =
        Site::over(World::new(), PrebuildsConfig { interval: Duration::from_secs(5), ..PrebuildsConfig::default() });
    site.publish("pool", "v1", vec![preset("one", 10)], true);
    let stop = CancellationToken::new();
    let task = site.world.host.spawn("prebuilds", slow(&site, 10).run(stop.clone()));
    site.world.record.take_all();
    site.world.advance(Duration::from_secs(600));
    let told = site.world.record.take_all();
    let cycles = told.iter().filter(|line| line.starts_with("prebuilds.cycle")).count();
    assert!(told.iter().filter(|line| line.starts_with("prebuilds.cycle")).all(|line| line.ends_with("done")));
    assert!((10..100).contains(&cycles), "{cycles}");
    assert_eq!(site.unclaimed().len(), 10);
    stop.cancel();
    site.world.advance(Duration::from_secs(60));
    site.world.machine.block_on(task);
}
