//! Draws what people do with the agents of their workspaces.

use std::time::Duration;

use groundhog_host::Random;
use groundhog_sim::campaign::Draws;

use super::super::{count, one_of, span, time_until};
use super::step;
use crate::scenario::units::DurationRange;
use crate::scenario::{Action, AppFailure, Role, Scenario, Workload};

/// How long somebody stays at a terminal.
const STAYS: DurationRange = DurationRange { min: Duration::from_secs(1), max: Duration::from_mins(10) };

/// How long after a workspace was asked for somebody wants a terminal in it: before it is there, or later.
const OPENED_AFTER: DurationRange = DurationRange { min: Duration::from_millis(10), max: Duration::from_mins(5) };

/// How long an app is broken.
const BROKEN_FOR: DurationRange = DurationRange { min: Duration::from_secs(1), max: Duration::from_mins(10) };

/// How often somebody joins the session that others are in.
const SHARED: f64 = 0.5;

/// How often somebody sits at a terminal without looking.
const LOOKS_AWAY: f64 = 0.2;

/// What is typed.
const TYPED: [&str; 3] = ["echo hello", "env", "exit"];

/// Who takes a workspace over where the file names nobody.
const SOMEBODY: &str = "bob";

/// Adds people's doings with agents from the beginning to `end`.
pub(super) fn draw(plan: &mut Scenario, workload: &Workload, end: Duration, draws: &Draws) {
    let counts = |kind: &str, range| count(&mut draws.stream(&["workload", kind]), range);
    for number in 0..counts("terminals", workload.terminals) {
        let mut random = draws.stream(&["terminal", &number.to_string()]);
        let Some((at, action)) = terminal(plan, &mut random, number) else { break };
        plan.steps.push(step(at, action));
    }
    for number in 0..counts("outages", workload.outages) {
        let mut random = draws.stream(&["outage", &number.to_string()]);
        let Some(action) = outage(plan, &mut random) else { break };
        plan.steps.push(step(time_until(&mut random, end), action));
    }
    for number in 0..counts("claims", workload.claims) {
        let mut random = draws.stream(&["claim", &number.to_string()]);
        let drawn = if plan.control.prebuilds.enabled {
            super::pools::claim(plan, &mut random, number, end)
        } else {
            claim(plan, &mut random, end)
        };
        let Some((at, action)) = drawn else { break };
        plan.steps.push(step(at, action));
    }
}

/// When a workspace is made.
fn made_at(plan: &Scenario, workspace: &str) -> Duration {
    let made = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateWorkspace { name, .. } if name == workspace => Some(step.at),
        _ => None,
    });
    made.min().unwrap_or_default()
}

fn terminal(plan: &Scenario, random: &mut Random, number: u64) -> Option<(Duration, Action)> {
    let machines: Vec<(String, String, String)> =
        plan.machines().into_values().map(|one| (one.workspace.to_owned(), one.owner.to_owned(), one.agent)).collect();
    let (workspace, owner, agent) = one_of(random, &machines).cloned()?;
    let at = made_at(plan, &workspace) + span(random, OPENED_AFTER);
    let session = if random.chance(SHARED) { "shared".to_owned() } else { format!("own-{}", number + 1) };
    let typed = one_of(random, &TYPED).copied().unwrap_or_default();
    let reads = !random.chance(LOOKS_AWAY);
    let stays = span(random, STAYS);
    let action = Action::OpenTerminal {
        workspace,
        by: owner.clone(),
        owner,
        agent,
        session,
        command: String::new(),
        sends: vec![typed.to_owned()],
        stays,
        reads,
        in_pieces: false,
    };
    Some((at, action))
}

fn outage(plan: &Scenario, random: &mut Random) -> Option<Action> {
    let machines = plan.machines();
    let apps = machines.values().flat_map(|one| one.declared.apps.iter().map(move |app| (one, app)));
    let apps: Vec<(String, String, String)> =
        apps.map(|(one, app)| (one.workspace.to_owned(), one.agent.clone(), app.slug.clone())).collect();
    let (workspace, agent, app) = one_of(random, &apps).cloned()?;
    let how = [AppFailure::Refuses, AppFailure::Hangs, AppFailure::AnswersBroken];
    let how = one_of(random, &how).copied().unwrap_or(AppFailure::Refuses);
    Some(Action::AppOutage { workspace, agent, app, lasts: span(random, BROKEN_FOR), how })
}

/// Somebody takes over a workspace of the account that builds ahead.
fn claim(plan: &mut Scenario, random: &mut Random, end: Duration) -> Option<(Duration, Action)> {
    let is_ahead = |name: &String| plan.users.get(name).is_some_and(|user| user.role == Role::Prebuilds);
    let ahead = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateWorkspace { name, owner, .. } if is_ahead(owner) => Some((name.clone(), owner.clone(), step.at)),
        _ => None,
    });
    let ahead: Vec<(String, String, Duration)> = ahead.collect();
    let (workspace, owner, made) = one_of(random, &ahead).cloned()?;
    let people: Vec<String> = plan.users.keys().filter(|name| !is_ahead(name)).cloned().collect();
    let person = one_of(random, &people).cloned().unwrap_or_else(|| SOMEBODY.to_owned());
    plan.users.entry(person.clone()).or_default();
    let at = made + time_until(random, end.saturating_sub(made));
    Some((at, Action::ClaimWorkspace { workspace, by: owner.clone(), owner, person }))
}
