//! Budgets.

use groundhog_control::quota::{Plan, Verdict, decide};
use groundhog_wire::v1::{self, Transition};
use tonic::Code;

use crate::support::{
    World,
    world::{assert_refused, failure, success},
};

#[test]
fn the_decision() {
    let table = [
        // budget, elsewhere, before, cost -> ok, consumed
        (Some(100), 60, 0, 40, true, 100),
        (Some(100), 60, 0, 41, false, 60),
        (Some(100), 120, 10, 10, true, 130),
        (Some(100), 120, 10, 9, true, 129),
        (Some(100), 95, 10, 11, false, 105),
        (Some(0), 0, 0, 0, true, 0),
        (Some(0), 0, 0, 1, false, 0),
        (None, 1_000_000, 0, 1_000_000, true, 2_000_000),
    ];
    for (budget, used_elsewhere, cost_before, cost, ok, consumed) in table {
        let plan = Plan { budget, used_elsewhere, cost_before, cost };
        assert_eq!(decide(plan), Verdict { ok, consumed, budget: budget.unwrap_or(-1) }, "{plan:?}");
    }
}

#[test]
fn a_budget_is_the_sum_of_the_groups_and_counts_other_workspaces() {
    let world = World::new();
    let one = world.running("alice", "one", "prov-1");
    world.record.take();
    let answer = world.commit("prov-1", one, 70).expect("it runs");
    assert_eq!(answer, v1::CommitQuotaResponse { ok: true, credits_consumed: 70, budget: 100 });
    // Asked again because the answer was lost: nothing counts twice.
    assert_eq!(world.commit("prov-1", one, 70).expect("it runs"), answer);
    let two = world.running("alice", "two", "prov-2");
    let answer = world.commit("prov-2", two, 31).expect("it runs");
    assert_eq!(answer, v1::CommitQuotaResponse { ok: false, credits_consumed: 70, budget: 100 });
    assert_eq!(world.latest("alice", "two").daily_cost, 0, "what was refused is not stored");
    assert!(world.commit("prov-2", two, 30).expect("it runs").ok);
    assert_eq!(world.latest("alice", "two").daily_cost, 30);
    let told: Vec<_> = world.record.take().into_iter().filter(|line| line.starts_with("quota")).collect();
    assert_eq!(told[0], "quota.committed job=job owner=alice cost=70 consumed=70 budget=100 ok=true");
    assert_eq!(told[2], "quota.committed job=job owner=alice cost=31 consumed=70 budget=100 ok=false");
}

#[test]
fn who_is_in_no_group_has_no_limit() {
    let world = World::new();
    let job = world.running("bob", "dev", "prov-1");
    let answer = world.commit("prov-1", job, i32::MAX).expect("it runs");
    assert_eq!(answer, v1::CommitQuotaResponse { ok: true, credits_consumed: i32::MAX, budget: -1 });
}

#[test]
fn a_workspace_may_be_rebuilt_for_what_it_cost() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    assert!(world.commit("prov-1", job, 100).expect("it runs").ok);
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    world.build("alice", "dev", Transition::Start).expect("none is active");
    let again = world.acquire("prov-1").expect("it waits").job;
    assert!(!world.commit("prov-1", again, 101).expect("it runs").ok);
    assert!(world.commit("prov-1", again, 100).expect("it runs").ok);
}

#[test]
fn a_workspace_costs_what_it_cost_until_its_new_cost_is_known() {
    let world = World::new();
    let job = world.running("alice", "one", "prov-1");
    assert!(world.commit("prov-1", job, 100).expect("it runs").ok);
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    // A build that has not said yet what it will cost frees nothing for others.
    world.build("alice", "one", Transition::Start).expect("none is active");
    let rebuild = world.acquire("prov-1").expect("it waits").job;
    let two = world.running("alice", "two", "prov-2");
    assert!(!world.commit("prov-2", two, 1).expect("it runs").ok);
    // Nor does one that failed before it said so; one that ended well without a cost does.
    world.fail("prov-1", &failure(rebuild, "broken", None)).expect("it runs");
    assert!(!world.commit("prov-2", two, 1).expect("it runs").ok);
    world.build("alice", "one", Transition::Stop).expect("none is active");
    let stop = world.acquire("prov-1").expect("it waits").job;
    world.complete("prov-1", &success(stop, b"s")).expect("it runs");
    assert!(world.commit("prov-2", two, 100).expect("it runs").ok);
}

#[test]
fn a_destroyed_workspace_costs_nothing() {
    let world = World::new();
    let job = world.running("alice", "one", "prov-1");
    assert!(world.commit("prov-1", job, 100).expect("it runs").ok);
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    world.build("alice", "one", Transition::Destroy).expect("none is active");
    let destroy = world.acquire("prov-1").expect("it waits").job;
    let two = world.running("alice", "two", "prov-2");
    assert!(!world.commit("prov-2", two, 100).expect("it runs").ok);
    // Even if its worker says that the destroy itself costs something.
    assert!(world.commit("prov-1", destroy, 100).expect("it runs").ok);
    world.complete("prov-1", &success(destroy, b"")).expect("it runs");
    assert!(world.commit("prov-2", two, 100).expect("it runs").ok);
}

#[test]
fn the_question_is_checked_like_an_update() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    assert_refused(world.commit("prov-2", job, 1), Code::PermissionDenied, "you don't own this job");
    let text = "daily cost -1: expected zero or more credits";
    assert_refused(world.commit("prov-1", job, -1), Code::InvalidArgument, text);
    world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    assert_refused(world.commit("prov-1", job, 1), Code::FailedPrecondition, "job already completed");
}
