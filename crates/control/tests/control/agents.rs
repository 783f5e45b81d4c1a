//! Agents: how they come to be known, who is let in, and when one counts as there.

use std::time::Duration;

use groundhog_control::{
    operations::{
        agent::{
            life, manifest,
            presence::{self, Beat},
            session,
        },
        dry_run,
    },
    refusal::CallError,
    store::builds,
};
use groundhog_wire::v1::{self, AgentLifecycle, Transition};
use tonic::Code;

use crate::support::{
    World,
    agents::{agent, made},
    world::{assert_refused, failure, imported, new_version, success, tried},
};

const OUTDATED: &str = "build is outdated";

fn step(world: &World, session: &str, state: AgentLifecycle) -> Result<(), CallError> {
    let request = v1::UpdateLifecycleRequest { state: state.into(), changed_at_ms: 7 };
    world.by_agent(session, |tx, agent| life::step(tx, agent, &request))
}

#[test]
fn an_agent_is_known_once_its_build_has_succeeded() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    assert_refused(world.session("token-1"), Code::Unauthenticated, "unknown agent token");
    world.record.take();
    world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    let told = world.record.take();
    assert_eq!(
        told,
        [
            "job.completed job=job by=prov-1 status=succeeded",
            "agent.registered agent=agent ws=ws build=build name=main"
        ]
    );
    world.session("token-1").expect("it is known");
}

#[test]
fn only_a_start_that_succeeds_makes_agents_known_and_only_those_with_a_token() {
    let world = World::new();
    world.started("dev", vec![agent("")]);
    assert!(!world.record.take().iter().any(|line| line.starts_with("agent.")));
    let job = world.rebuilding("dev", Transition::Start);
    world.fail("prov-1", &failure(job, "x", None)).expect("it runs");
    let job = world.rebuilding("dev", Transition::Stop);
    world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    assert_refused(world.session("token-1"), Code::Unauthenticated, "unknown agent token");
}

#[test]
fn the_manifest_says_who_the_agent_is_and_what_it_is_to_do() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let session = world.session("token-1").expect("it is known");
    let config = &world.config.agents;
    let manifest = world.by_agent(&session, |tx, agent| manifest::get(tx, agent, config)).expect("it is let in");
    assert_eq!(
        (manifest.agent_name.as_str(), manifest.workspace_name.as_str(), manifest.owner_name.as_str()),
        ("main", "dev", "alice")
    );
    let mut ids = std::collections::BTreeSet::new();
    for script in &manifest.scripts {
        assert!(ids.insert(&script.script_id) && ids.insert(&script.log_source_id), "each has ids of its own");
        assert!(script.script_id.len() == 36 && script.log_source_id.len() == 36);
    }
    let described = agent("");
    let plain = |script: &v1::AgentScript| v1::AgentScript {
        script_id: String::new(),
        log_source_id: String::new(),
        ..script.clone()
    };
    assert_eq!(manifest.scripts.iter().map(plain).collect::<Vec<_>>(), described.scripts, "the order is kept too");
    assert_eq!(
        (&manifest.directory, &manifest.environment, &manifest.metadata, &manifest.apps),
        (&described.directory, &described.environment, &described.metadata, &described.apps)
    );
    let again = world.by_agent(&session, |tx, agent| manifest::get(tx, agent, config)).expect("it is let in");
    assert_eq!(again, manifest);
}

#[test]
fn the_agent_is_let_in_while_a_stop_runs_and_until_a_later_build_has_succeeded() {
    for transition in [Transition::Start, Transition::Stop, Transition::Destroy] {
        let world = World::new();
        world.started("dev", vec![agent("token-1")]);
        let session = world.session("token-1").expect("it is known");
        let (who, connection) = world.connect(&session);
        let beat = || world.tx(|tx| Ok(presence::beat(tx, &who, connection)?)).expect("the database works");
        world.build("alice", "dev", transition).expect("no other build is active");
        assert_eq!(beat(), Beat::Noted, "it waits");
        let job = world.acquire("prov-1").expect("it waits").job;
        assert_eq!(beat(), Beat::Noted, "it runs");
        step(&world, &session, AgentLifecycle::ShuttingDown).expect("its stop scripts can report (F11)");
        world.fail("prov-1", &failure(job, "x", None)).expect("it runs");
        assert_eq!(beat(), Beat::Noted, "it failed");
        let job = world.rebuilding("dev", transition);
        world.complete("prov-1", &success(job, b"")).expect("it runs");
        assert_eq!(beat(), Beat::Outdated);
        assert_refused(step(&world, &session, AgentLifecycle::Off), Code::Unauthenticated, OUTDATED);
        assert_refused(world.session("token-1"), Code::Unauthenticated, OUTDATED);
    }
}

#[test]
fn a_build_that_was_cancelled_outdates_only_if_it_was_carried_out_nevertheless() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let session = world.session("token-1").expect("it is known");
    world.build("alice", "dev", Transition::Stop).expect("no other build is active");
    world.cancel("alice", "dev", v1::JobStatus::Unspecified).expect("it waits");
    step(&world, &session, AgentLifecycle::Starting).expect("nothing was carried out");
    let job = world.rebuilding("dev", Transition::Stop);
    world.cancel("alice", "dev", v1::JobStatus::Unspecified).expect("it runs");
    world.complete("prov-1", &success(job, b"")).expect("it came too late");
    assert_refused(world.session("token-1"), Code::Unauthenticated, OUTDATED);
}

#[test]
fn a_kept_token_makes_the_agent_of_the_next_build_welcome_under_a_new_id() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let first = world.by_token("token-1", session::open).expect("it is known");
    let job = world.rebuilding("dev", Transition::Start);
    world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it runs");
    assert_refused(step(&world, &first.session_token, AgentLifecycle::Starting), Code::Unauthenticated, OUTDATED);
    let second = world.by_token("token-1", session::open).expect("it is welcome");
    assert_ne!(second.agent_id, first.agent_id);
    step(&world, &second.session_token, AgentLifecycle::Starting).expect("its life begins anew (A11)");
}

#[test]
fn a_session_is_good_for_an_hour_after_the_last_beat() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let session = world.session("token-1").expect("it is known");
    let (who, connection) = world.connect(&session);
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    world.machine.jump(minutes(50));
    world.tx(|tx| Ok(presence::beat(tx, &who, connection)?)).expect("the database works");
    world.machine.jump(minutes(60) - Duration::from_millis(1));
    step(&world, &session, AgentLifecycle::Starting).expect("an hour has not passed");
    world.machine.jump(Duration::from_millis(1));
    let late = step(&world, &session, AgentLifecycle::Ready);
    assert_refused(late, Code::Unauthenticated, "agent session token has expired");
    world.session("token-1").expect("its own token is good as long as its build is");
}

#[test]
fn the_session_in_use_outlives_three_more_that_are_opened() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let session = world.session("token-1").expect("it is known");
    for _ in 0..3 {
        world.session("token-1").expect("it is known");
    }
    step(&world, &session, AgentLifecycle::Starting).expect("it is kept");
    world.session("token-1").expect("it is known");
    let gone = step(&world, &session, AgentLifecycle::Ready);
    assert_refused(gone, Code::Unauthenticated, "unknown agent session token");
}

#[test]
fn the_end_of_an_older_connection_does_not_make_the_agent_look_gone() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let session = world.session("token-1").expect("it is known");
    world.record.take();
    let (who, older) = world.connect(&session);
    let (_, newer) = world.connect(&session);
    let beat = |connection| world.tx(|tx| Ok(presence::beat(tx, &who, connection)?)).expect("the database works");
    let leave = |connection| {
        world.tx(|tx| Ok(presence::disconnect(tx, &who, connection, "gone")?)).expect("the database works");
    };
    leave(older);
    assert_eq!((beat(older), beat(newer)), (Beat::TakenOver, Beat::Noted));
    leave(newer);
    leave(newer);
    assert_eq!(
        world.record.take(),
        [
            "agent.online agent=agent first=true",
            "agent.online agent=agent first=false",
            "agent.beat agent=agent",
            "agent.offline agent=agent why=gone"
        ]
    );
}

#[test]
fn a_life_goes_forward_and_a_step_that_is_there_is_answered_alike() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let session = world.session("token-1").expect("it is known");
    world.record.take();
    step(&world, &session, AgentLifecycle::Starting).expect("it is the first");
    step(&world, &session, AgentLifecycle::Ready).expect("it comes later");
    step(&world, &session, AgentLifecycle::Starting).expect("it is there");
    let back = step(&world, &session, AgentLifecycle::StartError);
    let text = "the agent's life is at \"ready\": it can't go back to \"start_error\"";
    assert_refused(back, Code::FailedPrecondition, text);
    let created = step(&world, &session, AgentLifecycle::Created);
    assert_refused(created, Code::InvalidArgument, "lifecycle state 1: expected a step from starting to off");
    assert_eq!(
        world.record.take(),
        ["agent.lifecycle_stored agent=agent state=starting", "agent.lifecycle_stored agent=agent state=ready"]
    );
}

#[test]
fn a_token_that_is_none_is_refused_and_the_build_does_not_end() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    let text = "agent \"main\": its token: not a token: expected 1 to 256 visible ASCII characters";
    let refused = world.complete("prov-1", &made(job, vec![agent("a token")]));
    assert_refused(refused, Code::InvalidArgument, text);
    assert!(world.job(job).completed_at.is_none());
    world.complete("prov-1", &made(job, vec![agent("token-1")])).expect("it has not ended");
}

#[test]
fn no_token_is_kept_or_shown() {
    let world = World::new();
    world.started("dev", vec![agent("token-1")]);
    let build = world.latest("alice", "dev").build_id.parse().expect("an id");
    let resources = world.tx(|tx| Ok(builds::resources(tx, build)?)).expect("the database works");
    assert_eq!(resources[0].agents, [agent("")]);
    let request = new_version("new", "v1");
    world.create_version("root", &request).expect("an administrator may");
    let job = world.acquire("importer").expect("it waits").job;
    let with_token = || vec![v1::Resource { agents: vec![agent("token-2")], ..v1::Resource::default() }];
    let found = v1::CompletedTemplateImport {
        start_resources: with_token(),
        stop_resources: with_token(),
        ..v1::CompletedTemplateImport::default()
    };
    world.complete("importer", &imported(job, found)).expect("it runs");
    let version = world.version("new", "v1");
    assert_eq!(version.start_resources[0].agents, [agent("")]);
    assert_eq!(version.stop_resources[0].agents, [agent("")]);
    let dry_run = world.dry_run("root", "plain").expect("it is usable");
    let job = dry_run.job.expect("it has one").job_id.parse().expect("an id");
    world.acquire("prov-1").expect("it waits");
    let found = v1::CompletedTemplateDryRun { resources: with_token() };
    world.complete("prov-1", &tried(job, found)).expect("it runs");
    let request = v1::GetDryRunRequest { dry_run_id: dry_run.dry_run_id };
    let seen = world.by_user("root", |tx, user| dry_run::get(tx, user, &request)).expect("it is root's");
    assert_eq!(seen.resources[0].agents, [agent("")]);
}
