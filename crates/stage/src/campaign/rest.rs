//! Sees to it that a plan's world can come to rest.
//!
//! After the safety phase every fault heals and nobody asks for anything any more. Then the world must come to rest
//! within the settle time. That is only fair if it can: a build that would go on for hours is cancelled at the end,
//! and the settle time has room for the builds that have to be done one after another.

use std::time::Duration;

use crate::scenario::{Action, CONTROL, Fault, FaultKind, FaultName, Phase, Scenario, Step};
use crate::settle::{CALM, story_end};

/// A build that may take longer than this is cancelled at the end rather than waited for.
const LONG: Duration = Duration::from_mins(10);

/// A job that no daemon can take is given up by the reaper after half an hour.
const NOBODY_THERE: Duration = Duration::from_mins(35);

/// How much longer a run goes on than the world has to come to rest: bounds that count from something late can be
/// checked too.
const AFTERWARDS: Duration = Duration::from_mins(1);

/// The fault that ends last, and when.
pub(super) fn last_fault(plan: &Scenario) -> Option<(FaultName, Duration)> {
    let ends = plan.faults.iter().map(|fault| (fault.kind.name(), fault.ends_at().unwrap_or(fault.at)));
    ends.max_by_key(|(_, end)| *end)
}

/// Ends what would last for ever by `within`, cancels what would take too long once everybody who asked for a build has
/// got it, and gives the world time to rest.
pub(super) fn come_to_rest(plan: &mut Scenario, within: Duration) {
    for fault in &mut plan.faults {
        if fault.ends_at().is_none() {
            fault.lasts = Some(within.saturating_sub(fault.at).max(Duration::from_secs(1)));
        }
    }
    let calm = story_end(plan) + CALM;
    let endless: Vec<(String, String)> =
        long_workspaces(plan).map(|(name, owner)| (name.to_owned(), owner.to_owned())).collect();
    for (workspace, owner) in endless {
        let action = Action::CancelBuild { workspace, by: owner.clone(), owner, expect_status: None };
        plan.steps.push(Step { line: 0, at: calm, action });
    }
    plan.settle = plan.settle.max(settle(plan));
    plan.duration = duration(plan);
    plan.ends_at_rest = true;
}

/// How long a run has to be for its world to come to rest.
pub(super) fn duration(plan: &Scenario) -> Duration {
    story_end(plan) + plan.settle + AFTERWARDS
}

/// How long a plan's world may need to come to rest.
pub(super) fn settle(plan: &Scenario) -> Duration {
    let builds = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateWorkspace { template, .. } => Some(template.as_str()),
        Action::BuildWorkspace { workspace, owner, .. } => template_of(plan, workspace, owner),
        _ => None,
    });
    // One daemon may have to do them all.
    let work = builds.map(|template| takes(plan, template).unwrap_or(Duration::ZERO)).sum::<Duration>();
    let left_alone = plan.steps.iter().any(|step| matches!(step.action, Action::ShutdownProvisioner { .. }))
        || plan.provisioners.is_empty()
        || plan.templates.iter().any(|template| !template.tags.is_empty());
    USUAL + work + stamps_ahead(plan) + if left_alone { NOBODY_THERE } else { Duration::ZERO }
}

/// How far in the future a time may lie that the control plane has stamped: what counts from it waits for as long.
fn stamps_ahead(plan: &Scenario) -> Duration {
    let jump = |fault: &Fault| match &fault.kind {
        FaultKind::StepClock { host, by } if host == CONTROL => by.size(),
        _ => Duration::ZERO,
    };
    plan.faults.iter().map(jump).sum()
}

/// What healing takes by itself: the time after which a worker counts as dead (5 min), that after which a cancelled
/// job is ended by force (10 min), and the reaper's look.
const USUAL: Duration = Duration::from_mins(20);

/// Whether what `plan` begins can end in time. A plan of which that is not so fails by its own fault, and a shrinker
/// must not end up there.
pub(super) fn is_fair(plan: &Scenario) -> bool {
    let calm = plan.faults.iter().map(|fault| fault.ends_at().unwrap_or(Duration::MAX)).max().unwrap_or_default();
    let canceled = |name: &str, owner: &str| {
        let about = |step: &&Step| match &step.action {
            Action::CreateWorkspace { name: workspace, owner: whose, .. }
            | Action::BuildWorkspace { workspace, owner: whose, .. } => workspace == name && whose == owner,
            _ => false,
        };
        let asked = plan.steps.iter().filter(about).map(|step| step.at).max().unwrap_or_default();
        plan.steps.iter().any(|step| {
            matches!(&step.action, Action::CancelBuild { workspace, owner: whose, .. } if workspace == name && whose == owner)
                && step.at >= calm.max(asked).saturating_add(CALM)
        })
    };
    plan.settle >= settle(plan)
        && plan.duration >= story_end(plan).saturating_add(plan.settle)
        && long_workspaces(plan).all(|(name, owner)| canceled(name, owner))
}

/// Workspaces whose builds are not waited for, and whose they are.
fn long_workspaces(plan: &Scenario) -> impl Iterator<Item = (&str, &str)> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateWorkspace { name, owner, template } if takes(plan, template).is_none() => {
            Some((name.as_str(), owner.as_str()))
        }
        _ => None,
    })
}

fn template_of<'a>(plan: &'a Scenario, workspace: &str, whose: &str) -> Option<&'a str> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::CreateWorkspace { name, owner, template } if name == workspace && owner == whose => {
            Some(template.as_str())
        }
        _ => None,
    })
}

/// How long a build of a template takes; none if that is not waited for.
fn takes(plan: &Scenario, name: &str) -> Option<Duration> {
    let template = plan.templates.iter().find(|template| template.name == name)?;
    let phase = |phase: &Phase| (!phase.hangs).then_some(phase.takes);
    let total = phase(&template.plan)? + phase(&template.apply)?;
    (total <= LONG).then_some(total)
}
