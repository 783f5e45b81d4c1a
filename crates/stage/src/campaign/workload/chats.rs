//! Draws what assistants do in people's chats, and what people do meanwhile to the workspaces that come of it.

use std::time::Duration;

use groundhog_host::Random;
use groundhog_sim::campaign::Draws;

use super::super::{count, one_of, span, time_until};
use super::{TRANSITIONS, chosen, made, step};
use crate::scenario::units::DurationRange;
use crate::scenario::{
    Action, Chat, ChatTool, Said, Scenario, Template, ToolArguments, ToolCall, Workload, chat_workspace,
};

/// Which tools are called: most often the one that gets a chat its workspace.
const TOOLS: [ChatTool; 8] = [
    ChatTool::CreateWorkspace,
    ChatTool::CreateWorkspace,
    ChatTool::CreateWorkspace,
    ChatTool::CreateWorkspace,
    ChatTool::CreateWorkspace,
    ChatTool::StartWorkspace,
    ChatTool::StopWorkspace,
    ChatTool::ListTemplates,
];

/// How often a call comes soon after the one before, in the same chat: a model asks for several things at once, or an
/// assistant whose runtime died is told the same again.
const AGAIN: f64 = 0.6;

/// How soon.
const AGAIN_AFTER: DurationRange = DurationRange { min: Duration::from_millis(1), max: Duration::from_mins(2) };

/// How often such a call comes in the very instant.
const AT_ONCE: f64 = 0.4;

/// What a model calls a workspace, after its owner. The first is usual, the others clash with each other, or with the rule
/// for names.
const NAMES: [&str; 5] = ["", "", "{owner}-dev", "{owner}-dev", "{owner}'s project!"];

/// How often a model names the template that the chat's first call named, as if it remembered.
const SAME_TEMPLATE: f64 = 0.6;

/// How often it names a template that nobody has ever heard of.
const WRONG_TEMPLATE: f64 = 0.05;

/// How often it names a preset, where the template has any.
const PRESET: f64 = 0.5;

/// How long after a call somebody meddles with what came of it: while it is built, while it starts, or later.
const MEDDLED_AFTER: DurationRange = DurationRange { min: Duration::from_millis(10), max: Duration::from_mins(10) };

/// How often they cancel a build rather than ask for another one.
const CANCELED: f64 = 0.4;

/// Adds it from the beginning to `end`. Where the file has no chats, nothing is drawn.
pub(super) fn draw(plan: &mut Scenario, workload: &Workload, end: Duration, draws: &Draws) {
    if plan.chats.is_empty() {
        return;
    }
    let counts = |kind: &str, range| count(&mut draws.stream(&["workload", kind]), range);
    let mut before: Option<(Duration, String)> = None;
    for number in 0..counts("tool_calls", workload.tool_calls) {
        let mut random = draws.stream(&["tool call", &number.to_string()]);
        let Some((at, call)) = call(plan, &mut random, before.as_ref(), end) else { break };
        before = Some((at, call.chat.clone()));
        plan.steps.push(step(at, Action::CallTool(call)));
    }
    for number in 0..counts("attaches", workload.attaches) {
        let mut random = draws.stream(&["attach", &number.to_string()]);
        let Some((at, action)) = attach(plan, &mut random, end) else { break };
        plan.steps.push(step(at, action));
    }
    for number in 0..counts("interventions", workload.interventions) {
        let mut random = draws.stream(&["intervention", &number.to_string()]);
        let Some((at, action)) = intervention(plan, &mut random) else { break };
        plan.steps.push(step(at, action));
    }
}

/// An assistant calls a tool.
fn call(
    plan: &Scenario,
    random: &mut Random,
    before: Option<&(Duration, String)>,
    end: Duration,
) -> Option<(Duration, ToolCall)> {
    let chat = one_of(random, &plan.chats)?.name.clone();
    let on = one_of(random, &plan.assistants)?.name.clone();
    let tool = one_of(random, &TOOLS).copied()?;
    let anywhere = time_until(random, end);
    let (again, at_once, after) = (random.chance(AGAIN), random.chance(AT_ONCE), span(random, AGAIN_AFTER));
    let (at, chat) = match before.filter(|_| again) {
        Some((before, chat)) if at_once => (*before, chat.clone()),
        Some((before, chat)) => (*before + after, chat.clone()),
        None => (anywhere, chat),
    };
    let said = match tool {
        ChatTool::CreateWorkspace => said(plan, random, plan.chats.iter().find(|one| one.name == chat)?),
        _ => Said::default(),
    };
    Some((at, ToolCall { tool, chat, on, arguments: ToolArguments::Said(said) }))
}

/// What a model asks for.
fn said(plan: &Scenario, random: &mut Random, chat: &Chat) -> Said {
    let set_up: Vec<&Template> = plan.templates.iter().filter(|template| template.set_up).collect();
    let drawn = one_of(random, &set_up).copied();
    let same = random.chance(SAME_TEMPLATE);
    let first = plan.steps.iter().find_map(|step| match &step.action {
        Action::CallTool(ToolCall { chat: other, arguments: ToolArguments::Said(said), .. }) if *other == chat.name => {
            set_up.iter().copied().find(|template| template.name == said.template)
        }
        _ => None,
    });
    let template = first.filter(|_| same).or(drawn);
    let name = one_of(random, &NAMES).copied().unwrap_or_default().replace("{owner}", &chat.owner);
    let template_id = random.uuid().to_string();
    let Some(template) = template.filter(|_| !random.chance(WRONG_TEMPLATE)) else {
        return Said { template_id, name, ..Said::default() };
    };
    let preset = one_of(random, &template.presets).map(|preset| preset.name.clone());
    let preset = preset.filter(|_| random.chance(PRESET)).unwrap_or_default();
    let parameters = chosen(template, random);
    Said { template: template.name.clone(), name, preset, parameters, ..Said::default() }
}

/// A person gives their chat a workspace that they have already.
fn attach(plan: &Scenario, random: &mut Random, end: Duration) -> Option<(Duration, Action)> {
    let own = |chat: &Chat| {
        let own = made(plan).into_iter().filter(|made| made.owner == chat.owner);
        own.map(|made| (chat.name.clone(), made)).collect::<Vec<_>>()
    };
    let possible: Vec<_> = plan.chats.iter().flat_map(own).collect();
    let (chat, made) = one_of(random, &possible)?;
    let at = made.at + time_until(random, end.saturating_sub(made.at));
    let (workspace, owner) = (made.name.clone(), made.owner.clone());
    Some((at, Action::AttachWorkspace { chat: chat.clone(), workspace, by: owner.clone(), owner }))
}

/// A person stops, starts or deletes what their chat has, or has its build end.
fn intervention(plan: &Scenario, random: &mut Random) -> Option<(Duration, Action)> {
    let created = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CallTool(call) if call.tool == ChatTool::CreateWorkspace => Some((step.at, call.chat.clone())),
        _ => None,
    });
    let created: Vec<(Duration, String)> = created.collect();
    let (asked, chat) = one_of(random, &created)?;
    let chat = plan.chats.iter().find(|one| one.name == *chat)?;
    // The first ones that a chat has are those that there are.
    let number = random.between(1, u64::from(chat.workspaces.max(1))).min(random.between(1, 2));
    let workspace = chat_workspace(&chat.name, usize::try_from(number).unwrap_or(1));
    let at = *asked + span(random, MEDDLED_AFTER);
    let (owner, by) = (chat.owner.clone(), chat.owner.clone());
    let transition = one_of(random, &TRANSITIONS).copied()?;
    let action = if random.chance(CANCELED) {
        Action::CancelBuild { workspace, owner, by, expect_status: None }
    } else {
        Action::BuildWorkspace { workspace, owner, by, transition, update: false, orphan: false }
    };
    Some((at, action))
}
