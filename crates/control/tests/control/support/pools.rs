//! A world in which workspaces are built ahead: versions with presets, cycles, and daemons that do as they are told.

use std::{cell::RefCell, time::Duration};

use groundhog_control::{
    PrebuildsConfig, Store,
    job_status::JobStatus,
    metrics::Metrics,
    operations::{agent::life, claim, prebuild, version, workspace},
    prebuilds::{Reconciler, Stats},
    refusal::CallError,
    store::{
        Tx,
        builds::{self, Build},
        daemons::Worker,
        jobs, organizations, pools, presets, settings, templates,
        users::{self, PREBUILDS, User},
        workspaces,
    },
    transition::Transition,
};
use groundhog_wire::{
    id::{JobId, OrganizationId, PresetId, VersionId, WorkspaceId},
    v1,
};
use tokio_util::sync::CancellationToken;

use super::{
    World,
    agents::{agent, made},
    world::{failure, imported, new_version, success, version_of, want},
};

/// A world with a reconciler.
pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) config: PrebuildsConfig,
    reconciler: RefCell<Reconciler>,
}

/// A preset "NAME" for which so many are built ahead.
pub(crate) fn preset(name: &str, instances: i32) -> v1::Preset {
    let prebuild = v1::Prebuild { instances, ..v1::Prebuild::default() };
    v1::Preset { name: name.to_owned(), prebuild: Some(prebuild), ..v1::Preset::default() }
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::over(World::new(), PrebuildsConfig::default())
    }

    pub(crate) fn over(world: World, config: PrebuildsConfig) -> Self {
        let reconciler = RefCell::new(reconciler(&world, &world.store, config, &world.metrics));
        Self { world, config, reconciler }
    }

    /// Another replica's reconciler.
    pub(crate) fn another(&self) -> Reconciler {
        let store = Store::new(&self.world.host, self.world.database.clone(), Default::default());
        reconciler(&self.world, &store, self.config, &Metrics::default())
    }

    /// Publishes a version with these presets, by way of its import, and makes it the active one if `activate`.
    pub(crate) fn publish(&self, template: &str, name: &str, presets: Vec<v1::Preset>, activate: bool) {
        let found = v1::CompletedTemplateImport { presets, ..v1::CompletedTemplateImport::default() };
        self.publish_with(template, name, found, activate);
    }

    pub(crate) fn publish_with(&self, template: &str, name: &str, found: v1::CompletedTemplateImport, activate: bool) {
        self.import(&v1::CreateVersionRequest { activate, ..new_version(template, name) }, found);
    }

    fn import(&self, request: &v1::CreateVersionRequest, found: v1::CompletedTemplateImport) {
        let version = self.world.create_version("root", request).expect("it may");
        let job = version.import.expect("it is imported").job_id.parse().expect("an id");
        self.take(job);
        self.world.complete("prov-1", &imported(job, found)).expect("it runs");
    }

    pub(crate) fn activate(&self, template: &str, name: &str) {
        let request = v1::ActivateVersionRequest { version: version_of(template, name) };
        self.world.by_user("root", |tx, root| version::activate(tx, root, &request)).expect("it is usable");
    }

    pub(crate) fn preset(&self, template: &str, version: &str, name: &str) -> presets::Preset {
        let version = self.world.version(template, version).version_id.parse().expect("an id");
        let presets = self.world.tx(|tx| Ok(presets::of_version(tx, version)?)).expect("works");
        presets.into_iter().find(|preset| preset.declared.name == name).expect("it is declared")
    }

    pub(crate) fn reconcile(&self) -> Stats {
        self.world.machine.block_on(self.reconciler.borrow_mut().reconcile_all(&CancellationToken::new()))
    }

    /// The live workspaces that nobody has claimed, by their age.
    pub(crate) fn unclaimed(&self) -> Vec<pools::Unclaimed> {
        let mut all = self.world.tx(|tx| Ok(pools::unclaimed(tx, PREBUILDS)?)).expect("works");
        all.sort_by_key(|one| (one.created_at, one.id));
        all
    }

    pub(crate) fn running(&self, preset: PresetId) -> usize {
        let runs = |one: &&pools::Unclaimed| {
            one.preset == preset && one.transition == Transition::Start && one.status == JobStatus::Succeeded
        };
        self.unclaimed().iter().filter(runs).count()
    }

    pub(crate) fn latest(&self, workspace: WorkspaceId) -> Build {
        self.world.tx(|tx| Ok(builds::latest(tx, workspace)?)).expect("works").expect("it has one")
    }

    pub(crate) fn is_deleted(&self, workspace: WorkspaceId) -> bool {
        self.world.tx(|tx| Ok(workspaces::live_owner(tx, workspace)?)).expect("works").is_none()
    }

    /// Queues a first build for a preset, whether or not its version is the active one.
    pub(crate) fn build_ahead(&self, preset: PresetId, template: &str) -> WorkspaceId {
        let active = self.world.version(template, "").name;
        let owner = self.world.tx(|tx| Ok(presets::by_id(tx, preset)?)).expect("works").expect("there").version;
        self.set_active(template, owner);
        let created = self.world.tx(|tx| prebuild::create(tx, preset)).expect("it may");
        self.activate(template, &active);
        match created {
            prebuild::Created::Queued(workspace) => workspace,
            prebuild::Created::Skipped(why) => panic!("{why}"),
        }
    }

    pub(crate) fn delete_template(&self, template: &str) {
        let delete = |tx: &Tx<'_>| {
            let id = templates::by_name(tx, template)?.expect("it is there");
            Ok(templates::mark_deleted(tx, id)?)
        };
        self.world.tx(delete).expect("works");
    }

    /// Says why nothing new is to be made of a template; empty takes it back.
    pub(crate) fn deprecate(&self, template: &str, why: &str) {
        let deprecate = |tx: &Tx<'_>| {
            let id = templates::by_name(tx, template)?.expect("it is there");
            Ok(templates::set_deprecated(tx, id, why)?)
        };
        self.world.tx(deprecate).expect("works");
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.world.tx(|tx| Ok(settings::set_paused(tx, paused)?)).expect("works");
    }

    pub(crate) fn organization(&self, name: &str, closed: bool) -> OrganizationId {
        let insert = |tx: &Tx<'_>| {
            let id = OrganizationId(tx.new_id("organization"));
            organizations::insert(tx, &organizations::Organization { id, name: name.to_owned(), closed })?;
            let root = users::by_name(tx, "root")?.expect("an administrator").id;
            organizations::insert_member(tx, id, root)?;
            Ok(id)
        };
        self.world.tx(insert).expect("the name is free")
    }

    /// The first version of a template of an organisation.
    pub(crate) fn publish_in(&self, organization: &str, template: &str, name: &str, presets: Vec<v1::Preset>) {
        let organization = organization.to_owned();
        let request = v1::CreateVersionRequest { organization, ..new_version(template, name) };
        self.import(&request, v1::CompletedTemplateImport { presets, ..v1::CompletedTemplateImport::default() });
    }

    fn set_active(&self, template: &str, version: VersionId) {
        let set = |tx: &Tx<'_>| {
            let found = templates::version(tx, version)?.expect("it is there");
            Ok(templates::set_active(tx, found.template_id, version)?)
        };
        self.world.tx(set).unwrap_or_else(|error| panic!("{template}: {error}"));
    }

    /// Queues a further build of an unclaimed workspace, as the account that builds ahead.
    pub(crate) fn rebuild(&self, workspace: WorkspaceId, transition: Transition) {
        let queue = |tx: &Tx<'_>| {
            let latest = builds::latest(tx, workspace)?.expect("it has one");
            let version = templates::version(tx, latest.version)?.expect("it is there");
            let account = User::prebuilds();
            let place = workspace::Place::after(&latest, transition);
            workspace::queue(tx, &account, &account.name, &version, place, latest.asked)
        };
        self.world.tx(queue).expect("it may be built");
    }

    /// Brings the latest build of a workspace to a status.
    pub(crate) fn bring(&self, workspace: WorkspaceId, status: JobStatus) {
        let job = self.latest(workspace).job;
        if status == JobStatus::Pending {
            return;
        }
        self.take(job);
        match status {
            JobStatus::Pending | JobStatus::Running => {}
            JobStatus::Succeeded => self.succeed(job),
            JobStatus::Failed => self.fail(job),
            JobStatus::Canceling => self.cancel(job),
            JobStatus::Canceled => {
                self.cancel(job);
                self.succeed(job);
            }
        }
    }

    pub(crate) fn cancel(&self, job: JobId) {
        self.world.tx(|tx| Ok(jobs::cancel(tx, job)?)).expect("it runs");
    }

    /// Has "prov-1" take this very job.
    pub(crate) fn take(&self, job: JobId) {
        let lock = |tx: &Tx<'_>, worker: &Worker| Ok(jobs::lock(tx, job, worker.id)?);
        assert!(self.world.by_daemon("prov-1", lock).expect("works"), "it waits");
    }

    /// A job that "prov-1" has ends well. A start makes an agent, which is not ready.
    pub(crate) fn succeed(&self, job: JobId) {
        let build = self.world.tx(|tx| Ok(builds::by_job(tx, job)?)).expect("works").expect("a build");
        let request = match build.transition {
            Transition::Start => made(job, vec![agent(&token(build.workspace))]),
            Transition::Stop | Transition::Destroy => success(job, b"state"),
        };
        self.world.complete("prov-1", &request).expect("it runs");
    }

    pub(crate) fn fail(&self, job: JobId) {
        self.world.fail("prov-1", &failure(job, "boom", None)).expect("it runs");
    }

    /// The workspace's agent says that it is ready.
    pub(crate) fn ready(&self, workspace: WorkspaceId) {
        let session = self.world.session(&token(workspace)).expect("it is known");
        let request = v1::UpdateLifecycleRequest { state: v1::AgentLifecycle::Ready.into(), changed_at_ms: 1 };
        let answer = self.world.by_agent(&session, |tx, agent| life::step(tx, agent, &request));
        answer.expect("it may be");
    }

    /// Takes and ends every job that waits: well, unless `fails` says otherwise. Agents become ready. How many there were.
    pub(crate) fn work(&self, mut fails: impl FnMut(&Build) -> bool) -> usize {
        let mut done = 0;
        while let Some(acquired) = self.world.acquire_with("prov-1", &want(&[])) {
            let job: JobId = acquired.job;
            let build = self.world.tx(|tx| Ok(builds::by_job(tx, job)?)).expect("works").expect("only builds wait");
            if fails(&build) {
                self.fail(job);
            } else {
                self.succeed(job);
                if build.transition == Transition::Start {
                    self.ready(build.workspace);
                }
            }
            done += 1;
        }
        done
    }

    /// Cycles and work until nothing is to be done any more; panics if that does not come.
    pub(crate) fn settle(&self) {
        for _ in 0..100 {
            let before = self.unclaimed();
            self.reconcile();
            self.work(|_| false);
            self.world.machine.jump(Duration::from_secs(60));
            if self.unclaimed() == before {
                return;
            }
        }
        panic!("the pools do not settle");
    }

    pub(crate) fn claim(&self, user: &str, workspace: WorkspaceId) -> Result<v1::Build, CallError> {
        let request = v1::ClaimWorkspaceRequest {
            workspace_id: workspace.to_string(),
            owner: user.to_owned(),
            name: String::new(),
        };
        self.world.by_user("root", |tx, root| claim::claim(tx, root, &request))
    }
}

fn token(workspace: WorkspaceId) -> String {
    format!("token-{workspace}")
}

fn reconciler(world: &World, store: &Store, config: PrebuildsConfig, metrics: &Metrics) -> Reconciler {
    Reconciler::new(&world.host, store.clone(), config, world.config.daemons.clone(), metrics.clone())
}
