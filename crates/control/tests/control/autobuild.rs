//! The clock starts, stops, lays aside and deletes workspaces, and leaves alone what nobody has claimed.

use std::{cell::RefCell, time::Duration};

use groundhog_control::{
    AutobuildConfig, Store, StoreConfig, StoreError,
    autobuild::{self, Executor},
    operations::{
        agent::reports,
        autobuild as operation, claim, clock, workspace,
        workspace_view::{self, list},
    },
    refusal::CallError,
    store::{Tx, clock as rows, templates, users::User},
};
use groundhog_wire::{
    id::{JobId, WorkspaceId},
    v1,
};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::support::{
    World,
    agents::{agent, made},
    machine::START_MS,
    world::{assert_refused, failure, job_id, new_workspace, success},
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The first full hour after the clock's start, which is 22:13:20 by UTC, and the one after that.
const AT_23: &str = "0 23 * * *";
const UNTIL_23: Duration = Duration::from_secs(46 * 60 + 40);

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("short")
}

struct Site {
    world: World,
    executor: RefCell<Executor>,
}

impl Site {
    fn new() -> Self {
        Self::of(World::new())
    }

    fn of(world: World) -> Self {
        let executor = RefCell::new(Executor::new(world.store.clone()));
        Self { world, executor }
    }

    /// What was done in one look, as events tell it.
    fn look(&self) -> Vec<String> {
        self.world.record.take();
        let done = self.world.machine.block_on(self.executor.borrow_mut().look());
        let told = self.world.record.take();
        let told: Vec<_> =
            told.into_iter().filter(|line| line.starts_with("autobuild") || is_about_dormancy(line)).collect();
        assert!(done.is_ok(), "{done:?}");
        told
    }

    fn jump(&self, duration: Duration) {
        self.world.machine.jump(duration);
    }

    /// Makes a workspace of alice's as `change` wants it, and carries its first build out.
    fn workspace(&self, name: &str, change: impl FnOnce(&mut v1::CreateWorkspaceRequest)) -> v1::Workspace {
        let mut request = new_workspace(name, "plain");
        change(&mut request);
        self.world.by_user("alice", |tx, user| workspace::create_workspace(tx, user, &request)).expect("it is sound");
        self.carry_out(true);
        self.see(name)
    }

    /// Has a daemon carry out the build that waits.
    fn carry_out(&self, well: bool) -> v1::Transition {
        let acquired = self.world.acquire("prov-1").expect("it waits");
        if well {
            self.world.complete("prov-1", &made(acquired.job, vec![agent("token-1")])).expect("it runs");
        } else {
            self.world.fail("prov-1", &failure(acquired.job, "no room", None)).expect("it runs");
        }
        match acquired.message.kind {
            Some(v1::job::Kind::WorkspaceBuild(build)) => build.transition(),
            other => panic!("expected a build, got {other:?}"),
        }
    }

    fn see(&self, name: &str) -> v1::Workspace {
        let request = v1::GetWorkspaceRequest { workspace: name.to_owned(), ..v1::GetWorkspaceRequest::default() };
        self.world.by_user("alice", |tx, user| workspace_view::get(tx, user, &request)).expect("it is alice's")
    }

    fn see_by_id(&self, workspace_id: &str) -> v1::Workspace {
        let request = v1::GetWorkspaceRequest { workspace_id: workspace_id.to_owned(), ..Default::default() };
        self.world.by_user("root", |tx, user| workspace_view::get(tx, user, &request)).expect("it is there")
    }

    fn lifetimes(&self, dormant_after: Duration, deleted_after: Duration) {
        let (dormant_after_ms, deleted_after_ms) = (ms(dormant_after), ms(deleted_after));
        let lifetimes = templates::Lifetimes { default_ttl_ms: 0, dormant_after_ms, deleted_after_ms };
        let set = |tx: &Tx<'_>| {
            let plain = templates::by_name(tx, "plain")?.expect("it is set up");
            Ok(templates::set_lifetimes(tx, plain, lifetimes)?)
        };
        self.world.tx(set).expect("the database works");
    }

    fn set_dormancy(&self, id: &str, dormant: bool) -> v1::Workspace {
        let request = v1::SetDormancyRequest { workspace_id: id.to_owned(), dormant };
        self.world.by_user("alice", |tx, user| clock::set_dormancy(tx, user, &request)).expect("it is alice's")
    }

    fn set_ttl(&self, id: &str, ttl_ms: i64) -> Result<v1::Workspace, CallError> {
        let request = v1::SetTtlRequest { workspace_id: id.to_owned(), ttl_ms };
        self.world.by_user("alice", |tx, user| clock::set_ttl(tx, user, &request))
    }

    fn set_autostart(&self, id: &str, autostart: &str) -> Result<v1::Workspace, CallError> {
        let request = v1::SetAutostartRequest { workspace_id: id.to_owned(), autostart: autostart.to_owned() };
        self.world.by_user("alice", |tx, user| clock::set_autostart(tx, user, &request))
    }

    fn extend(&self, id: &str, deadline_at_ms: i64) -> Result<v1::Workspace, CallError> {
        let request = v1::ExtendDeadlineRequest { workspace_id: id.to_owned(), deadline_at_ms };
        self.world.by_user("alice", |tx, user| clock::extend_deadline(tx, user, &request))
    }

    fn stop(&self, name: &str) {
        self.world.build("alice", name, v1::Transition::Stop).expect("no other build is active");
        self.carry_out(true);
    }

    /// Its agent reports that somebody was connected, or that nobody was.
    fn report(&self, connections: u64) {
        let session = self.world.session("token-1").expect("it is known");
        let stats = v1::AgentStats { connection_count: connections, ..v1::AgentStats::default() };
        self.world.by_agent(&session, |tx, agent| reports::stats(tx, agent, &stats)).expect("it is let in");
    }
}

fn is_about_dormancy(line: &str) -> bool {
    line.starts_with("workspace.dormant") || line.starts_with("workspace.taken_up")
}

fn latest(workspace: &v1::Workspace) -> &v1::Build {
    workspace.latest_build.as_ref().expect("it has one")
}

fn deadline(workspace: &v1::Workspace) -> Option<i64> {
    latest(workspace).deadline_at_ms.map(|at| at - START_MS)
}

fn nothing() -> Vec<String> {
    Vec::new()
}

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
    // The same if no look came between.
    site.jump(DAY);
    site.stop("dev");
    assert_eq!(site.look(), nothing());
    assert_eq!(site.see("dev").next_start_at_ms, Some(START_MS + ms(UNTIL_23 + 2 * DAY)));
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
        let build = site.world.by_user("alice", |tx, user| workspace::create_workspace(tx, user, &request));
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
    site.jump(Duration::from_millis(1));
    assert_eq!(site.look(), ["autobuild.asked ws=ws action=destroy why=autodelete"]);
    site.carry_out(true);
    site.jump(10 * DAY);
    assert_eq!(site.look(), nothing());
    let gone = site.see_by_id(&id);
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
    site.world.build("alice", "dev", v1::Transition::Stop).expect("no other build is active");
    site.report(1);
    site.carry_out(true);
    site.jump(11 * HOUR);
    assert_eq!(site.look(), nothing());
}

#[test]
fn what_people_set_is_checked() {
    let site = Site::new();
    let id = site.workspace("dev", |_| {}).workspace_id;
    for wrong in [-1, 1, 59_999, ms(30 * DAY) + 1, i64::MAX] {
        let text = format!("a TTL of {wrong} ms: expected 60000 (a minute) to 2592000000 (30 days), or 0 for never");
        assert_refused(site.set_ttl(&id, wrong), Code::InvalidArgument, &text);
    }
    for right in [60_000, ms(30 * DAY), 0] {
        assert_eq!(site.set_ttl(&id, right).expect("in bounds").ttl_ms, right);
    }
    let never = "autostart: \"0 0 30 2 *\" never comes";
    assert_refused(site.set_autostart(&id, "0 0 30 2 *"), Code::InvalidArgument, never);
    assert!(site.set_autostart(&id, "often").is_err());
    let request = v1::CreateWorkspaceRequest { autostart: "often".to_owned(), ..new_workspace("other", "plain") };
    assert!(site.world.by_user("alice", |tx, user| workspace::create_workspace(tx, user, &request)).is_err());
    let request = v1::CreateWorkspaceRequest { ttl_ms: Some(1), ..new_workspace("other", "plain") };
    assert!(site.world.by_user("alice", |tx, user| workspace::create_workspace(tx, user, &request)).is_err());

    let set = site.set_autostart(&id, AT_23).expect("a schedule");
    assert_eq!((set.autostart.as_str(), set.next_start_at_ms), (AT_23, Some(START_MS + ms(UNTIL_23))));
    let unset = site.set_autostart(&id, "").expect("none");
    assert_eq!((unset.autostart.as_str(), unset.next_start_at_ms), ("", None));
}

#[test]
fn a_ttl_that_is_set_counts_from_now_for_what_runs() {
    let site = Site::new();
    let id = site.workspace("dev", |request| request.ttl_ms = Some(ms(HOUR))).workspace_id;
    site.jump(HOUR / 2);
    assert_eq!(deadline(&site.set_ttl(&id, ms(2 * HOUR)).expect("in bounds")), Some(ms(HOUR / 2 + 2 * HOUR)));
    assert_eq!(deadline(&site.set_ttl(&id, 0).expect("in bounds")), None);
    site.jump(DAY);
    assert_eq!(site.look(), nothing());
    site.stop("dev");
    assert_eq!(deadline(&site.set_ttl(&id, ms(HOUR)).expect("in bounds")), None, "it does not run");
}

#[test]
fn only_what_runs_and_has_a_deadline_has_it_put_off() {
    let site = Site::new();
    let id = site.workspace("dev", |_| {}).workspace_id;
    let text = format!("the workspace {id} has no deadline: set its TTL first");
    assert_refused(site.extend(&id, START_MS + ms(HOUR)), Code::FailedPrecondition, &text);
    site.set_ttl(&id, ms(HOUR)).expect("in bounds");
    for wrong in [HOUR / 2 - Duration::from_millis(1), 30 * DAY + Duration::from_millis(1)] {
        let refused = site.extend(&id, START_MS + ms(wrong));
        assert!(matches!(&refused, Err(CallError::Refused(why)) if why.code() == Code::InvalidArgument), "{refused:?}");
    }
    assert_eq!(deadline(&site.extend(&id, START_MS + ms(HOUR / 2)).expect("ahead")), Some(ms(HOUR / 2)));
    site.stop("dev");
    let text = format!("the workspace {id} does not run: its latest build is not a start that succeeded");
    assert_refused(site.extend(&id, START_MS + ms(HOUR)), Code::FailedPrecondition, &text);
}

#[test]
fn a_workspace_is_seen_by_its_owner_and_administrators() {
    let site = Site::new();
    let id = site.workspace("dev", |request| request.autostart = AT_23.to_owned()).workspace_id;
    site.workspace("ante", |_| {});
    let dev = site.see("dev");
    assert_eq!((dev.name.as_str(), dev.owner.as_str(), dev.template.as_str()), ("dev", "alice", "plain"));
    assert_eq!((dev.created_at_ms, dev.preset.as_str(), latest(&dev).reason.as_str()), (START_MS, "", "initiator"));
    assert_eq!(site.see_by_id(&id), dev);
    let by_id = v1::GetWorkspaceRequest { workspace_id: id.clone(), ..v1::GetWorkspaceRequest::default() };
    let refused = site.world.by_user("bob", |tx, user| workspace_view::get(tx, user, &by_id));
    assert_refused(refused, Code::NotFound, &format!("there is no workspace {id}"));
    let both = v1::GetWorkspaceRequest { workspace: "dev".to_owned(), workspace_id: id };
    assert!(site.world.by_user("alice", |tx, user| workspace_view::get(tx, user, &both)).is_err());
    let neither = v1::GetWorkspaceRequest::default();
    assert!(site.world.by_user("alice", |tx, user| workspace_view::get(tx, user, &neither)).is_err());

    let names = |by: &str, owner: &str| {
        let request = v1::ListWorkspacesRequest { owner: owner.to_owned() };
        let listed = site.world.by_user(by, |tx, user| list(tx, user, &request))?;
        Ok::<_, CallError>(listed.workspaces.into_iter().map(|workspace| workspace.name).collect::<Vec<_>>())
    };
    assert_eq!(names("alice", "").expect("one's own"), ["ante", "dev"]);
    assert_eq!(names("alice", "alice").expect("one's own"), ["ante", "dev"]);
    assert_eq!(names("root", "alice").expect("an administrator"), ["ante", "dev"]);
    assert_eq!(names("root", "").expect("one's own"), [""; 0]);
    assert_refused(names("bob", "alice"), Code::NotFound, "there is no person \"alice\"");
    assert_refused(names("root", "nobody"), Code::NotFound, "there is no person \"nobody\"");
}

/// A workspace that was built ahead and one of alice's, in both of whose rows everything stands that makes the clock
/// act. The rows are written past the control plane, which would refuse to.
struct Ahead {
    site: Site,
    file: crate::support::world::DatabaseFile,
    ahead: WorkspaceId,
    alices: WorkspaceId,
}

impl Ahead {
    fn new(rows: &str) -> Self {
        let (world, file) = World::in_file();
        let job = world.running("ahead", "pool", "prov-1");
        world.complete("prov-1", &made(job, vec![agent("token-ahead")])).expect("it runs");
        let ahead = world.latest("ahead", "pool").workspace_id.parse().expect("an id");
        let job = world.running("alice", "dev", "prov-1");
        world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
        let alices = world.latest("alice", "dev").workspace_id.parse().expect("an id");
        file.connect().execute_batch(rows).expect("the tables are known");
        world.machine.jump(HOUR);
        Self { site: Site::of(world), file, ahead, alices }
    }
}

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
    let world = World::with_store(StoreConfig {
        connections: 10,
        latency_min: Duration::from_millis(1),
        latency_max: Duration::from_millis(9),
    });
    let store = world.store.clone();
    let mut world = world;
    let quick = Store::new(&world.host, world.database.clone(), StoreConfig::default());
    world.through(&quick, |world| {
        for name in ["a", "b", "c"] {
            let request = v1::CreateWorkspaceRequest { ttl_ms: Some(60_000), ..new_workspace(name, "plain") };
            let build = world.by_user("alice", |tx, user| workspace::create_workspace(tx, user, &request));
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
