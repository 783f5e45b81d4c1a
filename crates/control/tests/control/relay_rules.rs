//! The agents that listen at a relay and their visits, as pure state.

use std::collections::{BTreeMap, BTreeSet};

use groundhog_control::relay::table::{News, Refused, Table, VisitId};
use groundhog_wire::id::AgentId;
use proptest::{prelude::*, test_runner::RngSeed};
use uuid::Uuid;

const MAX: usize = 3;

fn agent(number: u128) -> AgentId {
    AgentId(Uuid::from_u128(number))
}

fn visit(number: u128) -> VisitId {
    VisitId(Uuid::from_u128(number))
}

#[test]
fn a_visit_is_told_taken_and_over() {
    let (mut table, one, two) = (Table::default(), agent(1), agent(2));
    assert_eq!(table.visit(one, visit(1), MAX), Err(Refused::NotListening));
    let call = table.listen(one);
    assert_eq!(table.next(one, call), News::Nothing);
    assert_eq!((table.visit(one, visit(1), MAX), table.visit(one, visit(2), MAX)), (Ok(()), Ok(())));
    assert_eq!(table.next(one, call), News::Visit(visit(1)), "in the order in which they came");
    assert_eq!(table.next(one, call), News::Visit(visit(2)));
    assert_eq!(table.next(one, call), News::Nothing, "each once");
    assert!(!table.accept(two, visit(1)), "another agent's is none");
    assert!(table.accept(one, visit(1)));
    assert!(!table.accept(one, visit(1)), "it is taken");
    table.end(one, visit(2));
    assert!(!table.accept(one, visit(2)), "it is over");
    table.leave(one, call);
    assert!(!table.is_empty(), "a visit that was taken goes on");
    table.end(one, visit(1));
    assert!(table.is_empty());
}

#[test]
fn an_agent_has_so_many_visits_and_no_more_taken_or_not() {
    let (mut table, one, two) = (Table::default(), agent(1), agent(2));
    let calls = (table.listen(one), table.listen(two));
    for number in 0..MAX as u128 {
        table.visit(one, visit(number), MAX).expect("there is room");
    }
    assert!(table.accept(one, visit(0)));
    assert_eq!(table.visit(one, visit(9), MAX), Err(Refused::TooMany));
    assert_eq!(table.visit(two, visit(9), MAX), Ok(()), "another agent's room is its own");
    table.end(one, visit(0));
    assert_eq!(table.visit(one, visit(10), MAX), Ok(()));
    assert_ne!(calls.0, calls.1);
}

#[test]
fn a_newer_call_takes_over_and_tells_what_nobody_has_taken() {
    let (mut table, one) = (Table::default(), agent(1));
    let older = table.listen(one);
    for number in 1..=3 {
        table.visit(one, visit(number), MAX).expect("there is room");
    }
    assert_eq!(table.next(one, older), News::Visit(visit(1)));
    assert_eq!(table.next(one, older), News::Visit(visit(2)));
    assert!(table.accept(one, visit(1)));
    let newer = table.listen(one);
    assert_eq!(table.next(one, older), News::TakenOver);
    assert_eq!(table.next(one, newer), News::Visit(visit(2)), "it may have been lost with the older call");
    assert_eq!(table.next(one, newer), News::Visit(visit(3)));
    table.leave(one, older);
    table.end(one, visit(1));
    assert_eq!(table.visit(one, visit(4), MAX), Ok(()), "the end of the older one changes nothing");
    table.leave(one, newer);
    assert_eq!(table.visit(one, visit(5), MAX), Err(Refused::NotListening));
    assert!(table.accept(one, visit(4)), "what waits may still be taken");
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Listen(u128),
    Leave(u128),
    Visit(u128),
    Next(u128),
    Accept(u128, usize),
    End(u128, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let agent = 1..3_u128;
    let step = prop_oneof![
        agent.clone().prop_map(Step::Listen),
        agent.clone().prop_map(Step::Leave),
        agent.clone().prop_map(Step::Visit),
        agent.clone().prop_map(Step::Next),
        (agent.clone(), 0..4_usize).prop_map(|(agent, at)| Step::Accept(agent, at)),
        (agent, 0..4_usize).prop_map(|(agent, at)| Step::End(agent, at)),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    /// Whatever comes in whatever order: no agent has too many visits, a visit is taken once and by its agent, told to
    /// a call once, and nothing is left when all have gone.
    #[test]
    fn whatever_happens_each_visit_is_taken_once_and_nothing_is_left(steps in steps()) {
        let mut table = Table::default();
        let mut calls: BTreeMap<u128, u64> = BTreeMap::new();
        // Each agent's open visits, and whether they are taken.
        let mut open: BTreeMap<u128, BTreeMap<VisitId, bool>> = BTreeMap::new();
        let mut told: BTreeSet<(u64, VisitId)> = BTreeSet::new();
        for (number, step) in (100_u128..).zip(steps) {
            match step {
                Step::Listen(of) => {
                    let call = table.listen(agent(of));
                    if let Some(older) = calls.insert(of, call) {
                        prop_assert_eq!(table.next(agent(of), older), News::TakenOver);
                    }
                }
                Step::Leave(of) => {
                    calls.remove(&of).into_iter().for_each(|call| table.leave(agent(of), call));
                }
                Step::Visit(of) => {
                    let visits = open.entry(of).or_default();
                    let expected = match calls.get(&of) {
                        None => Err(Refused::NotListening),
                        Some(_) if visits.len() >= MAX => Err(Refused::TooMany),
                        Some(_) => Ok(()),
                    };
                    prop_assert_eq!(table.visit(agent(of), visit(number), MAX), expected);
                    if expected.is_ok() {
                        visits.insert(visit(number), false);
                    }
                }
                Step::Next(of) => {
                    let Some(call) = calls.get(&of) else { continue };
                    match table.next(agent(of), *call) {
                        News::Visit(id) => {
                            prop_assert_eq!(open[&of].get(&id), Some(&false), "it waits");
                            prop_assert!(told.insert((*call, id)), "told twice");
                        }
                        News::Nothing => {
                            let waiting = open.get(&of).into_iter().flatten().filter(|(_, taken)| !**taken);
                            for (id, _) in waiting {
                                prop_assert!(told.contains(&(*call, *id)), "never told");
                            }
                        }
                        News::TakenOver => prop_assert!(false, "it is the newest"),
                    }
                }
                Step::Accept(of, at) => {
                    let Some((id, taken)) = open.get_mut(&of).and_then(|visits| visits.iter_mut().nth(at)) else {
                        continue;
                    };
                    prop_assert!(!table.accept(agent(of + 1), *id));
                    prop_assert_eq!(table.accept(agent(of), *id), !*taken);
                    *taken = true;
                }
                Step::End(of, at) => {
                    let Some(id) = open.get(&of).and_then(|visits| visits.keys().nth(at)).copied() else { continue };
                    open.get_mut(&of).into_iter().for_each(|visits| visits.retain(|other, _| *other != id));
                    table.end(agent(of), id);
                }
            }
        }
        for (of, visits) in open {
            visits.into_keys().for_each(|id| table.end(agent(of), id));
        }
        calls.into_iter().for_each(|(of, call)| table.leave(agent(of), call));
        prop_assert!(table.is_empty());
    }
}
