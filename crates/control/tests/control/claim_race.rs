//! Many ask at once for what was built ahead, at two replicas, while some of it is deleted: whatever comes in between, each
//! workspace is one person's, and everybody has one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use groundhog_control::{
    Store, StoreConfig,
    operations::{prebuild, template},
    refusal::CallError,
    store::{Tx, claims, users},
    transition::Transition,
};
use groundhog_wire::{id::WorkspaceId, v1};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::support::{
    pools::{Site, preset},
    replica::{Replica, by},
    world::new_workspace,
};

/// What happens, and after how many milliseconds each thing begins.
#[derive(Clone, Debug)]
struct Race {
    prebuilt: i32,
    connections: usize,
    /// Who asks: the one replica or the other, and when.
    asks: Vec<(bool, u64)>,
    /// The workspaces that are deleted, by their places, and when.
    deletes: Vec<(usize, u64)>,
    /// All are invalidated.
    invalidated_after: Option<u64>,
}

fn race() -> impl Strategy<Value = Race> {
    let when = || 0_u64..120;
    (
        1_i32..5,
        prop_oneof![Just(1_usize), Just(2), Just(10)],
        prop::collection::vec((any::<bool>(), when()), 1..7),
        prop::collection::vec((0_usize..4, when()), 0..4),
        prop_oneof![3 => Just(None), 1 => when().prop_map(Some)],
    )
        .prop_map(|(prebuilt, connections, asks, deletes, invalidated_after)| Race {
            prebuilt,
            connections,
            asks,
            deletes,
            invalidated_after,
        })
}

/// How it ended.
#[derive(Debug)]
struct Outcome {
    /// What each who asked was given.
    builds: Vec<v1::Build>,
    /// How many deletes were carried out.
    deleted: usize,
}

fn run(site: &Site, race: &Race) -> Outcome {
    let world = &site.world;
    let latency = |connections| StoreConfig {
        connections,
        latency_min: Duration::from_millis(1),
        latency_max: Duration::from_millis(9),
    };
    let replicas = [(); 2].map(|()| Replica::new(world, |config| config.store = latency(race.connections)));
    let store = Store::new(&world.host, world.database.clone(), latency(race.connections));
    let (builds, deleted) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(0)));
    for (at, (other, after)) in race.asks.iter().enumerate() {
        let mut workspaces = replicas[usize::from(*other)].workspaces();
        let request =
            v1::CreateWorkspaceRequest { preset: "one".to_owned(), ..new_workspace(&format!("w{at}"), "pool") };
        let token = if at % 2 == 0 { "alice-token" } else { "bob-token" };
        let (host, builds, after) = (world.host.clone(), builds.clone(), *after);
        let ask = async move {
            host.sleep(Duration::from_millis(after)).await;
            let build = workspaces.create_workspace(by(token, request)).await.expect("everybody is given one");
            builds.lock().expect("no test panics in here").insert(at, build.into_inner());
        };
        world.host.spawn("ask", ask).detach();
    }
    let unclaimed = site.unclaimed();
    for (place, after) in &race.deletes {
        let Some(one) = unclaimed.get(*place) else { continue };
        let (host, store, deleted, after) = (world.host.clone(), store.clone(), deleted.clone(), *after);
        let (workspace, seen) = (one.id, one.build);
        let delete = async move {
            host.sleep(Duration::from_millis(after)).await;
            if store.transact("delete", |tx| prebuild::delete(tx, workspace, seen)).await.is_ok() {
                *deleted.lock().expect("no test panics in here") += 1;
            }
        };
        world.host.spawn("delete", delete).detach();
    }
    if let Some(after) = race.invalidated_after {
        let host = world.host.clone();
        let invalidate = async move {
            host.sleep(Duration::from_millis(after)).await;
            let work = |tx: &Tx<'_>| {
                let root = users::by_name(tx, "root")?.expect("an administrator");
                template::invalidate(tx, &root, &v1::InvalidatePrebuildsRequest { template: "pool".to_owned() })
            };
            store.transact::<_, CallError>("invalidate", work).await.expect("it may");
        };
        world.host.spawn("invalidate", invalidate).detach();
    }
    world.advance(Duration::from_secs(60));
    let builds = std::mem::take(&mut *builds.lock().expect("no test panics in here"));
    let deleted = *deleted.lock().expect("no test panics in here");
    Outcome { builds: builds.into_values().collect(), deleted }
}

fn check(site: &Site, race: &Race, outcome: &Outcome, before: &BTreeSet<WorkspaceId>) -> Result<(), TestCaseError> {
    let Outcome { builds, deleted } = outcome;
    prop_assert_eq!(builds.len(), race.asks.len(), "everybody was answered");
    let given: BTreeSet<WorkspaceId> = builds.iter().map(|build| build.workspace_id.parse().expect("an id")).collect();
    prop_assert_eq!(given.len(), builds.len(), "no two have the same one");
    let mut claimed = 0;
    for build in builds {
        let id = build.workspace_id.parse().expect("an id");
        let latest = site.latest(id);
        prop_assert_eq!(latest.id.to_string(), build.build_id.clone(), "nothing came after it");
        prop_assert_eq!(&latest.workspace_name, &build.workspace_name);
        prop_assert_eq!(latest.transition, Transition::Start);
        let facts = site.world.tx(|tx| Ok(claims::facts(tx, id)?)).expect("works").expect("it is there");
        prop_assert_eq!(
            facts.claim.is_some(),
            before.contains(&id),
            "what was built ahead is claimed, and nothing else"
        );
        prop_assert_eq!(build.number, if before.contains(&id) { 2 } else { 1 });
        claimed += usize::from(before.contains(&id));
    }
    let left = site.unclaimed();
    prop_assert_eq!(claimed + left.len(), before.len(), "each is somebody's or nobody's");
    let going = left.iter().filter(|one| one.transition == Transition::Destroy).count();
    prop_assert_eq!(going, *deleted, "who deletes one and who is given one are never both right");
    if race.invalidated_after.is_none() {
        // With enough for all everybody was given one: who lost one took the next.
        prop_assert_eq!(
            claimed,
            race.asks.len().min(before.len() - deleted),
            "none was left while somebody went without"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config {
        cases: 120,
        rng_seed: RngSeed::Fixed(20),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_comes_in_between_each_workspace_is_one_persons(race in race()) {
        let site = Site::new();
        site.publish("pool", "v1", vec![preset("one", race.prebuilt)], true);
        site.settle();
        let before: BTreeSet<_> = site.unclaimed().into_iter().map(|one| one.id).collect();
        prop_assert_eq!(before.len(), usize::try_from(race.prebuilt).expect("a few"));
        let outcome = run(&site, &race);
        check(&site, &race, &outcome, &before)?;
    }
}
