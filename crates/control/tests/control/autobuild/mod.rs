//! The clock starts, stops, lays aside and deletes workspaces, and leaves alone what nobody has claimed.
//!
//! - `rules`: what it wants, as a pure decision. `lives`: what becomes of workspaces. `wishes`: what people can set and
//!   see. `unclaimed`: what was built ahead and is nobody's yet. `looks`: how is looked, and what can go wrong.

mod lives;
mod looks;
mod rules;
mod unclaimed;
mod wishes;

use std::{cell::RefCell, time::Duration};

use groundhog_control::{
    autobuild::Executor,
    operations::{agent::reports, clock, view, workspace_view},
    refusal::CallError,
    store::{Tx, templates},
};
use groundhog_wire::{id::WorkspaceId, v1};

use crate::support::{
    World,
    agents::{agent, made},
    machine::START_MS,
    world::{failure, new_workspace},
};

pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

/// The first full hour after the clock's start, which is 22:13:20 by UTC.
pub(super) const AT_23: &str = "0 23 * * *";
pub(super) const UNTIL_23: Duration = Duration::from_secs(46 * 60 + 40);

pub(super) fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).expect("short")
}

pub(super) struct Site {
    pub(super) world: World,
    pub(super) executor: RefCell<Executor>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::of(World::new())
    }

    pub(super) fn of(world: World) -> Self {
        let executor = RefCell::new(Executor::new(world.store.clone()));
        Self { world, executor }
    }

    /// What was done in one look, as events tell it.
    pub(super) fn look(&self) -> Vec<String> {
        self.world.record.take();
        let done = self.world.machine.block_on(self.executor.borrow_mut().look());
        let told = self.world.record.take();
        let told: Vec<_> =
            told.into_iter().filter(|line| line.starts_with("autobuild") || is_about_dormancy(line)).collect();
        assert!(done.is_ok(), "{done:?}");
        told
    }

    pub(super) fn jump(&self, duration: Duration) {
        self.world.machine.jump(duration);
    }

    /// Makes a workspace of alice's as `change` wants it, and carries its first build out.
    pub(super) fn workspace(&self, name: &str, change: impl FnOnce(&mut v1::CreateWorkspaceRequest)) -> v1::Workspace {
        let mut request = new_workspace(name, "plain");
        change(&mut request);
        self.world.create_with("alice", &request).expect("it is sound");
        self.carry_out(true);
        self.see(name)
    }

    /// Has a daemon carry out the build that waits.
    pub(super) fn carry_out(&self, well: bool) -> v1::Transition {
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

    pub(super) fn see(&self, name: &str) -> v1::Workspace {
        let request = v1::GetWorkspaceRequest { workspace: name.to_owned(), ..v1::GetWorkspaceRequest::default() };
        self.world.by_user("alice", |tx, user| workspace_view::get(tx, user, &request)).expect("it is alice's")
    }

    pub(super) fn see_by_id(&self, workspace_id: &str) -> v1::Workspace {
        let request = v1::GetWorkspaceRequest { workspace_id: workspace_id.to_owned(), ..Default::default() };
        self.world.by_user("root", |tx, user| workspace_view::get(tx, user, &request)).expect("it is there")
    }

    /// A build of alice's.
    pub(super) fn build(&self, id: &str) -> v1::Build {
        let id = id.parse().expect("an id");
        self.world.by_user("alice", |tx, user| view::build(tx, &view::by_id(tx, user, id)?)).expect("it is alice's")
    }

    pub(super) fn lifetimes(&self, dormant_after: Duration, deleted_after: Duration) {
        let (dormant_after_ms, deleted_after_ms) = (ms(dormant_after), ms(deleted_after));
        let lifetimes = templates::Lifetimes { default_ttl_ms: 0, dormant_after_ms, deleted_after_ms };
        let set = |tx: &Tx<'_>| {
            let plain = templates::by_name(tx, "plain")?.expect("it is set up");
            Ok(templates::set_lifetimes(tx, plain, lifetimes)?)
        };
        self.world.tx(set).expect("the database works");
    }

    pub(super) fn set_dormancy(&self, id: &str, dormant: bool) -> v1::Workspace {
        let request = v1::SetDormancyRequest { workspace_id: id.to_owned(), dormant };
        self.world.by_user("alice", |tx, user| clock::set_dormancy(tx, user, &request)).expect("it is alice's")
    }

    pub(super) fn set_ttl(&self, id: &str, ttl_ms: i64) -> Result<v1::Workspace, CallError> {
        let request = v1::SetTtlRequest { workspace_id: id.to_owned(), ttl_ms };
        self.world.by_user("alice", |tx, user| clock::set_ttl(tx, user, &request))
    }

    pub(super) fn set_autostart(&self, id: &str, autostart: &str) -> Result<v1::Workspace, CallError> {
        let request = v1::SetAutostartRequest { workspace_id: id.to_owned(), autostart: autostart.to_owned() };
        self.world.by_user("alice", |tx, user| clock::set_autostart(tx, user, &request))
    }

    pub(super) fn extend(&self, id: &str, deadline_at_ms: i64) -> Result<v1::Workspace, CallError> {
        let request = v1::ExtendDeadlineRequest { workspace_id: id.to_owned(), deadline_at_ms };
        self.world.by_user("alice", |tx, user| clock::extend_deadline(tx, user, &request))
    }

    pub(super) fn stop(&self, name: &str) {
        self.world.build("alice", name, v1::Transition::Stop).expect("no other build is active");
        self.carry_out(true);
    }

    /// Its agent reports that somebody was connected, or that nobody was.
    pub(super) fn report(&self, connections: u64) {
        self.report_by("token-1", connections);
    }

    pub(super) fn report_by(&self, token: &str, connections: u64) {
        let session = self.world.session(token).expect("it is known");
        let stats = v1::AgentStats { connection_count: connections, ..v1::AgentStats::default() };
        self.world.by_agent(&session, |tx, agent| reports::stats(tx, agent, &stats)).expect("it is let in");
    }
}

pub(super) fn is_about_dormancy(line: &str) -> bool {
    line.starts_with("workspace.dormant") || line.starts_with("workspace.taken_up")
}

pub(super) fn latest(workspace: &v1::Workspace) -> &v1::Build {
    workspace.latest_build.as_ref().expect("it has one")
}

pub(super) fn deadline(workspace: &v1::Workspace) -> Option<i64> {
    latest(workspace).deadline_at_ms.map(|at| at - START_MS)
}

pub(super) fn nothing() -> Vec<String> {
    Vec::new()
}

/// A workspace that was built ahead and one of alice's, in both of whose rows everything stands that makes the clock
/// act. The rows are written past the control plane, which would refuse to.
pub(super) struct Ahead {
    pub(super) site: Site,
    pub(super) file: crate::support::world::DatabaseFile,
    pub(super) ahead: WorkspaceId,
    pub(super) alices: WorkspaceId,
}

impl Ahead {
    pub(super) fn new(rows: &str) -> Self {
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
