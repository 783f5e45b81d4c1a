//! Sees to it that a plan's world can come to rest.
//!
//! After the safety phase every fault heals and nobody asks for anything any more. Then the world must come to rest
//! within the settle time. That is only fair if it can: a build that would go on for hours is cancelled at the end,
//! and the settle time has room for the builds that have to be done one after another.

use std::time::Duration;

use groundhog_chattool::timing;

use crate::cast::machines;
use crate::scenario::{
    Action, Chat, ChatTool, Fault, FaultKind, FaultName, Phase, Scenario, Step, Template, ToolArguments, ToolCall,
    Transition, chat_workspace, is_control,
};
use crate::settle::{CALM, story_end};

/// A build that may take longer than this is cancelled at the end rather than waited for.
const LONG: Duration = Duration::from_mins(10);

/// The longest that a call of a tool takes once all is well, those before it included by which an assistant finds out what
/// to call it with.
const CALLS: Duration = timing::CALL_MAX.saturating_add(Duration::from_mins(5));

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
    let calm = story_end(plan) + asked_within(plan);
    let cancels: Vec<Action> = Long::all(plan).map(|long| long.cancel()).collect();
    plan.steps.extend(cancels.into_iter().map(|action| Step { line: 0, at: calm, action }));
    plan.settle = plan.settle.max(settle(plan));
    plan.duration = duration(plan);
    plan.ends_at_rest = true;
}

/// How long after everything has healed somebody may still ask for what was begun before. Tools ask on their own: one
/// that found a build under way waits for that first.
fn asked_within(plan: &Scenario) -> Duration {
    let calls = calls(plan).next().map(|_| timing::TURN_TIMEOUT + timing::DECIDE_TIMEOUT + timing::BUILD_TIMEOUT);
    CALM + calls.unwrap_or_default()
}

/// The calls of chats' tools.
fn calls(plan: &Scenario) -> impl Iterator<Item = &ToolCall> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::CallTool(call) => Some(call),
        _ => None,
    })
}

/// How long a run has to be for its world to come to rest.
pub(super) fn duration(plan: &Scenario) -> Duration {
    story_end(plan) + plan.settle + AFTERWARDS
}

/// How long a plan's world may need to come to rest.
pub(super) fn settle(plan: &Scenario) -> Duration {
    // One daemon may have to do it all.
    let work = plan.steps.iter().map(|step| takes(plan, step).unwrap_or_default()).sum::<Duration>();
    let left_alone = plan
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::ShutdownProvisioner { .. } | Action::DeleteKey { .. }))
        || plan.provisioners.is_empty()
        || plan.templates.iter().any(|template| !template.tags.is_empty());
    // A tunnel may start its workspace once more.
    let started = plan.tunnels().filter_map(|tunnel| {
        template_of(plan, &tunnel.workspace, &tunnel.owner).and_then(|template| build_takes(plan, template))
    });
    USUAL
        + work
        + started.sum::<Duration>()
        + stamps_ahead(plan)
        + pools(plan)
        + if left_alone { NOBODY_THERE } else { Duration::ZERO }
        + calls(plan).next().map_or(Duration::ZERO, |_| CALLS)
}

/// What filling the pools may take: a look at them, all their builds by one daemon, and what puts failing ones off until
/// they are given up.
fn pools(plan: &Scenario) -> Duration {
    let config = &plan.control.prebuilds;
    if !config.enabled {
        return Duration::ZERO;
    }
    let builds = plan.templates.iter().filter_map(|template| {
        let ahead = template.presets.iter().filter_map(|preset| preset.prebuilds.as_ref());
        let instances = ahead.map(|ahead| ahead.instances).fold(0_u32, u32::saturating_add);
        Some(build(template)?.saturating_mul(instances))
    });
    let looks = config.interval.saturating_mul(4).saturating_add(config.lease);
    let put_off =
        config.backoff_interval.saturating_mul(config.failure_hard_limit.saturating_mul(config.failure_hard_limit));
    builds.fold(looks.saturating_add(put_off), Duration::saturating_add)
}

/// How far in the future a time may lie that the control plane has stamped: what counts from it waits for as long.
fn stamps_ahead(plan: &Scenario) -> Duration {
    let jump = |fault: &Fault| match &fault.kind {
        FaultKind::StepClock { host, by } if is_control(host) => by.size(),
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
    let canceled = |long: &Long| {
        let asked = plan.steps.iter().filter(|step| long.is_asked_for_by(&step.action)).map(|step| step.at).max();
        let from = calm.max(asked.unwrap_or_default()).saturating_add(asked_within(plan));
        plan.steps.iter().any(|step| long.is_canceled_by(&step.action) && step.at >= from)
    };
    plan.settle >= settle(plan)
        && plan.duration >= story_end(plan).saturating_add(plan.settle)
        && Long::all(plan).all(|long| canceled(&long))
}

/// How many machines of a workspace hang at once, at most, when they are to go.
const MACHINES_THAT_HANG: u32 = 2;

/// Jobs that are not waited for.
enum Long<'a> {
    /// The builds of a workspace.
    Builds { workspace: &'a str, owner: &'a str },
    /// The import of a version, and who asked for it.
    Import { template: &'a str, version: &'a str, by: &'a str },
    /// The dry runs of a template, and who asked for them.
    DryRuns { template: &'a str, by: &'a str },
    /// The builds of one of the workspaces that a chat's tools make, by its number.
    OfChat { chat: &'a Chat, number: usize },
}

impl<'a> Long<'a> {
    /// All of them.
    fn all(plan: &'a Scenario) -> impl Iterator<Item = Self> {
        let of_chats = plan.chats.iter().filter(|chat| {
            let mut calls = calls(plan).filter(|call| call.chat == chat.name);
            calls.any(|call| call_takes(plan, call).is_none())
        });
        let of_chats =
            of_chats.flat_map(|chat| (1..=chat.workspaces as usize).map(move |number| Self::OfChat { chat, number }));
        plan.steps.iter().filter_map(|step| Self::of(plan, step)).chain(of_chats)
    }

    /// What a step begins, if that is not waited for.
    fn of(plan: &'a Scenario, step: &'a Step) -> Option<Self> {
        if takes(plan, step).is_some() {
            return None;
        }
        match &step.action {
            Action::CreateWorkspace { name, owner, .. } => Some(Self::Builds { workspace: name, owner }),
            Action::ImportTemplate { template, version, by, .. } => Some(Self::Import { template, version, by }),
            Action::DryRun { template, by, .. } => Some(Self::DryRuns { template, by }),
            // Its workspace was made by a step of its own.
            _ => None,
        }
    }

    fn cancel(self) -> Action {
        match self {
            Self::Builds { workspace, owner } => {
                let (workspace, owner) = (workspace.to_owned(), owner.to_owned());
                Action::CancelBuild { workspace, by: owner.clone(), owner, expect_status: None }
            }
            Self::Import { template, version, by } => {
                Action::CancelImport { template: template.to_owned(), version: version.to_owned(), by: by.to_owned() }
            }
            Self::DryRuns { template, by } => Action::CancelDryRun { template: template.to_owned(), by: by.to_owned() },
            Self::OfChat { chat, number } => {
                let (workspace, owner) = (chat_workspace(&chat.name, number), chat.owner.clone());
                Action::CancelBuild { workspace, by: owner.clone(), owner, expect_status: None }
            }
        }
    }

    fn is_asked_for_by(&self, action: &Action) -> bool {
        match (self, action) {
            (
                Self::Builds { workspace, owner },
                Action::CreateWorkspace { name, owner: whose, .. }
                | Action::BuildWorkspace { workspace: name, owner: whose, .. },
            ) => name == workspace && whose == owner,
            (
                Self::Import { template, version, .. },
                Action::ImportTemplate { template: other, version: other_version, .. },
            ) => other == template && other_version == version,
            (Self::DryRuns { template, .. }, Action::DryRun { template: other, .. }) => other == template,
            (Self::OfChat { chat, .. }, Action::CallTool(call)) => call.chat == chat.name,
            (Self::OfChat { chat, number }, Action::BuildWorkspace { workspace, .. }) => {
                *workspace == chat_workspace(&chat.name, *number)
            }
            _ => false,
        }
    }

    fn is_canceled_by(&self, action: &Action) -> bool {
        match (self, action) {
            (Self::Builds { workspace, owner }, Action::CancelBuild { workspace: name, owner: whose, .. }) => {
                name == workspace && whose == owner
            }
            (
                Self::Import { template, version, .. },
                Action::CancelImport { template: other, version: other_version, .. },
            ) => other == template && other_version == version,
            (Self::DryRuns { template, .. }, Action::CancelDryRun { template: other, .. }) => other == template,
            (Self::OfChat { chat, number }, Action::CancelBuild { workspace, .. }) => {
                *workspace == chat_workspace(&chat.name, *number)
            }
            _ => false,
        }
    }
}

/// How long the job takes that a step begins, if it begins one; none if that is not waited for.
fn takes(plan: &Scenario, step: &Step) -> Option<Duration> {
    match &step.action {
        Action::CreateWorkspace { template, .. } => build_takes(plan, template),
        Action::BuildWorkspace { workspace, owner, .. } => {
            let of_chat = plan.chat_of(workspace).filter(|(chat, _)| chat.owner == *owner);
            match (template_of(plan, workspace, owner), of_chat) {
                (Some(template), _) => build_takes(plan, template),
                (None, Some((chat, _))) => chat_takes(plan, &chat.name),
                (None, None) => Some(Duration::ZERO),
            }
        }
        Action::CallTool(call) => call_takes(plan, call),
        Action::ImportTemplate { like, .. } => longest(plan.templates.iter().filter(|one| one.name == *like), import),
        Action::DryRun { template, .. } => longest(plan.behaviours(template), dry_run),
        _ => Some(Duration::ZERO),
    }
}

/// How long the build takes that a call may ask for.
fn call_takes(plan: &Scenario, call: &ToolCall) -> Option<Duration> {
    match (&call.arguments, call.tool) {
        (_, ChatTool::ListTemplates | ChatTool::ReadTemplate) => Some(Duration::ZERO),
        (ToolArguments::Said(said), ChatTool::CreateWorkspace) => build_takes(plan, &said.template),
        // What stands in the text nobody knows here.
        (ToolArguments::Raw(_), _) => longest(plan.templates.iter(), build),
        (ToolArguments::Said(_), ChatTool::StartWorkspace | ChatTool::StopWorkspace) => chat_takes(plan, &call.chat),
    }
}

/// How long the builds take of any workspace that a chat comes to have.
fn chat_takes(plan: &Scenario, chat: &str) -> Option<Duration> {
    let mut made = calls(plan).filter(|call| call.chat == chat && call.tool == ChatTool::CreateWorkspace);
    made.try_fold(Duration::ZERO, |longest, call| Some(longest.max(call_takes(plan, call)?)))
}

fn template_of<'a>(plan: &'a Scenario, workspace: &str, whose: &str) -> Option<&'a str> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::CreateWorkspace { name, owner, template, .. } if name == workspace && owner == whose => {
            Some(template.as_str())
        }
        _ => None,
    })
}

fn build_takes(plan: &Scenario, template: &str) -> Option<Duration> {
    longest(plan.behaviours(template), build)
}

/// The longest job of some templates; none if one of them is not waited for.
fn longest<'a>(
    mut templates: impl Iterator<Item = &'a Template>,
    job: impl Fn(&Template) -> Option<Duration>,
) -> Option<Duration> {
    let longest = templates.try_fold(Duration::ZERO, |longest, template| Some(longest.max(job(template)?)))?;
    (longest <= LONG).then_some(longest)
}

fn phase(phase: &Phase) -> Option<Duration> {
    (!phase.hangs).then_some(phase.takes)
}

/// How long a build takes, whatever it is for, up to its agents' being there.
pub(crate) fn build(template: &Template) -> Option<Duration> {
    let transitions = [Transition::Start, Transition::Stop, Transition::Destroy];
    let phases = transitions.into_iter().try_fold(Duration::ZERO, |longest, transition| {
        let (plan, apply) = template.phases(transition);
        Some(longest.max(phase(plan)? + phase(apply)?))
    })?;
    let boots = template.agents.iter().map(|agent| agent.boots).max().unwrap_or_default();
    // Machines go one after another, and one that hangs takes all the time that it is given.
    let machines = template.agents.iter().map(|agent| agent.count.unwrap_or(1)).sum::<u32>();
    Some(phases + boots + machines::GRACE.saturating_mul(machines.min(MACHINES_THAT_HANG)))
}

/// How long an import takes: it is planned twice.
fn import(template: &Template) -> Option<Duration> {
    let (start, _) = template.phases(Transition::Start);
    let (stop, _) = template.phases(Transition::Stop);
    Some(phase(&template.parse)? + phase(start)? + phase(stop)?)
}

fn dry_run(template: &Template) -> Option<Duration> {
    phase(&template.plan)
}

/// Whether a dry run of a template is waited for. Its answer may be lost, and then nobody could cancel it.
pub(super) fn can_be_tried_out(plan: &Scenario, template: &str) -> bool {
    longest(plan.behaviours(template), dry_run).is_some()
}
