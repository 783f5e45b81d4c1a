//! The tokens by which workspaces call as their owners, and tokens that expire.

use std::time::Duration;

use groundhog_control::{identity, operations::acquire, refusal::CallError};
use groundhog_wire::{Caller, v1::Transition};
use tonic::Code;

use crate::support::{
    World,
    world::{assert_refused, secret, session_token, success},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Who calls with this token.
fn caller(world: &World, token: &str) -> Result<String, CallError> {
    let caller = Caller { token: secret(token), daemon: None };
    world.tx(|tx| identity::user(tx, &caller)).map(|user| user.name)
}

fn start(world: &World) -> String {
    world.create("alice", "dev", "plain").expect("free");
    session_token(&world.acquire("prov-1").expect("it waits").message)
}

#[test]
fn a_started_workspace_calls_as_its_owner_for_a_day() {
    let world = World::new();
    let token = start(&world);
    assert_eq!(caller(&world, &token).expect("it is good"), "alice");
    world.machine.jump(DAY - Duration::from_millis(1));
    assert!(caller(&world, &token).is_ok());
    world.machine.jump(Duration::from_millis(1));
    assert_refused(caller(&world, &token), Code::Unauthenticated, "session token has expired");
}

#[test]
fn every_start_has_a_token_of_its_own_and_a_stop_or_a_destroy_none() {
    let world = World::new();
    let first = start(&world);
    let job = world.latest("alice", "dev").job_id.parse().expect("an id");
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    let next = |transition| {
        let job = world.build("alice", "dev", transition).expect("nothing runs").job_id.parse().expect("an id");
        let token = session_token(&world.acquire("prov-1").expect("it waits").message);
        world.complete("prov-1", &success(job, b"s")).expect("it runs");
        token
    };
    let second = next(Transition::Start);
    assert_ne!(first, second);
    assert_refused(caller(&world, &first), Code::Unauthenticated, "unknown session token");
    assert_eq!(caller(&world, &second).expect("it is good"), "alice");
    assert_eq!(next(Transition::Stop), "");
    assert_refused(caller(&world, &second), Code::Unauthenticated, "unknown session token");
    let third = next(Transition::Start);
    assert!(caller(&world, &third).is_ok());
    assert_eq!(next(Transition::Destroy), "");
    assert!(caller(&world, &third).is_err());
}

#[test]
fn a_job_that_is_taken_again_has_a_new_token() {
    let world = World::new();
    let first = start(&world);
    let job = world.latest("alice", "dev").job_id.parse().expect("an id");
    world.by_daemon("prov-1", |tx, worker| acquire::put_back(tx, job, worker, "gone")).expect("works");
    let second = session_token(&world.acquire("prov-2").expect("it waits again").message);
    assert!(caller(&world, &first).is_err());
    assert!(caller(&world, &second).is_ok());
}

#[test]
fn a_person_whose_session_has_expired_is_told_so() {
    let world = World::new();
    let refused = world.by_user("late", |_, user| Ok(user.name.clone()));
    assert_refused(refused, Code::Unauthenticated, "session token has expired");
}
