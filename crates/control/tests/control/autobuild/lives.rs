//! What becomes of workspaces by the clock.

use std::time::Duration;

use groundhog_control::{
    operations::workspace_view::list,
    store::{Tx, clock as rows, templates},
};
use groundhog_wire::v1;
use tonic::Code;

use super::{AT_23, DAY, HOUR, MINUTE, Site, UNTIL_23, deadline, latest, ms, nothing};
use crate::support::{
    machine::START_MS,
    world::{assert_refused, job_id, new_workspace, success},
};

#[test]
fn it_is_started_at_its_time_in_its_owners_name() {
    let site = Site::new();
    site.workspace("dev", |request| request.autostart = AT_23.to_owned());
    site.stop("dev");
    assert_eq!(site.see("dev").next_start_at_ms, Some(START_MS + ms(UNTIL_23)));
    site.jump(UNTIL_23 - Duration::from_millis(1));
    assert_eq!(site.look(), nothing());
    site.jump(Duration::from_millis(1));
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=start why=autostart"]);
    let dev = site.see("dev");
    let build = latest(&dev);
    assert_eq!((build.number, build.initiator.as_str(), build.reason.as_str()), (3, "alice", "autostart"));
    assert_eq!(dev.next_start_at_ms, Some(START_MS + ms(UNTIL_23 + DAY)));
    assert_eq!(site.look(), nothing(), "its build is under way");
    assert_eq!(site.carry_out(true), v1::Transition::Start);
    assert_eq!(site.look(), nothing());
    let entry = site.world.audit().pop().expect("it ended");
    assert_eq!((entry.user.as_str(), entry.action.as_str()), ("alice", "start"));
}

#[test]
fn a_start_that_fails_is_tried_again_at_its_next_time_and_not_before() {
    let site = Site::new();
    site.workspace("dev", |request| request.autostart = AT_23.to_owned());
    site.stop("dev");
    site.jump(UNTIL_23);
    for _ in 0..3 {
        assert_eq!(site.look(), ["autobuild.asked ws=ws action=start why=autostart"]);
        site.carry_out(false);
        for _ in 0..23 {
            site.jump(HOUR);
            assert_eq!(site.look(), nothing());
        }
        site.jump(HOUR);
    }
}

#[test]
fn a_time_that_came_while_it_ran_does_not_start_it_once_it_is_stopped() {
    let site = Site::new();
    site.workspace("dev", |request| request.autostart = AT_23.to_owned());
    site.jump(UNTIL_23);
    assert_eq!(site.look(), nothing());
    assert_eq!(site.see("dev").next_start_at_ms, Some(START_MS + ms(UNTIL_23 + DAY)));
    // A start that takes until after its time was in time.
    site.jump(DAY - MINUTE);
    site.stop("dev");
    site.world.build("alice", "dev", v1::Transition::Start).expect("no other build is active");
    site.jump(2 * MINUTE);
    site.carry_out(true);
    assert_eq!(site.see("dev").next_start_at_ms, Some(START_MS + ms(UNTIL_23 + 2 * DAY)));
    site.jump(DAY - MINUTE);
    // The same if no look came between.
    site.stop("dev");
    assert_eq!(site.look(), nothing());
    assert_eq!(site.see("dev").next_start_at_ms, Some(START_MS + ms(UNTIL_23 + 3 * DAY)));
    site.jump(DAY);
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=start why=autostart"]);
}

#[test]
fn it_is_stopped_when_it_has_run_for_as_long_as_its_owner_wants() {
    let site = Site::new();
    let dev = site.workspace("dev", |request| request.ttl_ms = Some(ms(HOUR)));
    assert_eq!((dev.ttl_ms, deadline(&dev)), (ms(HOUR), Some(ms(HOUR))));
    let other = site.workspace("other", |_| {});
    assert_eq!((other.ttl_ms, deadline(&other)), (0, None));
    site.jump(HOUR - Duration::from_millis(1));
    assert_eq!(site.look(), nothing());
    site.jump(Duration::from_millis(1));
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=stop why=autostop"]);
    assert_eq!(site.look(), nothing());
    assert_eq!(latest(&site.see("dev")).reason, "autostop");
    assert_eq!(site.build(&latest(&dev).build_id).deadline_at_ms, None, "it has come");
    assert_eq!(site.carry_out(true), v1::Transition::Stop);
    site.jump(DAY);
    assert_eq!(site.look(), nothing(), "a deadline is one start's");
    site.world.build("alice", "dev", v1::Transition::Start).expect("no other build is active");
    site.jump(MINUTE);
    site.carry_out(true);
    assert_eq!(deadline(&site.see("dev")), Some(ms(HOUR + DAY + MINUTE + HOUR)), "from when it runs");
}

#[test]
fn what_did_not_start_has_no_deadline() {
    let site = Site::new();
    for end in ["failed", "cancelled"] {
        let request = v1::CreateWorkspaceRequest { ttl_ms: Some(ms(HOUR)), ..new_workspace(end, "plain") };
        let build = site.world.create_with("alice", &request);
        let build = build.expect("it is sound");
        if end == "failed" {
            site.carry_out(false);
        } else {
            site.world.acquire("prov-1").expect("it waits");
            site.world.cancel("alice", end, v1::JobStatus::Unspecified).expect("it is alice's");
            site.world.complete("prov-1", &success(job_id(&build), b"")).expect("it runs");
        }
        assert_eq!(deadline(&site.see(end)), None, "{end}");
    }
    site.jump(2 * HOUR);
    assert_eq!(site.look(), nothing());
}

#[test]
fn a_templates_ttl_is_for_whoever_says_nothing() {
    let site = Site::new();
    let lifetimes = templates::Lifetimes { default_ttl_ms: 90_000, dormant_after_ms: 0, deleted_after_ms: 0 };
    let set = |tx: &Tx<'_>| {
        let plain = templates::by_name(tx, "plain")?.expect("it is set up");
        Ok(templates::set_lifetimes(tx, plain, lifetimes)?)
    };
    site.world.tx(set).expect("the database works");
    assert_eq!(site.workspace("one", |_| {}).ttl_ms, 90_000);
    assert_eq!(site.workspace("two", |request| request.ttl_ms = Some(0)).ttl_ms, 0);
    assert_eq!(site.workspace("three", |request| request.ttl_ms = Some(60_000)).ttl_ms, 60_000);
}

#[test]
fn what_nobody_uses_is_laid_aside_and_stopped_and_in_the_end_deleted() {
    let site = Site::new();
    site.lifetimes(DAY, 2 * DAY);
    let id = site.workspace("dev", |request| request.autostart = AT_23.to_owned()).workspace_id;
    site.jump(DAY - Duration::from_millis(1));
    assert_eq!(site.look(), nothing());
    site.jump(Duration::from_millis(1));
    assert_eq!(site.look(), ["workspace.dormant ws=ws", "autobuild.asked ws=ws action=stop why=dormancy"]);
    let dev = site.see("dev");
    assert_eq!((dev.dormant_at_ms, dev.deleting_at_ms), (Some(START_MS + ms(DAY)), Some(START_MS + ms(3 * DAY))));
    assert_eq!(site.carry_out(true), v1::Transition::Stop);
    site.jump(2 * DAY - Duration::from_millis(1));
    assert_eq!(site.look(), nothing(), "nothing starts it");
    site.jump(Duration::from_millis(1));
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=destroy why=autodelete"]);
    // It can't be deleted, and is tried again a day later.
    assert_eq!(site.carry_out(false), v1::Transition::Destroy);
    site.jump(DAY - Duration::from_millis(1));
    assert_eq!(site.look(), nothing());
    let query = |tx: &Tx<'_>| Ok(rows::due_to_go(tx, tx.now_ms() - ms(DAY), 10)?);
    assert_eq!(site.world.tx(query).expect("the database works"), [], "nor does it take the place of others");
    site.jump(Duration::from_millis(1));
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=destroy why=autodelete"]);
    assert!(site.see("dev").next_start_at_ms.is_some());
    site.carry_out(true);
    site.jump(10 * DAY);
    assert_eq!(site.look(), nothing());
    let gone = site.see_by_id(&id);
    assert_eq!(gone.next_start_at_ms, None);
    let text = format!("there is no workspace {id}");
    assert_refused(site.set_autostart(&id, AT_23), Code::NotFound, &text);
    assert_refused(site.set_ttl(&id, 0), Code::NotFound, &text);
    assert_refused(site.extend(&id, START_MS + ms(20 * DAY)), Code::NotFound, &text);
    assert_eq!((latest(&gone).transition(), latest(&gone).reason.as_str()), (v1::Transition::Destroy, "autodelete"));
    let left = site.world.by_user("alice", |tx, user| list(tx, user, &v1::ListWorkspacesRequest::default()));
    assert_eq!(left.expect("the database works").workspaces, []);
}

#[test]
fn a_template_that_keeps_its_workspaces_has_none_deleted() {
    let site = Site::new();
    site.lifetimes(DAY, Duration::ZERO);
    site.workspace("dev", |_| {});
    site.stop("dev");
    site.jump(DAY);
    assert_eq!(site.look(), ["workspace.dormant ws=ws"], "it does not run");
    site.jump(1_000 * DAY);
    assert_eq!((site.look(), site.see("dev").deleting_at_ms), (nothing(), None));
}

#[test]
fn a_dormant_workspace_is_taken_up_by_its_owner_or_by_a_start() {
    let site = Site::new();
    site.lifetimes(DAY, DAY);
    let id = site.workspace("dev", |_| {}).workspace_id;
    site.world.record.take();
    assert!(site.set_dormancy(&id, true).dormant_at_ms.is_some());
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=stop why=dormancy"], "it runs");
    site.carry_out(true);
    site.jump(HOUR);
    let dormant_at = site.see("dev").dormant_at_ms;
    assert_eq!(site.set_dormancy(&id, true).dormant_at_ms, dormant_at, "it is so already");
    let taken_up = site.set_dormancy(&id, false);
    assert_eq!((taken_up.dormant_at_ms, taken_up.deleting_at_ms), (None, None));
    assert_eq!(taken_up.last_used_at_ms, START_MS + ms(HOUR));

    site.set_dormancy(&id, true);
    site.jump(HOUR);
    site.world.record.take();
    site.world.build("alice", "dev", v1::Transition::Start).expect("no other build is active");
    assert!(site.world.record.take().contains(&"workspace.taken_up ws=ws".to_owned()));
    site.carry_out(true);
    let dev = site.see("dev");
    assert_eq!((dev.dormant_at_ms, dev.deleting_at_ms, dev.last_used_at_ms), (None, None, START_MS + ms(2 * HOUR)));
    site.jump(DAY - MINUTE);
    assert_eq!(site.look(), nothing(), "it counts as used since");
}

#[test]
fn who_builds_a_workspace_uses_it() {
    let site = Site::new();
    site.lifetimes(DAY, DAY);
    site.workspace("dev", |_| {});
    site.jump(DAY - MINUTE);
    site.stop("dev");
    site.jump(DAY - MINUTE);
    assert_eq!(site.look(), nothing());
    site.jump(MINUTE);
    assert_eq!(site.look(), ["workspace.dormant ws=ws"]);
}

#[test]
fn use_puts_the_deadline_and_dormancy_off() {
    let site = Site::new();
    site.lifetimes(DAY, DAY);
    let id = site.workspace("dev", |request| request.ttl_ms = Some(ms(HOUR))).workspace_id;
    site.jump(HOUR / 2);
    site.report(0);
    let dev = site.see("dev");
    assert_eq!((deadline(&dev), dev.last_used_at_ms), (Some(ms(HOUR)), START_MS), "nobody was there");
    site.report(1);
    let dev = site.see("dev");
    assert_eq!((deadline(&dev), dev.last_used_at_ms), (Some(ms(HOUR + HOUR / 2)), START_MS + ms(HOUR / 2)));
    site.jump(HOUR / 2);
    assert_eq!(site.look(), nothing());
    // What its owner has put farther away stays.
    let far = START_MS + ms(10 * HOUR);
    site.extend(&id, far).expect("it is ahead");
    site.report(1);
    assert_eq!(latest(&site.see("dev")).deadline_at_ms, Some(far));
    // An agent that still reports while its workspace is being stopped puts nothing off.
    let started = latest(&site.see("dev")).build_id.clone();
    site.world.build("alice", "dev", v1::Transition::Stop).expect("no other build is active");
    site.report(1);
    assert_eq!(site.build(&started).deadline_at_ms, None);
    site.carry_out(true);
    site.jump(11 * HOUR);
    assert_eq!(site.look(), nothing());
}
