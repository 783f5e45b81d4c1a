//! How is looked for what is due, and what can go wrong.

use std::time::Duration;

use groundhog_control::{AutobuildConfig, Store, StoreConfig, autobuild, operations::workspace};
use groundhog_wire::{id::JobId, v1};
use tokio_util::sync::CancellationToken;

use super::{Ahead, HOUR, MINUTE, latest, nothing};
use crate::support::{
    World,
    world::{job_id, new_workspace, success},
};

#[test]
fn a_number_that_somebody_else_was_quicker_to_take_is_no_error() {
    let Ahead { site, file, alices, .. } =
        Ahead::new("UPDATE workspaces SET ttl_ms = 60000; UPDATE builds SET deadline_at = 1700000000001");
    // As if another process asked for a build between the look and the write.
    file.connect()
        .execute_batch(
            "CREATE TRIGGER quicker BEFORE INSERT ON builds WHEN NEW.reason = 'autostop' BEGIN
                 INSERT INTO builds (id, workspace_id, version_id, job_id, number, transition, created_at, daily_cost)
                     SELECT zeroblob(16), workspace_id, version_id, NEW.job_id, NEW.number, 'start', 1, 0
                     FROM builds WHERE workspace_id = NEW.workspace_id AND number = NEW.number - 1;
             END",
        )
        .expect("the tables are known");
    assert_eq!(site.look(), nothing());
    assert_eq!(latest(&site.see_by_id(&alices.to_string())).number, 1, "nothing of it is left");
    file.connect().execute_batch("DROP TRIGGER quicker").expect("it is there");
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=stop why=autostop"]);
}

#[test]
fn a_failure_of_one_does_not_keep_the_others_waiting() {
    let Ahead { site, file, alices, .. } =
        Ahead::new("UPDATE workspaces SET ttl_ms = 60000; UPDATE builds SET deadline_at = 1700000000001");
    let other = site.workspace("other", |request| request.ttl_ms = Some(60_000));
    site.jump(HOUR);
    let id = alices.0.simple();
    file.connect()
        .execute_batch(&format!(
            "CREATE TRIGGER failing BEFORE INSERT ON builds WHEN NEW.workspace_id = x'{id}' BEGIN
                 SELECT RAISE(ABORT, 'out of order');
             END"
        ))
        .expect("the tables are known");
    let looked = site.world.machine.block_on(site.executor.borrow_mut().look());
    assert!(looked.is_err_and(|error| error.to_string().contains("out of order")), "it is told of in the end");
    assert_eq!(latest(&site.see("other")).number, latest(&other).number + 1);
    assert_eq!(latest(&site.see("dev")).number, 1);
}

#[test]
fn what_is_refused_is_told_once_for_as_long_as_it_stays_so() {
    let Ahead { site, file, .. } =
        Ahead::new("UPDATE workspaces SET ttl_ms = 60000; UPDATE builds SET deadline_at = 1700000000001");
    // The version asks more of a daemon than any may be asked.
    let tag = "x".repeat(200);
    let more = "INSERT INTO template_version_tags (version_id, tag, content) SELECT id, '";
    file.connect().execute_batch(&format!("{more}{tag}', '' FROM template_versions")).expect("the tables are known");
    let told = site.look();
    assert!(told.len() == 1 && told[0].starts_with("autobuild.refused ws=ws action=stop error="), "{told:?}");
    assert_eq!(site.look(), nothing());
    file.connect().execute_batch("DELETE FROM template_version_tags").expect("the tables are known");
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=stop why=autostop"]);
}

#[test]
fn replicas_that_look_at_the_same_time_ask_for_one_build() {
    let mut world = World::with_store(StoreConfig {
        connections: 10,
        latency_min: Duration::from_millis(1),
        latency_max: Duration::from_millis(9),
    });
    let store = world.store.clone();
    let quick = Store::new(&world.host, world.database.clone(), StoreConfig::default());
    world.through(&quick, |world| {
        for name in ["a", "b", "c"] {
            let request = v1::CreateWorkspaceRequest { ttl_ms: Some(60_000), ..new_workspace(name, "plain") };
            let build = world.create_with("alice", &request);
            let job: JobId = job_id(&build.expect("it is sound"));
            world.acquire("prov-1").expect("it waits");
            world.complete("prov-1", &success(job, b"")).expect("it runs");
        }
    });
    let stop = CancellationToken::new();
    let config = AutobuildConfig { enabled: true, interval: MINUTE };
    let running: Vec<_> = (0..5)
        .map(|_| world.host.spawn("autobuild", autobuild::run(world.host.clone(), store.clone(), config, stop.clone())))
        .collect();
    world.record.take();
    world.advance(3 * MINUTE);
    let told = world.record.take();
    let asked = told.iter().filter(|line| line.starts_with("autobuild.asked")).count();
    assert_eq!(asked, 3, "{told:?}");
    assert_eq!(told.iter().filter(|line| line.starts_with("build.queued")).count(), 3);
    stop.cancel();
    for task in running {
        world.machine.block_on(task);
    }
}
