//! A scenario file, of which many plans are drawn.

use std::time::Duration;

use groundhog_sim::campaign::{Draws, Outcome, Settled, Subject};

use super::{coverage, faults, rest, settings, workload};
use crate::catalogue;
use crate::run::{self, Report};
use crate::scenario::{Scenario, ScenarioFile};
use crate::settle;

/// How long things go wrong at least, unless a file says otherwise: time enough for a build or two.
const WITHIN_MIN: Duration = Duration::from_mins(10);

/// How often a plan leaves the file's own faults out. They are what the file is about; without them, others have
/// more room.
const OWN_FAULTS_LEFT_OUT: f64 = 0.5;

/// What a plan is for: it is run and judged as any scenario is.
#[derive(Clone, Copy, Debug)]
pub struct Stories;

/// The plan that `seed` draws from the family of a file: the same one each time.
pub fn plan(file: &ScenarioFile, seed: u64) -> Scenario {
    let draws = Draws::new(seed);
    let mut plan = file.draw(&catalogue::lists(), &draws);
    plan.seed = seed;
    // What a plan adds is for a simulator.
    plan.live = false;
    plan.expectations.retain(|expectation| expectation.always);
    if draws.stream(&["own faults"]).chance(OWN_FAULTS_LEFT_OUT) {
        plan.faults.clear();
    }
    let within = file.swarm.within.unwrap_or_else(|| settle::story_end(&plan).max(WITHIN_MIN));
    if file.swarm.settings {
        settings::draw(&mut plan, &draws);
    }
    workload::draw(&mut plan, &file.workload, within, &draws);
    faults::draw(&mut plan, &file.swarm, within, &draws);
    rest::come_to_rest(&mut plan, within);
    plan
}

impl Subject for Stories {
    type Plan = Scenario;

    fn run(&self, plan: &Scenario, seed: u64) -> Outcome {
        outcome(plan, run::run(plan, seed))
    }
}

fn outcome(plan: &Scenario, report: Report) -> Outcome {
    let settled = rest::last_fault(plan)
        .zip(report.rested)
        .map(|((name, end), rested)| Settled { from: name.as_str().to_owned(), after: rested.saturating_sub(end) });
    let provisioners = plan.provisioners.iter().map(|provisioner| provisioner.name.clone());
    let laptops = plan.tunnels().map(|tunnel| tunnel.name.clone());
    let chats = plan.chats.iter().map(|chat| chat.name.clone());
    let chats = chats.chain(plan.assistants.iter().map(|assistant| assistant.name.clone()));
    let names = provisioners.chain(laptops).chain(chats).chain(plan.users.keys().cloned()).collect();
    Outcome {
        coverage: coverage::of(&report.records),
        violations: report.violations,
        virtual_time: report.virtual_time,
        log_digest: report.log_digest,
        trace_digest: report.trace_digest,
        settled,
        names,
    }
}
