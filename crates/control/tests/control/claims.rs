//! A workspace that was built ahead becomes a person's, and its agent learns of it.

use groundhog_control::{operations::claim, refusal::CallError};
use groundhog_wire::v1;
use tonic::{Code, Status, Streaming};

use crate::support::{
    World,
    agents::{agent, made},
    replica::{Replica, by},
    world::{assert_refused, failure, job_id},
};

struct Site {
    world: World,
    replica: Replica,
    workspace: String,
}

impl Site {
    /// A workspace "pool" that was built ahead, with an agent.
    fn new() -> Self {
        let world = World::new();
        let replica = Replica::new(&world, |_| {});
        let job = world.running("ahead", "pool", "prov-1");
        world.commit("prov-1", job, 70).expect("it runs");
        world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
        let workspace = world.latest("ahead", "pool").workspace_id;
        world.record.take();
        Self { world, replica, workspace }
    }

    fn claim(&self, by: &str, owner: &str, name: &str) -> Result<v1::Build, CallError> {
        let request = v1::ClaimWorkspaceRequest {
            workspace_id: self.workspace.clone(),
            owner: owner.to_owned(),
            name: name.to_owned(),
        };
        self.world.by_user(by, |tx, user| claim::claim(tx, user, &request))
    }

    fn watch(&self, session: &str) -> Streaming<v1::Reinitialization> {
        let mut agents = self.replica.agents();
        let watch = agents.watch_reinitialization(by(session, v1::WatchReinitializationRequest {}));
        self.world.machine.block_on(watch).expect("it is let in").into_inner()
    }

    fn session(&self) -> String {
        self.world.session("token-1").expect("it is known")
    }

    /// Carries out the claim's build; the agent keeps its token.
    fn build(&self, claimed: &v1::Build) {
        let acquired = self.world.acquire("prov-1").expect("it waits");
        assert_eq!(acquired.job, job_id(claimed));
        self.world.complete("prov-1", &made(acquired.job, vec![agent("token-1")])).expect("it runs");
    }
}

fn reason(message: Option<Result<v1::Reinitialization, Status>>) -> Option<String> {
    message.map(|message| message.expect("all is well").reason)
}

#[test]
fn a_claimed_workspace_is_its_owners_and_is_started_for_them() {
    let site = Site::new();
    let build = site.claim("ahead", "bob", "mine").expect("it is free");
    assert_eq!((build.workspace_name.as_str(), build.number, build.transition()), ("mine", 2, v1::Transition::Start));
    assert_eq!(site.world.latest("bob", "mine").build_id, build.build_id);
    assert!(site.world.record.take().contains(&"workspace.claimed ws=ws owner=bob build=build".to_owned()));
    let acquired = site.world.acquire("prov-1").expect("it waits");
    assert_eq!(acquired.message.initiator, "bob");
    match acquired.message.kind {
        Some(v1::job::Kind::WorkspaceBuild(payload)) => {
            assert_eq!((payload.workspace_owner.as_str(), payload.state.as_slice()), ("bob", b"state".as_slice()));
        }
        other => panic!("expected a build, got {other:?}"),
    }
    assert!(site.world.create("ahead", "pool", "plain").is_ok(), "its old name is free");
}

#[test]
fn of_two_who_claim_one_succeeds() {
    let site = Site::new();
    site.claim("ahead", "bob", "").expect("it is free");
    let text = format!("the workspace {} was not built ahead, or has been claimed already", site.workspace);
    assert_refused(site.claim("root", "alice", "mine"), Code::FailedPrecondition, &text);
    assert_refused(site.claim("ahead", "bob", ""), Code::FailedPrecondition, &text);
    assert_eq!(site.world.latest("bob", "pool").number, 2);
}

#[test]
fn what_can_not_be_claimed_is_refused_and_stays_as_it_is() {
    let site = Site::new();
    let text = "only the account that builds ahead, and administrators, hand workspaces over";
    assert_refused(site.claim("alice", "alice", ""), Code::PermissionDenied, text);
    assert_refused(site.claim("ahead", "nobody", ""), Code::NotFound, "there is no person \"nobody\"");
    assert_refused(site.claim("ahead", "ahead", ""), Code::NotFound, "there is no person \"ahead\"");
    site.world.create("bob", "Pool", "plain").expect("free");
    let taken = "A workspace named \"pool\" already exists.";
    assert_refused(site.claim("ahead", "bob", ""), Code::AlreadyExists, taken);
    assert!(site.claim("ahead", "alice", "not a name").is_err());
    site.world.build("ahead", "pool", v1::Transition::Stop).expect("no other build is active");
    let text = format!("the workspace {} is not ready: its latest build is not a start that succeeded", site.workspace);
    assert_refused(site.claim("ahead", "alice", ""), Code::FailedPrecondition, &text);
    assert_eq!(site.world.latest("ahead", "pool").number, 2, "it is nobody else's");
}

#[test]
fn what_it_costs_is_held_against_the_new_owners_budget_alone() {
    let site = Site::new();
    let other = site.world.create("alice", "dev", "plain").expect("free");
    let job = site.world.acquire("prov-2").expect("it waits").job;
    assert_eq!(job, job_id(&other));
    assert!(site.world.commit("prov-2", job, 40).expect("it runs").ok, "40 of 100");
    site.claim("ahead", "alice", "").expect("it is free");
    let job = site.world.acquire("prov-1").expect("it waits").job;
    let answer = site.world.commit("prov-1", job, 70).expect("it runs");
    assert_eq!(
        (answer.ok, answer.budget),
        (false, 100),
        "that the other account paid for it before is nothing to alice"
    );
}

#[test]
fn the_agent_is_told_once_the_claims_build_has_succeeded_and_again_whenever_it_asks() {
    let site = Site::new();
    let mut early = site.watch(&site.session());
    assert_eq!(reason(site.world.next(&mut early)), None, "nobody has claimed it");
    let claimed = site.claim("ahead", "bob", "").expect("it is free");
    assert_eq!(reason(site.world.next(&mut early)), None, "its build waits");
    let mut between = site.watch(&site.session());
    assert_eq!(reason(site.world.next(&mut between)), None);
    site.build(&claimed);
    for watch in [&mut early, &mut between] {
        assert_eq!(reason(site.world.next(watch)).as_deref(), Some("prebuild_claimed"));
        let end = site.world.next(watch).expect("it ended").expect_err("its build is outdated by the claim's");
        assert_eq!(end.message(), "build is outdated");
    }
    for _ in 0..3 {
        let mut late = site.watch(&site.session());
        let told = site.world.next(&mut late).expect("at once").expect("all is well");
        let owner = site.world.by_user("bob", |_, user| Ok(user.id.to_string())).expect("a person");
        assert_eq!((told.reason.as_str(), told.owner_id), ("prebuild_claimed", owner));
        assert!(site.world.next(&mut late).is_none(), "once a call");
    }
}

#[test]
fn a_claim_whose_build_fails_or_is_cancelled_is_answered_for_good() {
    for cancel in [false, true] {
        let site = Site::new();
        let session = site.session();
        let mut watch = site.watch(&session);
        let claimed = site.claim("ahead", "bob", "").expect("it is free");
        if cancel {
            site.world.cancel("bob", "pool", v1::JobStatus::Unspecified).expect("it is bob's");
        } else {
            let job = site.world.acquire("prov-1").expect("it waits").job;
            site.world.fail("prov-1", &failure(job, "x", None)).expect("it runs");
        }
        assert!(site.world.next(&mut watch).is_some_and(|end| end.is_err()), "{}", claimed.build_id);
        let mut again = site.watch(&session);
        let end = site.world.next(&mut again).expect("at once").expect_err("for good");
        let text = "nothing comes of the workspace's claim: its build failed";
        assert_eq!((end.code(), end.message()), (Code::FailedPrecondition, text));
        // bob starts it once more, and the agent of that build is bob's.
        let started = site.world.build("bob", "pool", v1::Transition::Start).expect("no other build is active");
        site.build(&started);
        let mut then = site.watch(&site.session());
        assert_eq!(reason(site.world.next(&mut then)).as_deref(), Some("prebuild_claimed"));
    }
}

#[test]
fn the_agent_of_a_workspace_that_was_not_built_ahead_is_told_nothing() {
    let site = Site::new();
    site.world.started("dev", vec![agent("token-2")]);
    let mut watch = site.watch(&site.world.session("token-2").expect("it is known"));
    assert!(site.world.next(&mut watch).is_none());
    let job = site.world.rebuilding("dev", v1::Transition::Start);
    site.world.complete("prov-1", &made(job, vec![agent("token-2")])).expect("it runs");
    assert!(site.world.next(&mut watch).is_none());
}
