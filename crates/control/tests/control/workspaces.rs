//! Making workspaces and builds, and seeing one's own only.

use groundhog_control::operations::view;
use groundhog_wire::v1::{self, JobStatus, Transition, build_selector::Kind};
use tonic::Code;

use crate::support::{
    World,
    world::{assert_refused, by_name, failure},
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
