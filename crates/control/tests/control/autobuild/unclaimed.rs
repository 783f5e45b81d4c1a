//! What was built ahead and is nobody's yet is left alone; the clock acts on it once it is claimed.

use groundhog_control::{
    StoreError,
    operations::{autobuild as operation, claim, clock},
    refusal::CallError,
    store::{Tx, clock as rows, users::User},
};
use groundhog_wire::{id::WorkspaceId, v1};
use tonic::Code;

use super::{AT_23, Ahead, DAY, HOUR, MINUTE, Site, UNTIL_23, deadline, latest, ms, nothing};
use crate::support::{
    World,
    agents::{agent, made},
    machine::START_MS,
    world::assert_refused,
};

#[test]
fn no_query_finds_what_nobody_has_claimed() {
    type Query = fn(&Tx<'_>) -> Result<Vec<WorkspaceId>, StoreError>;
    let check = |rows: &str, query: Query, expected: &str| {
        let Ahead { site, ahead, alices, .. } = Ahead::new(rows);
        let found = site.world.tx(|tx| Ok(query(tx)?)).expect("the database works");
        assert_eq!(found, [alices], "{rows}");
        let before = site.see_by_id(&ahead.to_string());
        // Even if it were found: the decision about it is nothing.
        let done = site.world.tx(|tx| Ok(operation::look_after(tx, ahead).map_err(|error| error.to_string())));
        assert_eq!(done.expect("the database works"), Ok(None), "{rows}");
        assert_eq!(site.look(), [expected], "{rows}");
        assert_eq!(site.see_by_id(&ahead.to_string()), before, "{rows}");
    };
    check(
        "UPDATE builds SET transition = 'stop';
         UPDATE workspaces SET autostart = '0 * * * *', next_start_at = 1700000000001",
        |tx| rows::due_to_start(tx, 10),
        "autobuild.asked ws=ws action=start why=autostart",
    );
    check(
        "UPDATE workspaces SET ttl_ms = 60000; UPDATE builds SET deadline_at = 1700000000001",
        |tx| rows::due_to_stop(tx, 10),
        "autobuild.asked ws=ws action=stop why=autostop",
    );
    check(
        "UPDATE builds SET transition = 'stop'; UPDATE templates SET dormant_after_ms = 1",
        |tx| rows::due_to_be_laid_aside(tx, 10),
        "workspace.dormant ws=ws",
    );
    check(
        "UPDATE workspaces SET dormant_at = 1700000000001",
        |tx| rows::laid_aside_and_started(tx, 10),
        "autobuild.asked ws=ws action=stop why=dormancy",
    );
    check(
        "UPDATE workspaces SET dormant_at = 1700000000001, deleting_at = 1700000000001",
        |tx| rows::due_to_go(tx, 0, 10),
        "autobuild.asked ws=ws action=destroy why=autodelete",
    );
}

#[test]
fn no_update_changes_what_nobody_has_claimed() {
    let Ahead { site, ahead, alices, .. } = Ahead::new("");
    type Update = fn(&Tx<'_>, WorkspaceId) -> Result<(), StoreError>;
    let updates: [(&str, Update); 6] = [
        ("autostart", |tx, id| rows::set_autostart(tx, id, AT_23, Some(1))),
        ("next start", |tx, id| rows::set_next_start(tx, id, Some(2))),
        ("ttl", |tx, id| rows::set_ttl(tx, id, 60_000)),
        ("lay aside", |tx, id| rows::lay_aside(tx, id, Some(3))),
        ("take up", rows::take_up),
        ("used", rows::set_used),
    ];
    for (about, update) in updates {
        site.jump(MINUTE);
        let see = |id: WorkspaceId| site.see_by_id(&id.to_string());
        let before = (see(ahead), see(alices));
        site.world.tx(|tx| Ok(update(tx, ahead).and_then(|()| update(tx, alices))?)).expect("the database works");
        let after = (see(ahead), see(alices));
        assert_eq!((before.0 == after.0, before.1 == after.1), (true, false), "{about}");
    }
}

#[test]
fn neither_a_start_nor_use_gives_what_nobody_has_claimed_a_time() {
    let (world, file) = World::in_file();
    let site = Site::of(world);
    for (owner, name, token) in [("ahead", "pool", "token-ahead"), ("alice", "dev", "token-1")] {
        let job = site.world.running(owner, name, "prov-1");
        let wishes = "UPDATE workspaces SET autostart = '0 23 * * *', ttl_ms = 60000";
        file.connect().execute_batch(wishes).expect("the tables are known");
        site.world.complete("prov-1", &made(job, vec![agent(token)])).expect("it runs");
        let see = || site.see_by_id(&site.world.latest(owner, name).workspace_id);
        let times = |workspace: v1::Workspace| (deadline(&workspace).is_some(), workspace.next_start_at_ms.is_some());
        let mine = owner == "alice";
        assert_eq!(times(see()), (mine, mine), "{name}");
        file.connect().execute_batch("UPDATE builds SET deadline_at = 1700000000001").expect("the tables are known");
        site.report_by(token, 1);
        assert_eq!(deadline(&see()), Some(if mine { 60_000 } else { 1 }), "{name}");
    }
}

/// A site with a workspace that was built ahead, and its id.
fn ahead() -> (Site, String) {
    let site = Site::new();
    let job = site.world.running("ahead", "pool", "prov-1");
    site.world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    let id = site.world.latest("ahead", "pool").workspace_id;
    (site, id)
}

impl Site {
    /// Hands the workspace over to alice as "dev", and carries the claim's build out.
    fn claim(&self, id: &str) {
        let (workspace_id, owner, name) = (id.to_owned(), "alice".to_owned(), "dev".to_owned());
        let request = v1::ClaimWorkspaceRequest { workspace_id, owner, name };
        self.world.by_user("root", |tx, user| claim::claim(tx, user, &request)).expect("it is free");
        self.carry_out(true);
    }
}

#[test]
fn the_four_calls_are_refused_until_it_is_claimed() {
    let (site, id) = ahead();
    let refused = |result: Result<v1::Workspace, CallError>, what: &str| {
        let text = format!("{what} not supported for prebuilt workspaces");
        assert_refused(result, Code::FailedPrecondition, &text);
    };
    type Call<'a> = &'a dyn Fn(&Tx<'_>, &User) -> Result<v1::Workspace, CallError>;
    let autostart = v1::SetAutostartRequest { workspace_id: id.clone(), autostart: AT_23.to_owned() };
    let ttl = v1::SetTtlRequest { workspace_id: id.clone(), ttl_ms: 60_000 };
    let dormancy = v1::SetDormancyRequest { workspace_id: id.clone(), dormant: true };
    let deadline_at_ms = START_MS + ms(HOUR);
    let extended = v1::ExtendDeadlineRequest { workspace_id: id.clone(), deadline_at_ms };
    let calls: [(&str, Call<'_>); 4] = [
        ("Autostart is", &|tx, user| clock::set_autostart(tx, user, &autostart)),
        ("TTL updates are", &|tx, user| clock::set_ttl(tx, user, &ttl)),
        // Before dormancy, because it needs a deadline, which a TTL gives it.
        ("Deadline extension is", &|tx, user| clock::extend_deadline(tx, user, &extended)),
        ("Dormancy updates are", &|tx, user| clock::set_dormancy(tx, user, &dormancy)),
    ];
    let before = site.see_by_id(&id);
    for (what, call) in calls {
        refused(site.world.by_user("root", call), what);
        refused(site.world.by_user("ahead", call), what);
        assert!(site.world.by_user("alice", call).is_err(), "it is not hers");
    }
    assert_eq!(site.see_by_id(&id), before);
    site.claim(&id);
    for (what, call) in calls {
        assert!(site.world.by_user("alice", call).is_ok(), "{what}");
    }
    let dev = site.see("dev");
    assert_eq!((dev.autostart.as_str(), dev.ttl_ms), (AT_23, 60_000));
    assert_eq!(latest(&dev).deadline_at_ms, Some(deadline_at_ms));
    assert!(dev.dormant_at_ms.is_some());
}

#[test]
fn use_of_what_nobody_has_claimed_is_no_use() {
    let (site, id) = ahead();
    site.lifetimes(DAY, DAY);
    site.jump(HOUR);
    site.report(1);
    let pool = site.see_by_id(&id);
    assert_eq!((pool.last_used_at_ms, deadline(&pool)), (START_MS, None));
    site.claim(&id);
    site.set_ttl(&id, ms(HOUR)).expect("in bounds");
    site.jump(HOUR / 2);
    site.report(1);
    let dev = site.see("dev");
    assert_eq!((dev.last_used_at_ms - START_MS, deadline(&dev)), (ms(HOUR + HOUR / 2), Some(ms(2 * HOUR + HOUR / 2))));
}

#[test]
fn the_clock_acts_on_what_was_built_ahead_once_it_is_claimed() {
    // Started by itself.
    let (site, id) = ahead();
    site.claim(&id);
    site.set_autostart(&id, AT_23).expect("a schedule");
    site.stop("dev");
    site.jump(UNTIL_23);
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=start why=autostart"]);
    // Stopped by itself: by the TTL that is set, from the claim's start on, and not before it is claimed.
    let (site, id) = ahead();
    site.jump(10 * DAY);
    assert_eq!(site.look(), nothing());
    site.claim(&id);
    site.set_ttl(&id, ms(HOUR)).expect("in bounds");
    site.jump(HOUR);
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=stop why=autostop"]);
    // Laid aside, and deleted in the end.
    let (site, id) = ahead();
    site.lifetimes(DAY, DAY);
    site.jump(10 * DAY);
    assert_eq!(site.look(), nothing());
    site.claim(&id);
    site.set_dormancy(&id, true);
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=stop why=dormancy"]);
    site.carry_out(true);
    site.jump(DAY);
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=destroy why=autodelete"]);
}
