//! Templates change and end, and whoever looks after them sees to what was built ahead.

use std::time::Duration;

use groundhog_control::{
    job_status::JobStatus,
    operations::{administration, notify, template, workspace},
    refusal::CallError,
    transition::Transition,
};
use groundhog_wire::{id::WorkspaceId, v1};
use tonic::Code;

use crate::support::{
    World,
    agents::{agent, made},
    pools::{Site, preset},
    world::{assert_refused, job_id, new_version, new_workspace, version_of, want},
};

fn update(world: &World, request: &v1::UpdateTemplateRequest) -> Result<v1::Template, CallError> {
    world.by_user("tess", |tx, _| template::update(tx, request))
}

fn deprecate(world: &World, name: &str, message: &str) -> Result<v1::Template, CallError> {
    let request = v1::DeprecateTemplateRequest { template: name.to_owned(), message: message.to_owned() };
    world.by_user("tess", |tx, _| template::deprecate(tx, &request))
}

fn delete(world: &World, name: &str) -> Result<v1::DeleteTemplateResponse, CallError> {
    let request = v1::DeleteTemplateRequest { template: name.to_owned() };
    world.by_user("tess", |tx, _| template::delete(tx, &request))
}

fn invalidate(world: &World, name: &str) -> Result<v1::InvalidatePrebuildsResponse, CallError> {
    let request = v1::InvalidatePrebuildsRequest { template: name.to_owned() };
    world.by_user("tess", |tx, user| template::invalidate(tx, user, &request))
}

fn presets(world: &World, template: &str, version: &str) -> Vec<v1::PresetView> {
    let request = v1::ListPresetsRequest { version: version_of(template, version) };
    world.by_user("alice", |tx, user| template::presets(tx, user, &request)).expect("she is a member").presets
}

fn notifications(world: &World, user: &str, after_id: u64) -> Vec<v1::Notification> {
    let request = v1::ListNotificationsRequest { after_id, limit: 0 };
    world.by_user(user, |tx, user| notify::list(tx, user, &request)).expect("works").notifications
}

#[test]
fn how_long_its_workspaces_live_is_changed_within_bounds() {
    let world = World::new();
    let asked = v1::UpdateTemplateRequest {
        template: "plain".to_owned(),
        default_ttl_ms: Some(3_600_000),
        dormant_after_ms: Some(86_400_000),
        deleted_after_ms: None,
    };
    let shown = update(&world, &asked).expect("within bounds");
    assert_eq!((shown.organization.as_str(), shown.name.as_str()), ("default", "plain"));
    assert_eq!((shown.default_ttl_ms, shown.dormant_after_ms, shown.deleted_after_ms), (3_600_000, 86_400_000, 0));
    let later =
        v1::UpdateTemplateRequest { template: "plain".to_owned(), deleted_after_ms: Some(1), ..Default::default() };
    let shown = update(&world, &later).expect("within bounds");
    assert_eq!((shown.default_ttl_ms, shown.dormant_after_ms, shown.deleted_after_ms), (3_600_000, 86_400_000, 1));
    for odd in [-1, template::LIFETIME_MS_MAX + 1] {
        let asked = v1::UpdateTemplateRequest { dormant_after_ms: Some(odd), ..later.clone() };
        let text = format!("dormant_after_ms = {odd}: expected 0 (never) to 315360000000 (ten years)");
        assert_refused(update(&world, &asked), Code::InvalidArgument, &text);
    }
    let ttl = v1::UpdateTemplateRequest { default_ttl_ms: Some(59_999), ..later.clone() };
    assert!(matches!(update(&world, &ttl), Err(CallError::Refused(_))), "less than a minute");
    let unknown = v1::UpdateTemplateRequest { template: "none".to_owned(), ..later };
    assert_refused(update(&world, &unknown), Code::NotFound, "Template \"none\" doesn't exist.");
}

#[test]
fn nothing_new_is_made_of_a_deprecated_template_and_what_there_is_goes_on() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    world.complete("prov-1", &made(job, vec![])).expect("it runs");
    world.record.take();
    assert_eq!(deprecate(&world, "plain", "use gpu").expect("she may").deprecated, "use gpu");
    assert_eq!(world.record.take(), ["template.deprecated template=plain message=use gpu"]);
    let text = "Template \"plain\" is deprecated: use gpu";
    assert_refused(world.create("alice", "new", "plain"), Code::FailedPrecondition, text);
    world.build("alice", "dev", v1::Transition::Start).expect("it goes on");
    deprecate(&world, "plain", "use gpu").expect("once more");
    assert!(!world.record.take().iter().any(|line| line.starts_with("template.")), "it was so before");
    assert_eq!(deprecate(&world, "plain", "").expect("she may").deprecated, "");
    assert_eq!(world.record.take(), ["template.restored template=plain"]);
    world.create("alice", "new", "plain").expect("it may be");
    let long = "x".repeat(template::MESSAGE_BYTES_MAX + 1);
    let text = "the message has 1025 bytes, and at most 1024 fit";
    assert_refused(deprecate(&world, "plain", &long), Code::InvalidArgument, text);
}

/// Public issue 19495: workspaces that were built ahead are no reason to keep a template, people's are.
#[test]
fn a_template_goes_once_people_have_no_workspaces_of_it() {
    let refused = "All workspaces must be deleted before a template can be removed.";
    for (about, prebuilt, persons) in [("nothing", 0, false), ("only prebuilds", 2, false), ("both", 2, true)] {
        let site = Site::new();
        site.publish("pool", "v1", vec![preset("one", prebuilt)], true);
        site.settle();
        if persons {
            let request = v1::CreateWorkspaceRequest { preset: "one".to_owned(), ..new_workspace("mine", "pool") };
            site.world.create_with("alice", &request).expect("it is given");
            site.work(|_| false);
            assert_refused(delete(&site.world, "pool"), Code::FailedPrecondition, refused);
            site.world.build("alice", "mine", v1::Transition::Destroy).expect("none is active");
            assert_refused(delete(&site.world, "pool"), Code::FailedPrecondition, refused);
            site.work(|_| false);
        }
        site.world.record.take();
        delete(&site.world, "pool").unwrap_or_else(|error| panic!("{about}: {error}"));
        assert_eq!(site.world.record.take(), ["template.deleted template=pool"], "{about}");
        let nothing = "Template \"pool\" doesn't exist.";
        assert_refused(site.world.create("alice", "new", "pool"), Code::NotFound, nothing);
        assert_refused(delete(&site.world, "pool"), Code::NotFound, nothing);
        site.settle();
        assert!(site.unclaimed().is_empty(), "{about}: they go with it");
        // Its name is free, and another template of it has nothing of this one.
        site.publish("pool", "v1", vec![], false);
        assert!(site.world.version("pool", "").active);
        site.world.create("alice", "new", "pool").expect("it may be");
    }
}

#[test]
fn the_presets_of_the_active_version_are_invalidated_and_no_others() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1), preset("two", 0)], true);
    site.publish("pool", "v2", vec![preset("two", 1), preset("one", 1)], true);
    site.settle();
    let before = site.unclaimed();
    assert_eq!(before.len(), 2);
    site.world.record.take();
    assert_eq!(invalidate(&site.world, "pool").expect("she may").presets, ["two", "one"], "as they are declared");
    assert_eq!(site.world.record.take(), ["prebuilds.invalidated template=pool presets=2 by=tess"]);
    let now = site.world.tx(|tx| Ok(tx.now_ms())).expect("works");
    assert!(presets(&site.world, "pool", "").iter().all(|preset| preset.last_invalidated_at_ms == Some(now)));
    assert!(presets(&site.world, "pool", "v1").iter().all(|preset| preset.last_invalidated_at_ms.is_none()));
    site.settle();
    let after = site.unclaimed();
    assert_eq!(after.len(), 2);
    assert!(after.iter().all(|one| before.iter().all(|old| old.id != one.id)), "they are made anew");
}

#[test]
fn of_a_version_without_presets_nothing_is_invalidated() {
    let world = World::new();
    assert!(invalidate(&world, "plain").expect("she may").presets.is_empty());
    assert!(presets(&world, "plain", "v1").is_empty());
    assert_refused(invalidate(&world, "none"), Code::NotFound, "Template \"none\" doesn't exist.");
}

#[test]
fn presets_are_listed_as_they_are_declared_with_where_they_stand() {
    let site = Site::new();
    let bad = v1::Preset {
        parameters: vec![v1::ParameterValue { name: "unknown".to_owned(), value: "1".to_owned() }],
        ..preset("bad", 1)
    };
    site.publish("pool", "v1", vec![preset("z", 1), preset("a", 0), bad], true);
    site.reconcile();
    let listed: Vec<_> = presets(&site.world, "pool", "")
        .into_iter()
        .map(|view| (view.status(), view.preset.expect("it is declared").name))
        .collect();
    let (healthy, invalid) = (v1::PresetStatus::Healthy, v1::PresetStatus::ValidationFailed);
    assert_eq!(listed, [(healthy, "z".to_owned()), (healthy, "a".to_owned()), (invalid, "bad".to_owned())]);
}

/// A build's success that reports so many replaced resources.
fn replacing(build: &v1::Build, count: usize) -> v1::CompleteJobRequest {
    let mut request = made(job_id(build), vec![agent(&format!("{}-2", build.workspace_id))]);
    let replaced = |at: usize| v1::ResourceReplacement {
        resource: format!("disk-{at}"),
        paths: vec!["env".to_owned(), format!("size.{at}")],
    };
    if let Some(v1::complete_job_request::Kind::WorkspaceBuild(done)) = &mut request.kind {
        done.replacements = (0..count).map(replaced).collect();
    }
    request
}

#[test]
fn who_looks_after_templates_is_told_once_of_resources_that_a_claim_replaced() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 2)], true);
    site.settle();
    let request = |name: &str| v1::CreateWorkspaceRequest { preset: "one".to_owned(), ..new_workspace(name, "pool") };
    let claimed = site.world.create_with("alice", &request("mine")).expect("it is given");
    assert_eq!(site.world.acquire("prov-1").expect("it waits").job, job_id(&claimed));
    site.world.record.take();
    let done = replacing(&claimed, 2);
    site.world.complete("prov-1", &done).expect("it runs");
    site.world.complete("prov-1", &done).expect("said twice it is answered alike");
    let told = site.world.record.take();
    let about: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("resources.") || line.starts_with("notification."))
        .map(String::as_str)
        .collect();
    assert_eq!(
        about,
        [
            "resources.replaced ws=ws preset=pool/one count=2",
            "notification.sent to=late kind=workspace_resource_replaced about=pool/one",
            "notification.sent to=root kind=workspace_resource_replaced about=pool/one",
            "notification.sent to=tess kind=workspace_resource_replaced about=pool/one",
        ]
    );
    let listed = notifications(&site.world, "tess", 0);
    assert_eq!(listed.len(), 1);
    let labels = [
        ("claimant", "alice"),
        ("organization", "default"),
        ("preset", "one"),
        ("template", "pool"),
        ("template_version", "v1"),
        ("workspace", "mine"),
        ("workspace_build_num", "2"),
    ];
    assert_eq!(listed[0].labels, crate::support::world::map(&labels));
    assert_eq!(listed[0].data, crate::support::world::map(&[("disk-0", "env,size.0"), ("disk-1", "env,size.1")]));
    assert!(notifications(&site.world, "tess", listed[0].id).is_empty());
    assert!(notifications(&site.world, "alice", 0).is_empty());

    // Nothing of a claim that replaces nothing, of a later build, of a workspace that was not built ahead.
    let none = site.world.create_with("bob", &request("mine")).expect("it is given");
    site.world.acquire("prov-1").expect("it waits");
    site.world.complete("prov-1", &replacing(&none, 0)).expect("it runs");
    let again = site.world.build("alice", "mine", v1::Transition::Start).expect("none is active");
    site.world.acquire("prov-1").expect("it waits");
    site.world.complete("prov-1", &replacing(&again, 1)).expect("it runs");
    let own = site.world.create_with("alice", &request("new")).expect("a new one");
    assert_eq!(own.number, 1);
    site.world.acquire("prov-1").expect("it waits");
    site.world.complete("prov-1", &replacing(&own, 1)).expect("it runs");
    assert_eq!(notifications(&site.world, "tess", 0).len(), 1);
}

#[test]
fn building_ahead_is_paused_and_goes_on() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 2)], true);
    let set = |paused| {
        let request = v1::PrebuildsSettings { paused };
        let answer = site.world.by_user("root", |tx, root| administration::set_prebuilds_settings(tx, root, request));
        assert_eq!(answer.expect("an administrator"), request);
        let read = site.world.by_user("root", |tx, _| administration::prebuilds_settings(tx));
        assert_eq!(read.expect("an administrator"), request);
        site.world.record.take()
    };
    site.world.record.take();
    assert_eq!(set(true), ["prebuilds.paused by=root"]);
    assert_eq!(set(true), [""; 0], "it was so before");
    site.reconcile();
    assert!(site.unclaimed().is_empty());
    assert_eq!(set(false).last().map(String::as_str), Some("prebuilds.resumed by=root"));
    site.reconcile();
    assert_eq!(site.unclaimed().len(), 2);
}

#[test]
fn accounts_that_are_no_people_are_listed_only_if_they_are_asked_for() {
    let site = Site::new();
    let list = |organization: &str, include_system| {
        let request = v1::ListUsersRequest { organization: organization.to_owned(), include_system };
        let listed = site.world.by_user("root", |tx, _| administration::list_users(tx, &request))?;
        Ok::<_, CallError>(listed.users.into_iter().map(|user| (user.name, user.role)).collect::<Vec<_>>())
    };
    let named = |names: &[(&str, &str)]| -> Vec<(String, String)> {
        names.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect()
    };
    let people =
        [("alice", "member"), ("bob", "member"), ("late", "admin"), ("root", "admin"), ("tess", "template_admin")];
    assert_eq!(list("", false).expect("works"), named(&people));
    let all = [
        ("ahead", "prebuilds"),
        ("alice", "member"),
        ("bob", "member"),
        ("late", "admin"),
        ("prebuilds", "prebuilds"),
        ("root", "admin"),
        ("tess", "template_admin"),
    ];
    assert_eq!(list("", true).expect("works"), named(&all));
    assert_eq!(list("default", false).expect("works"), named(&people));
    assert_eq!(list("default", true).expect("works"), named(&people), "the account is a member where it is needed");
    site.publish("pool", "v1", vec![preset("one", 0)], true);
    site.reconcile();
    assert_eq!(list("default", true).expect("works").len(), people.len() + 1);
    assert_eq!(list("default", false).expect("works"), named(&people), "and hidden there too");
    assert_refused(list("none", false), Code::NotFound, "There is no organization \"none\".");
}

#[test]
fn a_template_belongs_to_the_organization_of_its_first_version() {
    let site = Site::new();
    site.organization("second", false);
    let request = |version: &str, organization: &str| v1::CreateVersionRequest {
        organization: organization.to_owned(),
        ..new_version("new", version)
    };
    site.world.create_version("root", &request("v1", "second")).expect("she may");
    site.world.create_version("tess", &request("v2", "second")).expect("it is the same");
    site.world.create_version("tess", &request("v3", "")).expect("whichever it is");
    let other = site.world.create_version("tess", &request("v4", "default"));
    let text = "The template \"new\" belongs to the organization \"second\".";
    assert_refused(other, Code::FailedPrecondition, text);
    let none = v1::CreateVersionRequest { organization: "none".to_owned(), ..new_version("newer", "v1") };
    let text = "There is no organization \"none\".";
    assert_refused(site.world.create_version("tess", &none), Code::NotFound, text);
}

fn orphan(world: &World, user: &str, workspace: WorkspaceId, transition: Transition) -> Result<v1::Build, CallError> {
    let request = v1::CreateBuildRequest {
        workspace_id: workspace.to_string(),
        transition: transition.to_wire().into(),
        orphan: true,
        ..v1::CreateBuildRequest::default()
    };
    world.by_user(user, |tx, user| workspace::create_build(tx, user, &request, &world.config.daemons))
}

/// A workspace that was built ahead and runs; its daemon was heard of just now.
fn unclaimed() -> (Site, WorkspaceId) {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.settle();
    site.world.acquire("prov-1");
    let workspace = site.unclaimed()[0].id;
    (site, workspace)
}

#[test]
fn what_a_workspace_has_is_left_behind_by_a_daemon_that_is_there() {
    let (site, workspace) = unclaimed();
    let build = orphan(&site.world, "tess", workspace, Transition::Destroy).expect("she may");
    assert_eq!(build.status(), v1::JobStatus::Pending);
    let acquired = site.world.acquire("prov-1").expect("it waits");
    match acquired.message.kind {
        Some(v1::job::Kind::WorkspaceBuild(build)) => assert!(build.state.is_empty(), "it finds nothing to destroy"),
        other => panic!("expected a build, got {other:?}"),
    }
    site.fail(acquired.job);
    // What it has is not forgotten: an ordinary destroy finds it.
    site.rebuild(workspace, Transition::Destroy);
    match site.world.acquire("prov-1").expect("it waits").message.kind {
        Some(v1::job::Kind::WorkspaceBuild(build)) => assert_eq!(build.state, b"state"),
        other => panic!("expected a build, got {other:?}"),
    }
}

#[test]
fn with_no_daemon_for_it_the_workspace_is_gone_at_once() {
    type Change = (&'static str, fn(&World), bool);
    let changes: [Change; 5] = [
        ("heard of just now", |_| {}, true),
        ("heard of as long ago as counts", |world| world.machine.jump(world.config.daemons.stale_after), true),
        (
            "heard of too long ago",
            |world| world.machine.jump(world.config.daemons.stale_after + Duration::from_millis(1)),
            false,
        ),
        ("its key was taken back", |world| world.delete_key("shared"), false),
        (
            "it is for others",
            |world| {
                world.acquire_with("prov-1", &want(&[("scope", "user"), ("owner", "alice")]));
            },
            false,
        ),
    ];
    for (about, change, is_there) in changes {
        let (site, workspace) = unclaimed();
        // The daemon that imported the version is another one, and has not been heard of for longer.
        site.world.machine.jump(2 * site.world.config.daemons.stale_after);
        site.world.acquire("prov-1");
        change(&site.world);
        site.world.record.take();
        let build = orphan(&site.world, "root", workspace, Transition::Destroy).expect("he may");
        let status = if is_there { v1::JobStatus::Pending } else { v1::JobStatus::Succeeded };
        assert_eq!((build.status(), site.is_deleted(workspace)), (status, !is_there), "{about}");
        let told = site.world.record.take().contains(&"job.completed job=job by=control status=succeeded".to_owned());
        assert_eq!(told, !is_there, "{about}");
    }
}

#[test]
fn who_may_delete_what_nobody_has_claimed_and_leave_behind_what_it_has() {
    let (site, workspace) = unclaimed();
    let world = &site.world;
    let nothing = format!("there is no workspace {workspace}");
    assert_refused(orphan(world, "alice", workspace, Transition::Destroy), Code::NotFound, &nothing);
    let text = "only a destroy leaves behind what a workspace has";
    assert_refused(orphan(world, "tess", workspace, Transition::Stop), Code::InvalidArgument, text);
    let plain = |user: &str, transition: Transition| {
        let request = v1::CreateBuildRequest {
            workspace_id: workspace.to_string(),
            transition: transition.to_wire().into(),
            ..v1::CreateBuildRequest::default()
        };
        world.by_user(user, |tx, user| workspace::create_build(tx, user, &request, &world.config.daemons))
    };
    let text = "nobody has claimed the workspace: until then it can only be deleted, or started and stopped by \
                administrators";
    assert_refused(plain("tess", Transition::Stop), Code::PermissionDenied, text);
    assert_refused(plain("bob", Transition::Destroy), Code::NotFound, &nothing);
    plain("root", Transition::Stop).expect("an administrator may");
    site.bring(workspace, JobStatus::Succeeded);
    let build = plain("tess", Transition::Destroy).expect("she looks after it");
    assert_eq!((build.initiator.as_str(), build.transition()), ("tess", v1::Transition::Destroy));
    site.bring(workspace, JobStatus::Succeeded);
    assert!(site.is_deleted(workspace));

    // A member leaves nothing behind, not even of their own.
    let job = world.running("alice", "dev", "prov-2");
    world.complete("prov-2", &made(job, vec![])).expect("it runs");
    let own = world.latest("alice", "dev").workspace_id.parse().expect("an id");
    let text = "only who looks after templates may leave behind what a workspace has: leave \"orphan\" out";
    assert_refused(orphan(world, "alice", own, Transition::Destroy), Code::PermissionDenied, text);
    assert_refused(
        orphan(world, "tess", own, Transition::Destroy),
        Code::NotFound,
        &format!("there is no workspace {own}"),
    );
}
