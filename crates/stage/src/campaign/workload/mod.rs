//! Draws what people do beyond the file's own story.

mod agents;
mod chats;
mod pools;
mod tunnels;

use std::collections::BTreeMap;
use std::time::Duration;

use groundhog_host::Random;
use groundhog_sim::campaign::Draws;

use super::{count, one_of, rest, span, time_until};
use crate::scenario::units::DurationRange;
use crate::scenario::{AHEAD, Action, JobAtShutdown, Role, Scenario, Step, Template, Transition, User, Workload};

/// Who makes workspaces where the file names nobody.
const SOMEBODY: &str = "alice";

/// How long after a build was asked for it is cancelled: while it is pending, while it runs, or too late.
const CANCEL_AFTER: DurationRange = DurationRange { min: Duration::from_millis(1), max: Duration::from_mins(10) };

/// Who makes templates where the file names no administrator.
const ADMINISTRATOR: &str = "admin";

/// How often an import is one of a new version of a template that is there.
const NEW_VERSION: f64 = 0.6;

/// How often a version is to be the active one once it is imported.
const ACTIVATED: f64 = 0.7;

/// How often something that can be said is left out.
const FORGOTTEN: f64 = 0.3;

/// How long after a workspace was asked for its log is read: while its build waits, while it runs, or too late.
const FOLLOWED_AFTER: DurationRange = DurationRange { min: Duration::from_millis(10), max: Duration::from_mins(5) };

/// What a further build is for. Starting again what runs is the rarest wish.
const TRANSITIONS: [Transition; 4] = [Transition::Stop, Transition::Stop, Transition::Destroy, Transition::Start];

/// How often a start is of the template's active version.
const UPDATES: f64 = 0.5;

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
        let owners: Vec<String> = plan.users.keys().cloned().collect();
        let owner = one_of(&mut random, &owners).cloned().unwrap_or_else(|| SOMEBODY.to_owned());
        let Some(template) = one_of(&mut random, &plan.templates).cloned() else { break };
        let name = unused_name(plan, number);
        plan.users.entry(owner.clone()).or_default();
        let at = time_until(&mut random, end);
        let parameters = chosen(&template, &mut random);
        plan.steps.push(step(
            at,
            Action::CreateWorkspace {
                name,
                owner,
                template: template.name,
                parameters,
                log_level: None,
                preset: String::new(),
                version: String::new(),
                autostart: String::new(),
                ttl: None,
            },
        ));
    }
    let made = made(plan);
    for number in 0..counts("builds", workload.builds) {
        let mut random = draws.stream(&["build", &number.to_string()]);
        let Some(workspace) = one_of(&mut random, &made) else { break };
        let transition = one_of(&mut random, &TRANSITIONS).copied().unwrap_or(Transition::Stop);
        let at = workspace.at + time_until(&mut random, end.saturating_sub(workspace.at));
        let (name, owner) = (workspace.name.clone(), workspace.owner.clone());
        // Where there are tunnels, what they meet after a build may be of another version.
        let mut random = draws.stream(&["build", &number.to_string(), "update"]);
        let update = workload.tunnels.max > 0 && transition == Transition::Start && random.chance(UPDATES);
        let by = owner.clone();
        plan.steps
            .push(step(at, Action::BuildWorkspace { workspace: name, owner, by, transition, update, orphan: false }));
    }
    draw_templates(plan, workload, end, draws);
    draw_follows(plan, workload, draws);
    agents::draw(plan, workload, end, draws);
    pools::draw(plan, workload, end, draws);
    tunnels::draw(plan, workload, end, draws);
    chats::draw(plan, workload, end, draws);
    let asked: Vec<(Duration, Action)> = plan.steps.iter().filter_map(cancel_of).collect();
    for number in 0..counts("cancels", workload.cancels) {
        let mut random = draws.stream(&["cancel", &number.to_string()]);
        let Some((asked, cancel)) = one_of(&mut random, &asked).cloned() else { break };
        let at = asked + span(&mut random, CANCEL_AFTER);
        plan.steps.push(step(at, cancel));
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

/// When a job is asked for, and what would cancel it.
fn cancel_of(step: &Step) -> Option<(Duration, Action)> {
    let cancel = match &step.action {
        // Nobody calls what was built ahead by its name.
        Action::BuildWorkspace { owner, .. } if owner == AHEAD => return None,
        Action::CreateWorkspace { name: workspace, owner, .. } | Action::BuildWorkspace { workspace, owner, .. } => {
            let (workspace, owner) = (workspace.clone(), owner.clone());
            Action::CancelBuild { workspace, by: owner.clone(), owner, expect_status: None }
        }
        Action::ImportTemplate { template, version, by, .. } => {
            Action::CancelImport { template: template.clone(), version: version.clone(), by: by.clone() }
        }
        Action::DryRun { template, by, .. } => Action::CancelDryRun { template: template.clone(), by: by.clone() },
        _ => return None,
    };
    Some((step.at, cancel))
}

/// Adds imports of versions and dry runs, each by an administrator.
fn draw_templates(plan: &mut Scenario, workload: &Workload, end: Duration, draws: &Draws) {
    let counts = |kind: &str, range| count(&mut draws.stream(&["workload", kind]), range);
    for number in 0..counts("imports", workload.imports) {
        let mut random = draws.stream(&["import", &number.to_string()]);
        let Some(like) = one_of(&mut random, &plan.templates).cloned() else { break };
        let by = administrator(plan, &mut random);
        // A new version of what is there, or a template of its own.
        let version = format!("more-{}", number + 1);
        let mut template = if random.chance(NEW_VERSION) { like.name.clone() } else { format!("{}-x", like.name) };
        if plan.control.prebuilds.enabled {
            // Versions follow each other, and behave in all ways that the file knows.
            let there: Vec<&Template> = plan.templates.iter().filter(|template| template.set_up).collect();
            let mut random = draws.stream(&["import", &number.to_string(), "template"]);
            template = one_of(&mut random, &there).map_or(template, |there| there.name.clone());
        }
        // Sometimes the author forgets what has to be set.
        let set = like.variables.iter().filter(|_| !random.chance(FORGOTTEN));
        let variables = set.map(|variable| (variable.name.clone(), "chosen".to_owned())).collect();
        let activate = random.chance(ACTIVATED);
        let at = time_until(&mut random, end);
        let like = like.name;
        plan.steps.push(step(at, Action::ImportTemplate { template, version, by, like, variables, activate }));
    }
    for number in 0..counts("dry_runs", workload.dry_runs) {
        let mut random = draws.stream(&["dry run", &number.to_string()]);
        let templates: Vec<&Template> =
            plan.templates.iter().filter(|template| rest::can_be_tried_out(plan, &template.name)).collect();
        let Some(template) = one_of(&mut random, &templates).copied() else { break };
        let parameters = chosen(template, &mut random);
        let template = template.name.clone();
        let by = administrator(plan, &mut random);
        let at = time_until(&mut random, end);
        plan.steps.push(step(at, Action::DryRun { template, by, parameters }));
    }
}

/// Adds people who read the log of a build, their own.
fn draw_follows(plan: &mut Scenario, workload: &Workload, draws: &Draws) {
    let made = made(plan);
    for number in 0..count(&mut draws.stream(&["workload", "follows"]), workload.follows) {
        let mut random = draws.stream(&["follow", &number.to_string()]);
        let Some(Made { name, owner, at }) = one_of(&mut random, &made) else { break };
        let at = *at + span(&mut random, FOLLOWED_AFTER);
        let (workspace, owner) = (name.clone(), owner.clone());
        plan.steps.push(step(at, Action::FollowLogs { workspace, by: owner.clone(), owner }));
    }
}

/// What is chosen of a template's parameters; sometimes one is forgotten.
fn chosen(template: &Template, random: &mut Random) -> BTreeMap<String, String> {
    let set = template.parameters.iter().filter(|_| !random.chance(FORGOTTEN));
    set.map(|parameter| (parameter.name.clone(), "chosen".to_owned())).collect()
}

/// An administrator: one whom the file has, else one who comes into being.
fn administrator(plan: &mut Scenario, random: &mut Random) -> String {
    let admins: Vec<String> =
        plan.users.iter().filter(|(_, user)| user.role == Role::Admin).map(|(name, _)| name.clone()).collect();
    one_of(random, &admins).cloned().unwrap_or_else(|| {
        plan.users.insert(ADMINISTRATOR.to_owned(), User { role: Role::Admin, ..User::default() });
        ADMINISTRATOR.to_owned()
    })
}
