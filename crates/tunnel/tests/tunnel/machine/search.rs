//! Every composite state of the machine and what is around it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use groundhog_tunnel::machine::{JobStatus, Options, State, Transition};

use super::model::{Grain, Model, Step};

/// What a search has come to.
struct Found {
    /// All states of the model, with the workspace and the watch.
    models: usize,
    /// Those of the tunnel: the machine's state and what it has under way.
    composites: BTreeSet<String>,
    states: BTreeSet<State>,
}

/// Goes through everything that can happen, breadth first, so that what must not be is shown by the shortest way to it.
fn search(options: Options) -> Found {
    let mut seen: BTreeMap<Model, Option<(Model, Step)>> = BTreeMap::new();
    let mut next = VecDeque::new();
    for transition in [Transition::Start, Transition::Stop, Transition::Delete] {
        for status in [JobStatus::Pending, JobStatus::Succeeded, JobStatus::Failed] {
            let model = Model::new(transition, status);
            seen.insert(model.clone(), None);
            next.push_back(model);
        }
    }
    let mut found = Found { models: 0, composites: BTreeSet::new(), states: BTreeSet::new() };
    while let Some(model) = next.pop_front() {
        found.composites.insert(format!("{:?}", model.composite()));
        found.states.insert(model.machine.state());
        for step in model.steps(Grain::Coarse) {
            let mut after = model.clone();
            if let Err(wrong) = after.take(step, options) {
                panic!("{wrong}\nby {step:?}, after {:#?}", way(&seen, &model));
            }
            let after = after.renumbered();
            if !seen.contains_key(&after) {
                seen.insert(after.clone(), Some((model.clone(), step)));
                next.push_back(after);
            }
        }
    }
    found.models = seen.len();
    found
}

/// The steps that have led to a state.
fn way(seen: &BTreeMap<Model, Option<(Model, Step)>>, to: &Model) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = to;
    while let Some(Some((before, step))) = seen.get(at) {
        steps.push(*step);
        at = before;
    }
    steps.reverse();
    steps
}

/// The counts are part of the test: they change only if the machine, or what it is shown, does.
fn check(options: Options, models: usize, composites: usize, states: usize) {
    let found = search(options);
    let have = (found.models, found.composites.len(), found.states.len());
    assert_eq!(have, (models, composites, states), "{:#?}", found.composites);
}

#[test]
fn every_composite_state_is_sound() {
    check(Options { no_autostart: false, no_wait_for_scripts: false }, 77_728, 53, 10);
}

#[test]
fn every_composite_state_is_sound_without_waiting_for_scripts() {
    check(Options { no_autostart: false, no_wait_for_scripts: true }, 82_888, 53, 10);
}

#[test]
fn every_composite_state_is_sound_without_autostart() {
    check(Options { no_autostart: true, no_wait_for_scripts: false }, 25_385, 25, 9);
}

#[test]
fn every_composite_state_is_sound_without_either() {
    check(Options { no_autostart: true, no_wait_for_scripts: true }, 27_105, 25, 9);
}
