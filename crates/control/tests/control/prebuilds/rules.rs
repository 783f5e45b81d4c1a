//! The rules of building ahead, one by one.

use std::time::Duration;

use groundhog_control::{
    PrebuildsConfig,
    job_status::JobStatus::{Canceled, Failed, Pending, Succeeded},
    operations::{notify, prebuild, reap},
    prebuilds::Outcome,
    preset_status::PresetStatus,
    refusal::CallError,
    store::pools,
    transition::Transition::{Destroy, Start, Stop},
};
use groundhog_wire::v1;

use crate::support::{
    World,
    pools::{Site, preset},
};

const MINUTE: Duration = Duration::from_secs(60);

fn told(site: &Site, event: &str) -> Vec<String> {
    site.world.record.take_all().into_iter().filter(|line| line.starts_with(&format!("{event} "))).collect()
}

#[test]
fn without_presets_nothing_is_done() {
    let site = Site::new();
    site.publish("pool", "v1", vec![], true);
    let stats = site.reconcile();
    assert_eq!((stats.presets, stats.reconciled, stats.outcome), (0, 0, Outcome::Done));
    assert!(site.unclaimed().is_empty());
}

#[test]
fn presets_without_prebuilds_are_left_alone() {
    let site = Site::new();
    let plain = v1::Preset { name: "plain".to_owned(), ..v1::Preset::default() };
    site.publish("pool", "v1", vec![plain, preset("none", 0)], true);
    let stats = site.reconcile();
    assert_eq!((stats.presets, stats.reconciled), (1, 1));
    assert!(site.unclaimed().is_empty());
}

#[test]
fn each_preset_has_a_pool_of_its_own() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 4), preset("two", 10)], true);
    let (one, two) = (site.preset("pool", "v1", "one").id, site.preset("pool", "v1", "two").id);
    for _ in 0..4 {
        let workspace = site.build_ahead(one, "pool");
        site.bring(workspace, groundhog_control::job_status::JobStatus::Running);
    }
    for _ in 0..8 {
        site.reconcile();
    }
    let of = |preset| site.unclaimed().iter().filter(|workspace| workspace.preset == preset).count();
    assert_eq!((of(one), of(two)), (4, 10));
}

#[test]
fn a_workspace_that_is_built_ahead_is_the_accounts_and_is_built_as_the_preset_says() {
    let site = Site::new();
    let parameters = vec![v1::ParameterValue { name: "region".to_owned(), value: "north".to_owned() }];
    let one = v1::Preset { parameters: parameters.clone(), ..preset("one", 1) };
    site.publish_with("pool", "v1", found(vec![one], &[("region", "string")]), true);
    site.reconcile();
    let workspace = site.unclaimed().remove(0);
    let build = site.latest(workspace.id);
    assert!(build.workspace_name.starts_with("prebuild-") && build.workspace_name.len() == 24, "{build:?}");
    assert_eq!(build.asked.parameter_values, parameters);
    assert_eq!((build.initiator.as_str(), build.preset), ("prebuilds", Some(workspace.preset)));
    let acquired = site.world.acquire("prov-1").expect("it waits");
    assert_eq!(acquired.message.initiator, "prebuilds");
}

fn found(presets: Vec<v1::Preset>, parameters: &[(&str, &str)]) -> v1::CompletedTemplateImport {
    let parameter = |(name, kind): &(&str, &str)| v1::TemplateParameter {
        name: (*name).to_owned(),
        r#type: (*kind).to_owned(),
        mutable: true,
        ..v1::TemplateParameter::default()
    };
    let parameters = parameters.iter().map(parameter).collect();
    v1::CompletedTemplateImport { presets, parameters, ..v1::CompletedTemplateImport::default() }
}

fn valued(name: &str, value: &str) -> v1::Preset {
    let parameters = vec![v1::ParameterValue { name: name.to_owned(), value: value.to_owned() }];
    v1::Preset { parameters, ..preset("one", 2) }
}

#[test]
fn a_preset_that_its_version_does_not_take_is_tried_once() {
    let cases = [
        (valued("zone", "north"), "the version has no parameter \"zone\""),
        (valued("cpus", "many"), "the parameter \"cpus\" is a number, and \"many\" is none"),
        (valued("gpu", "maybe"), "the parameter \"gpu\" is a bool, and \"maybe\" is none"),
    ];
    for (invalid, error) in cases {
        let site = Site::new();
        let parameters = &[("cpus", "number"), ("gpu", "bool")];
        site.publish_with("pool", "v1", found(vec![invalid, preset("two", 1)], parameters), true);
        site.world.record.take_all();
        assert_eq!(site.reconcile().outcome, Outcome::Done);
        let expected = format!("prebuild.validation_failed preset=pool/one version=v1 error={error}");
        assert_eq!(told(&site, "prebuild.validation_failed"), [expected]);
        assert_eq!(site.unclaimed().len(), 1, "the other preset is no worse for it");
        assert_eq!(site.preset("pool", "v1", "one").status, PresetStatus::ValidationFailed);
        site.reconcile();
        assert!(told(&site, "prebuild.validation_failed").is_empty());
        site.reconcile();
        let again = told(&site, "prebuild.create_skipped");
        assert!(again.is_empty(), "told once: {again:?}");
        site.publish_with("pool", "v2", found(vec![valued("cpus", "4")], parameters), true);
        site.settle();
        assert_eq!(site.running(site.preset("pool", "v2", "one").id), 2, "another version has other presets");
    }
}

#[test]
fn what_an_old_version_left_is_deleted_though_its_preset_is_invalid() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.settle();
    let workspace = site.unclaimed().remove(0).id;
    site.publish_with("pool", "v2", found(vec![valued("zone", "north")], &[]), true);
    site.reconcile();
    let latest = site.latest(workspace);
    assert_eq!((latest.number, latest.transition), (2, Destroy));
    site.world.acquire("prov-1").expect("it waits");
    site.succeed(latest.job);
    assert!(site.is_deleted(workspace));
}

#[test]
fn p8_all_of_an_inactive_preset_are_deleted_expired_ones_too() {
    let site = Site::new();
    let short = v1::Prebuild { instances: 2, expires_after_s: 60, ..v1::Prebuild::default() };
    site.publish("pool", "v1", vec![v1::Preset { prebuild: Some(short), ..preset("one", 2) }], true);
    site.reconcile();
    site.work(|_| false);
    site.world.machine.jump(2 * MINUTE);
    site.publish("pool", "v2", vec![], true);
    site.reconcile();
    assert!(site.unclaimed().iter().all(|one| one.transition == Destroy && one.number == 2));
}

#[test]
fn expired_ones_are_replaced_and_extraneous_ones_go_oldest_first() {
    let site = Site::new();
    let short = v1::Prebuild { instances: 1, expires_after_s: 3_600, ..v1::Prebuild::default() };
    site.publish("pool", "v1", vec![v1::Preset { prebuild: Some(short), ..preset("one", 1) }], true);
    let one = site.preset("pool", "v1", "one").id;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(site.build_ahead(one, "pool"));
        site.bring(*made.last().expect("one was made"), Succeeded);
        site.world.machine.jump(MINUTE);
    }
    site.world.record.take_all();
    site.reconcile();
    let transition = |workspace| site.latest(workspace).transition;
    assert_eq!(made.iter().map(|one| transition(*one)).collect::<Vec<_>>(), [Destroy, Destroy, Start]);
    assert!(told(&site, "prebuild.deleting").iter().all(|line| line.ends_with("why=extraneous")));
    site.world.machine.jump(Duration::from_secs(3_540));
    site.reconcile();
    assert_eq!(transition(made[2]), Start, "as old as it may be");
    site.world.machine.jump(Duration::from_millis(1));
    site.reconcile();
    assert_eq!(transition(made[2]), Destroy);
    assert!(told(&site, "prebuild.deleting").iter().all(|line| line.ends_with("why=expired")));
    assert_eq!(site.unclaimed().iter().filter(|one| one.status == Pending && one.transition == Start).count(), 1);
}

/// The template "pool" with the version v1, whose preset wants `instances` and has them waiting, and v2 that is active since.
fn flooded(site: &Site, instances: i32) {
    site.publish("pool", "v1", vec![preset("one", instances)], true);
    site.reconcile();
    site.publish("pool", "v2", vec![preset("one", 1)], true);
}

#[test]
fn what_waits_and_is_of_an_old_version_is_withdrawn_and_gone_at_once_without_a_daemon() {
    let site = Site::new();
    flooded(&site, 4);
    // One that waited for such a job counts as gone after a while.
    assert!(site.world.acquire("prov-2").is_some());
    let waits = |one: &pools::Unclaimed| one.status == Pending;
    let old: Vec<_> = site.unclaimed().into_iter().filter(waits).map(|one| one.id).collect();
    site.world.machine.jump(2 * MINUTE);
    site.world.record.take_all();
    site.reconcile();
    assert_eq!(told(&site, "prebuild.withdrawn").len(), 3);
    assert!(old.iter().all(|one| site.is_deleted(*one)));
    assert_eq!(site.unclaimed().len(), 2, "the one that a daemon has, and that of the new version");
}

#[test]
fn with_a_daemon_a_withdrawn_workspace_is_destroyed_by_it() {
    let site = Site::new();
    assert!(site.world.acquire("prov-2").is_none(), "a daemon waits for such jobs");
    flooded(&site, 2);
    site.reconcile();
    let destroys = site.unclaimed().iter().filter(|one| one.transition == Destroy && one.status == Pending).count();
    assert_eq!(destroys, 2);
    site.work(|build| {
        assert!(build.transition != Destroy || build.number == 2);
        false
    });
    assert_eq!(site.unclaimed().len(), 1);
}

#[test]
fn what_is_taken_or_wanted_again_is_not_withdrawn() {
    let site = Site::new();
    flooded(&site, 2);
    let waiting: Vec<_> = site.unclaimed().iter().map(|one| one.id).collect();
    site.bring(waiting[0], groundhog_control::job_status::JobStatus::Running);
    let daemons = &site.world.config.daemons;
    let withdraw = |workspace| site.world.tx(|tx| prebuild::withdraw(tx, workspace, daemons)).expect("works");
    assert_eq!(withdraw(waiting[0]), None, "a daemon has it");
    site.activate("pool", "v1");
    assert_eq!(withdraw(waiting[1]), None, "its version is the active one again");
    site.activate("pool", "v2");
    assert!(withdraw(waiting[1]).is_some());
    assert_eq!(withdraw(waiting[1]), None, "once");
}

#[test]
fn p9_one_that_cannot_be_withdrawn_keeps_no_other_from_it() {
    let (world, file) = World::in_file();
    let site = Site::over(world, PrebuildsConfig::default());
    flooded(&site, 3);
    site.world.machine.jump(2 * MINUTE);
    let stuck = site.unclaimed()[1].id;
    let hex = stuck.0.simple();
    file.connect()
        .execute_batch(&format!(
            "CREATE TRIGGER stuck BEFORE INSERT ON builds WHEN NEW.workspace_id = x'{hex}'
             BEGIN SELECT RAISE(ABORT, 'stuck'); END;"
        ))
        .expect("sound");
    site.world.record.take_all();
    assert_eq!(site.reconcile().outcome, Outcome::Done);
    let lines = site.world.record.take_all();
    let count = |event: &str| lines.iter().filter(|line| line.starts_with(event)).count();
    assert_eq!((count("prebuild.withdrawn "), count("prebuild.withdraw_failed ")), (2, 1), "{lines:?}");
    let left = site.unclaimed().into_iter().find(|one| one.id == stuck).expect("it is there");
    assert_eq!((left.status, left.number), (Pending, 1), "all of it was undone");
    file.connect().execute_batch("DROP TRIGGER stuck").expect("it is there");
    site.reconcile();
    assert!(site.is_deleted(stuck), "the next cycle looks again");
}

#[test]
fn p11_failures_put_off_builds_and_nothing_else() {
    let site = Site::over(World::new(), PrebuildsConfig { failure_hard_limit: 0, ..PrebuildsConfig::default() });
    let short = v1::Prebuild { instances: 3, expires_after_s: 60, ..v1::Prebuild::default() };
    site.publish("pool", "v1", vec![v1::Preset { prebuild: Some(short), ..preset("one", 3) }], true);
    site.reconcile();
    let all: Vec<_> = site.unclaimed().iter().map(|one| one.id).collect();
    site.bring(all[0], Succeeded);
    site.world.machine.jump(2 * MINUTE);
    site.bring(all[1], Failed);
    site.world.record.take_all();
    site.world.machine.jump(Duration::from_secs(0));
    // Two minutes after its begin, one failure puts off nothing any more; so another one fails.
    site.reconcile();
    let fresh: Vec<_> = site.unclaimed().iter().filter(|one| !all.contains(&one.id)).map(|one| one.id).collect();
    assert_eq!(fresh.len(), 2, "one is expired and one failed, one is being started");
    assert_eq!(site.latest(all[0]).transition, Destroy);
    site.bring(fresh[0], Failed);
    site.bring(fresh[1], Succeeded);
    let backing = told(&site, "prebuild.backing_off");
    assert!(backing.is_empty(), "{backing:?}");
    site.world.machine.jump(Duration::from_secs(61));
    site.reconcile();
    let lines = site.world.record.take_all();
    let backing = "prebuild.backing_off preset=pool/one version=v1 failed=2 for_s=59";
    assert!(lines.iter().any(|line| line == backing), "{lines:?}");
    assert_eq!(site.latest(fresh[1]).transition, Destroy, "an expired one goes although builds are put off");
    let created = lines.iter().filter(|line| line.starts_with("prebuild.created ")).count();
    assert_eq!(created, 0, "{lines:?}");
    site.reconcile();
    assert!(told(&site, "prebuild.backing_off").is_empty(), "told once");
    site.world.machine.jump(Duration::from_secs(59));
    site.reconcile();
    assert_eq!(told(&site, "prebuild.created").len(), 0, "the last millisecond belongs to it");
    site.world.machine.jump(Duration::from_millis(1));
    site.reconcile();
    assert!(!told(&site, "prebuild.created").is_empty());
}

#[test]
fn p2_so_many_failures_in_a_row_are_the_end_and_told_once() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.world.record.take_all();
    for _ in 0..20 {
        site.reconcile();
        site.work(|build| build.transition == Start);
        site.world.machine.jump(10 * MINUTE);
    }
    let lines = site.world.record.take_all();
    let count = |event: &str| lines.iter().filter(|line| line.starts_with(event)).count();
    assert_eq!(count("prebuild.created "), 3, "{lines:?}");
    assert_eq!(count("prebuild.hard_limited "), 1);
    assert_eq!(count("prebuild.create_skipped "), 1);
    assert_eq!(site.preset("pool", "v1", "one").status, PresetStatus::HardLimited);
    let request = v1::ListNotificationsRequest::default();
    let told = |name: &str| site.world.by_user(name, |tx, user| notify::list(tx, user, &request)).expect("works");
    let root: Vec<_> = told("root").notifications.into_iter().map(|one| one.kind).collect();
    assert_eq!(root, ["prebuild_failure_limit_reached"]);
    assert!(told("alice").notifications.is_empty(), "she looks after no templates");
    assert!(site.unclaimed().is_empty(), "P19: failed ones go after an hour, and that lifts nothing");
    site.publish("pool", "v2", vec![preset("one", 1)], true);
    site.settle();
    assert_eq!(site.running(site.preset("pool", "v2", "one").id), 1);
}

#[test]
fn p12_successes_that_were_claimed_count() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    let one = site.preset("pool", "v1", "one").id;
    for round in 0..6 {
        let workspace = site.build_ahead(one, "pool");
        if round % 2 == 0 {
            site.bring(workspace, Failed);
        } else {
            site.bring(workspace, Succeeded);
            site.claim(["alice", "bob", "root"][round / 2], workspace).expect("it runs");
        }
        site.world.machine.jump(MINUTE);
    }
    site.world.machine.jump(120 * MINUTE);
    site.world.record.take_all();
    site.reconcile();
    assert!(told(&site, "prebuild.hard_limited").is_empty(), "three failures, but not in a row");
    assert!(site.unclaimed().iter().any(|one| one.status == Pending && one.transition == Start));
}

#[test]
fn p13_a_version_that_is_no_longer_active_is_not_built() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    let one = site.preset("pool", "v1", "one").id;
    site.publish("pool", "v2", vec![], true);
    let created = site.world.tx(|tx| prebuild::create(tx, one)).expect("works");
    assert_eq!(created, prebuild::Created::Skipped("nothing is to be made of its version any more"));
    site.activate("pool", "v1");
    site.deprecate("pool", "old");
    assert!(matches!(site.world.tx(|tx| prebuild::create(tx, one)), Ok(prebuild::Created::Skipped(_))));
    assert!(site.unclaimed().is_empty());
}

#[test]
fn while_it_is_paused_nothing_is_done() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 2)], true);
    site.settle();
    site.publish("pool", "v2", vec![preset("one", 1)], true);
    site.pause(true);
    site.world.record.take_all();
    assert_eq!(site.reconcile().outcome, Outcome::Paused);
    assert!(told(&site, "membership.added").is_empty());
    assert!(site.unclaimed().iter().all(|one| one.transition == Start));
    site.pause(false);
    site.settle();
    assert_eq!(site.running(site.preset("pool", "v2", "one").id), 1);
    assert_eq!(site.unclaimed().len(), 1);
}

#[test]
fn p19_what_neither_runs_nor_is_built_is_kept_for_an_hour() {
    for (transition, status) in
        [(Start, Failed), (Start, Canceled), (Stop, Succeeded), (Stop, Failed), (Destroy, Failed)]
    {
        let site = Site::new();
        site.publish("pool", "v1", vec![preset("one", 1)], true);
        let workspace = site.build_ahead(site.preset("pool", "v1", "one").id, "pool");
        if transition != Start {
            site.bring(workspace, Succeeded);
            site.rebuild(workspace, transition);
        }
        site.world.machine.jump(10 * MINUTE);
        site.bring(workspace, status);
        let seen = site.latest(workspace).number;
        site.world.machine.jump(Duration::from_millis(3_599_999));
        site.reconcile();
        assert_eq!(site.latest(workspace).number, seen, "{transition:?} {status}: kept for an hour after its end");
        site.world.machine.jump(Duration::from_millis(1));
        site.world.record.take_all();
        site.reconcile();
        let latest = site.latest(workspace);
        assert_eq!((latest.number, latest.transition), (seen + 1, Destroy), "{transition:?} {status}");
        let lines = told(&site, "prebuild.deleting");
        assert!(lines.iter().any(|line| line.ends_with("why=lingering")), "{lines:?}");
        // It fails: then it lingers again.
        site.bring(workspace, Failed);
        site.world.machine.jump(Duration::from_millis(3_599_999));
        site.reconcile();
        assert_eq!(site.latest(workspace).number, seen + 1);
        site.world.machine.jump(Duration::from_millis(1));
        site.reconcile();
        assert_eq!(site.latest(workspace).number, seen + 2);
        site.work(|_| false);
        assert!(site.is_deleted(workspace));
    }
}

#[test]
fn j20_a_build_that_no_daemon_took_is_no_failure_of_its_preset() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 3)], true);
    site.reconcile();
    site.world.machine.jump(31 * MINUTE);
    let reaper = &site.world.config.reaper;
    for one in site.unclaimed() {
        assert!(site.world.tx(|tx| Ok(reap::reap(tx, one.job, reaper)?)).expect("works"));
    }
    assert!(site.unclaimed().iter().all(|one| one.status == Failed));
    site.world.record.take_all();
    site.reconcile();
    let lines = site.world.record.take_all();
    assert!(!lines.iter().any(|line| line.starts_with("prebuild.backing_off") || line.starts_with("prebuild.hard")));
    assert_eq!(site.unclaimed().iter().filter(|one| one.status == Pending).count(), 3, "{lines:?}");
}

#[test]
fn one_that_was_claimed_meanwhile_is_not_deleted() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.settle();
    let workspace = site.unclaimed().remove(0);
    site.claim("bob", workspace.id).expect("it runs");
    let refused = site.world.tx(|tx| prebuild::delete(tx, workspace.id, workspace.build));
    let text = "prebuilt workspace is not owned by prebuild user anymore, probably it was claimed";
    assert!(matches!(refused, Err(CallError::Refused(refusal)) if refusal.to_string() == text));
    assert_eq!(site.latest(workspace.id).transition, Start);
}

#[test]
fn one_that_was_built_anew_meanwhile_is_not_deleted() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.settle();
    let workspace = site.unclaimed().remove(0);
    site.rebuild(workspace.id, Stop);
    assert!(site.world.tx(|tx| prebuild::delete(tx, workspace.id, workspace.build)).is_err());
    assert_eq!(site.latest(workspace.id).transition, Stop);
}

#[test]
fn schedules_say_how_many() {
    let site = Site::new();
    let at_nine = v1::PrebuildSchedule { cron: "* 22-23 * * *".to_owned(), instances: 4 };
    let schedules =
        v1::Prebuild { instances: 1, timezone: "UTC".to_owned(), schedules: vec![at_nine], ..v1::Prebuild::default() };
    // The world begins at 22:13:20 of a Tuesday.
    site.publish("pool", "v1", vec![v1::Preset { prebuild: Some(schedules), ..preset("one", 1) }], true);
    let one = site.preset("pool", "v1", "one").id;
    site.settle();
    assert_eq!(site.running(one), 4);
    site.world.machine.jump(Duration::from_secs(3 * 3_600));
    site.settle();
    assert_eq!(site.running(one), 1);
}

#[test]
fn old_presets_of_which_nothing_is_left_are_counted_and_not_read() {
    let site = Site::new();
    for version in 0..10 {
        site.publish("pool", &format!("v{version}"), vec![preset("one", 1), preset("two", 0)], true);
    }
    let stats = site.reconcile();
    assert_eq!((stats.presets, stats.reconciled), (20, 2));
    let read = site.world.tx(|tx| Ok(pools::presets(tx, groundhog_control::store::users::PREBUILDS)?)).expect("works");
    assert_eq!(read.len(), 2);
}
