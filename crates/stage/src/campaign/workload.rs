//! Draws what people do beyond the file's own story.

use std::time::Duration;

use groundhog_sim::campaign::Draws;

use super::{count, one_of, span, time_until};
use crate::scenario::units::DurationRange;
use crate::scenario::{Action, JobAtShutdown, Scenario, Step, Transition, Workload};

/// Who makes workspaces where the file names nobody.
const SOMEBODY: &str = "alice";

/// How long after a build was asked for it is cancelled: while it is pending, while it runs, or too late.
const CANCEL_AFTER: DurationRange = DurationRange { min: Duration::from_millis(1), max: Duration::from_mins(10) };

/// What a further build is for. Starting again what runs is the rarest wish.
const TRANSITIONS: [Transition; 4] = [Transition::Stop, Transition::Stop, Transition::Destroy, Transition::Start];

/// How a daemon is told to stop.
const SHUTDOWNS: [JobAtShutdown; 3] = [JobAtShutdown::Finishes, JobAtShutdown::IsCanceled, JobAtShutdown::IsDropped];

/// A workspace that a step makes, and when.
struct Made {
    name: String,
    owner: String,
    at: Duration,
}

/// Adds people's doings from the beginning to `end`.
pub(super) fn draw(plan: &mut Scenario, workload: &Workload, end: Duration, draws: &Draws) {
    let counts = |kind: &str, range| count(&mut draws.stream(&["workload", kind]), range);
    for number in 0..counts("workspaces", workload.workspaces) {
        let mut random = draws.stream(&["workspace", &number.to_string()]);
        let owners: Vec<String> = plan.users.iter().cloned().collect();
        let owner = one_of(&mut random, &owners).cloned().unwrap_or_else(|| SOMEBODY.to_owned());
        let Some(template) = one_of(&mut random, &plan.templates).map(|template| template.name.clone()) else { break };
        let name = unused_name(plan, number);
        plan.users.insert(owner.clone());
        let at = time_until(&mut random, end);
        plan.steps.push(step(at, Action::CreateWorkspace { name, owner, template }));
    }
    let made = made(plan);
    for number in 0..counts("builds", workload.builds) {
        let mut random = draws.stream(&["build", &number.to_string()]);
        let Some(workspace) = one_of(&mut random, &made) else { break };
        let transition = one_of(&mut random, &TRANSITIONS).copied().unwrap_or(Transition::Stop);
        let at = workspace.at + time_until(&mut random, end.saturating_sub(workspace.at));
        let (name, owner) = (workspace.name.clone(), workspace.owner.clone());
        plan.steps.push(step(at, Action::BuildWorkspace { workspace: name, owner, transition }));
    }
    let asked: Vec<(Duration, String, String)> = plan.steps.iter().filter_map(build_of).collect();
    for number in 0..counts("cancels", workload.cancels) {
        let mut random = draws.stream(&["cancel", &number.to_string()]);
        let Some((asked, workspace, owner)) = one_of(&mut random, &asked).cloned() else { break };
        let at = asked + span(&mut random, CANCEL_AFTER);
        let by = owner.clone();
        plan.steps.push(step(at, Action::CancelBuild { workspace, owner, by, expect_status: None }));
    }
    for number in 0..counts("shutdowns", workload.shutdowns) {
        let mut random = draws.stream(&["shutdown", &number.to_string()]);
        let Some(provisioner) = one_of(&mut random, &plan.provisioners) else { break };
        let at = provisioner.start + time_until(&mut random, end.saturating_sub(provisioner.start));
        let name = provisioner.name.clone();
        let job = one_of(&mut random, &SHUTDOWNS).copied().unwrap_or(JobAtShutdown::Finishes);
        plan.steps.push(step(at, Action::ShutdownProvisioner { name, job }));
    }
    plan.steps.sort_by_key(|step| step.at);
}

fn step(at: Duration, action: Action) -> Step {
    Step { line: 0, at, action }
}

/// A name that the file does not use.
fn unused_name(plan: &Scenario, number: u64) -> String {
    let used = |name: &str| {
        plan.steps.iter().any(|step| matches!(&step.action, Action::CreateWorkspace { name: used, .. } if used == name))
    };
    let mut name = format!("more-{}", number + 1);
    while used(&name) {
        name.push_str("-x");
    }
    name
}

fn made(plan: &Scenario) -> Vec<Made> {
    let made = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateWorkspace { name, owner, .. } => {
            Some(Made { name: name.clone(), owner: owner.clone(), at: step.at })
        }
        _ => None,
    });
    made.collect()
}

/// When a build is asked for, and of which workspace.
fn build_of(step: &Step) -> Option<(Duration, String, String)> {
    match &step.action {
        Action::CreateWorkspace { name: workspace, owner, .. } | Action::BuildWorkspace { workspace, owner, .. } => {
            Some((step.at, workspace.clone(), owner.clone()))
        }
        _ => None,
    }
}
