//! Making workspaces and builds, and seeing one's own only.

use groundhog_control::operations::view;
use groundhog_wire::v1::{self, JobStatus, Transition, build_selector::Kind};
use tonic::Code;

use groundhog_control::{
    operations::workspace::create_build,
    refusal::CallError,
    store::{builds, jobs},
};
use groundhog_wire::id::{BuildId, JobId};

use crate::support::{
    World,
    agents::made,
    world::{assert_refused, by_name, failure, imported, map, new_build, new_version, success, want},
};

#[test]
fn a_workspace_starts_with_a_build() {
    let world = World::new();
    let build = world.create("alice", "dev", "plain").expect("free");
    assert_eq!(
        (build.number, build.transition(), build.status(), build.workspace_name.as_str()),
        (1, Transition::Start, JobStatus::Pending, "dev")
    );
    assert_eq!(
        world.record.take(),
        [
            "workspace.created ws=ws name=dev owner=alice",
            "build.queued build=build ws=ws number=1 transition=start job=job",
        ]
    );
}

#[test]
fn what_can_not_be_made_is_refused_and_leaves_nothing() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    world.record.take();
    let exists = "already exists.";
    assert_refused(
        world.create("alice", "dev", "plain"),
        Code::AlreadyExists,
        &format!("A workspace named \"dev\" {exists}"),
    );
    assert_refused(
        world.create("alice", "DEV", "plain"),
        Code::AlreadyExists,
        &format!("A workspace named \"DEV\" {exists}"),
    );
    assert_refused(world.create("alice", "x", "none"), Code::NotFound, "Template \"none\" doesn't exist.");
    let text = "\"a--b\" can't be a workspace's name: expected 1 to 32 letters, digits and single hyphens, beginning \
                and ending with a letter or a digit";
    assert_refused(world.create("alice", "a--b", "plain"), Code::InvalidArgument, text);
    assert_eq!(world.record.take(), [""; 0], "nothing happened, so nothing is told");
    world.create("bob", "dev", "plain").expect("names are an owner's own");
}

#[test]
fn builds_are_numbered_and_one_at_a_time() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let active = "A workspace build is already active.";
    assert_refused(world.build("alice", "dev", Transition::Stop), Code::FailedPrecondition, active);
    world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    let build = world.build("alice", "dev", Transition::Stop).expect("none is active");
    assert_eq!((build.number, build.transition()), (2, Transition::Stop));
    assert_refused(world.build("alice", "dev", Transition::Stop), Code::FailedPrecondition, active);
    let text = "expected a transition: start, stop or destroy";
    assert_refused(world.build("alice", "dev", Transition::Unspecified), Code::InvalidArgument, text);
}

#[test]
fn to_others_a_workspace_does_not_exist() {
    let world = World::new();
    let build = world.create("alice", "dev", "plain").expect("free");
    let by_id = Some(v1::BuildSelector { kind: Some(Kind::BuildId(build.build_id.clone())) });
    let none_of_id = format!("there is no build {}", build.build_id);
    let none_of_name = "there is no workspace \"dev\"";
    for (selector, text) in [(by_id, none_of_id.as_str()), (by_name("dev"), none_of_name)] {
        let select = |name| world.by_user(name, |tx, user| view::select(tx, user, selector.as_ref()));
        assert!(select("alice").is_ok());
        assert_refused(select("bob"), Code::NotFound, text);
        let request = v1::ListBuildLogsRequest { build: selector.clone(), after_id: 0, limit: 0 };
        let limits = &world.config.logs;
        assert_refused(world.by_user("bob", |tx, user| view::log(tx, user, &request, limits)), Code::NotFound, text);
    }
    assert_refused(world.build("bob", "dev", Transition::Stop), Code::NotFound, none_of_name);
    assert_refused(world.cancel("bob", "dev", JobStatus::Unspecified), Code::NotFound, none_of_name);
    assert_eq!(world.latest("alice", "dev").status(), JobStatus::Pending);
}

#[test]
fn a_selector_must_select() {
    let world = World::new();
    let text = "expected a build: its id, or its workspace's name";
    for selector in [None, Some(v1::BuildSelector { kind: None })] {
        let result = world.by_user("alice", |tx, user| view::select(tx, user, selector.as_ref()));
        assert_refused(result, Code::InvalidArgument, text);
    }
    let selector = v1::BuildSelector { kind: Some(Kind::BuildId("x".to_owned())) };
    let result = world.by_user("alice", |tx, user| view::select(tx, user, Some(&selector)));
    assert_refused(result, Code::InvalidArgument, "\"x\" is not a build id: expected a UUID");
}

/// Has a person ask for a build of the workspace with this id, after `change` of the request.
fn build_by_id(
    world: &World,
    user: &str,
    workspace_id: &str,
    change: impl FnOnce(&mut v1::CreateBuildRequest),
) -> Result<v1::Build, CallError> {
    let mut request = new_build("", Transition::Stop);
    workspace_id.clone_into(&mut request.workspace_id);
    change(&mut request);
    world.by_user(user, |tx, user| create_build(tx, user, &request, &world.config.daemons))
}

#[test]
fn a_workspace_is_built_by_its_id_for_its_owner_and_for_administrators() {
    let world = World::new();
    let tags = map(&[("scope", "user")]);
    let version = v1::CreateVersionRequest { activate: true, tags, ..new_version("plain", "v2") };
    world.create_version("root", &version).expect("an administrator may");
    let of_root = want(&[("scope", "user"), ("owner", "root")]);
    let job = world.acquire_with("importer", &of_root).expect("it waits").job;
    world.complete("importer", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
    let own = want(&[("scope", "user"), ("owner", "alice")]);
    world.create("alice", "dev", "plain").expect("the name is free");
    let job = world.acquire_with("prov-1", &own).expect("it waits").job;
    world.complete("prov-1", &made(job, vec![])).expect("it runs");
    let id = world.latest("alice", "dev").workspace_id;
    assert_refused(build_by_id(&world, "bob", &id, |_| {}), Code::NotFound, &format!("there is no workspace {id}"));
    let both = |request: &mut v1::CreateBuildRequest| "dev".clone_into(&mut request.workspace);
    let text = "expected a workspace's name or its id, and got both";
    assert_refused(build_by_id(&world, "alice", &id, both), Code::InvalidArgument, text);
    let text = "\"dev\" is not a ws id: expected a UUID";
    assert_refused(build_by_id(&world, "alice", "dev", |_| {}), Code::InvalidArgument, text);
    let build = build_by_id(&world, "alice", &id, |_| {}).expect("it is hers");
    assert_eq!((build.number, build.workspace_name.as_str()), (2, "dev"));
    let job = world.acquire_with("prov-1", &own).expect("it waits").job;
    world.complete("prov-1", &made(job, vec![])).expect("it runs");

    let build = build_by_id(&world, "root", &id, |_| {}).expect("an administrator may");
    assert_eq!((build.number, build.workspace_id.as_str()), (3, id.as_str()));
    // It is the owner's all the same: her daemons may carry it out, and root is who asked for it.
    let ids: (BuildId, JobId) = (build.build_id.parse().expect("an id"), build.job_id.parse().expect("an id"));
    let (stored, job, tags) = world
        .tx(|tx| Ok((builds::by_id(tx, ids.0)?, jobs::by_id(tx, ids.1)?, jobs::tags(tx, ids.1)?)))
        .expect("the database works");
    let root = world.by_user("root", |_, user| Ok(user.id)).expect("known");
    let alice = world.by_user("alice", |_, user| Ok(user.id)).expect("known");
    assert_eq!((stored.expect("it is there").owner, job.expect("it is there").initiator), (alice, root));
    assert!(tags.accepted_by(&own.tags));
    let job = world.acquire_with("prov-1", &own).expect("it waits").job;
    world.complete("prov-1", &success(job, b"")).expect("it runs");

    let destroy = |request: &mut v1::CreateBuildRequest| request.transition = Transition::Destroy.into();
    build_by_id(&world, "alice", &id, destroy).expect("it is hers");
    let job = world.acquire_with("prov-1", &own).expect("it waits").job;
    world.complete("prov-1", &success(job, b"")).expect("it runs");
    let text = format!("there is no workspace {id}");
    assert_refused(build_by_id(&world, "alice", &id, |_| {}), Code::NotFound, &text);
}

#[test]
fn a_build_that_is_to_come_after_another_comes_once() {
    let world = World::new();
    world.started("dev", vec![]);
    let id = world.latest("alice", "dev").workspace_id;
    let after = |number: u32| move |request: &mut v1::CreateBuildRequest| request.after_build = number;
    assert_eq!(build_by_id(&world, "alice", &id, after(1)).expect("build 1 is the latest").number, 2);
    // Sent again because the answer was lost: while the build is under way, and when it has ended.
    let text = "The workspace has a build 2, which is newer than build 1: look at it first.";
    assert_refused(build_by_id(&world, "alice", &id, after(1)), Code::Aborted, text);
    let job = world.acquire("prov-1").expect("it waits").job;
    world.complete("prov-1", &success(job, b"")).expect("it runs");
    assert_refused(build_by_id(&world, "alice", &id, after(1)), Code::Aborted, text);
    assert_eq!(build_by_id(&world, "alice", &id, after(2)).expect("nothing came between").number, 3);
    let active = "A workspace build is already active.";
    assert_refused(build_by_id(&world, "alice", &id, after(3)), Code::FailedPrecondition, active);
    assert_refused(build_by_id(&world, "alice", &id, after(0)), Code::FailedPrecondition, active);
}

#[test]
fn an_update_builds_the_active_version_and_any_other_build_the_one_before() {
    let world = World::new();
    world.started("dev", vec![]);
    let version_of = |build: &v1::Build| {
        let id: BuildId = build.build_id.parse().expect("an id");
        let names = world.tx(|tx| Ok(builds::names(tx, id)?)).expect("the database works");
        names.expect("it is there").version
    };
    world.import(&v1::CreateVersionRequest { activate: true, ..new_version("plain", "v2") });
    let run = |update: bool| {
        let request = v1::CreateBuildRequest { update, ..new_build("dev", Transition::Start) };
        let build = world
            .by_user("alice", |tx, user| create_build(tx, user, &request, &world.config.daemons))
            .expect("none is active");
        let job = world.acquire("prov-1").expect("it waits").job;
        world.complete("prov-1", &success(job, b"")).expect("it runs");
        version_of(&build)
    };
    assert_eq!(run(false), "v1");
    assert_eq!(run(true), "v2");
    assert_eq!(run(false), "v2", "it stays with the version that it was updated to");

    // A version that is to be the active one becomes it with its import, so what is not usable is never built.
    world
        .create_version("root", &v1::CreateVersionRequest { activate: true, ..new_version("plain", "v3") })
        .expect("new");
    let job = world.acquire("importer").expect("it waits").job;
    let request = v1::CreateBuildRequest { update: true, ..new_build("dev", Transition::Stop) };
    let build = world
        .by_user("alice", |tx, user| create_build(tx, user, &request, &world.config.daemons))
        .expect("none is active");
    assert_eq!(version_of(&build), "v2");
    world.complete("importer", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
}
