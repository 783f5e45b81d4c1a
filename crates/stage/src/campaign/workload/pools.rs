//! Draws what people do where the platform builds ahead, and where workspaces go by the clock.

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Random;
use groundhog_sim::campaign::Draws;

use super::super::{count, one_of, span, time_until};
use super::{SOMEBODY, administrator, made, step};
use crate::scenario::units::DurationRange;
use crate::scenario::{Action, FIRST_VERSION, Lifecycle, Role, Scenario, Workload};

/// How long nothing is built ahead.
const PAUSED_FOR: DurationRange = DurationRange { min: Duration::from_secs(1), max: Duration::from_mins(5) };

/// How long after a version was asked for somebody promotes it, or the one before it again.
const PROMOTED_AFTER: DurationRange = DurationRange { min: Duration::from_millis(10), max: Duration::from_mins(3) };

/// After how long of running a workspace is to stop.
const TTLS: DurationRange = DurationRange { min: Duration::from_mins(1), max: Duration::from_mins(10) };

/// How far a deadline is put off: half an hour at least is what the control plane takes.
const EXTENDED_BY: DurationRange = DurationRange { min: Duration::from_mins(10), max: Duration::from_hours(1) };

/// How often one who gives a template up deletes it, rather than saying that nothing new is to be made of it.
const DELETED: f64 = 0.4;

/// How often nothing new is to be made of a template for a while alone.
const RESTORED: f64 = 0.5;

/// How often somebody means what was built ahead and is nobody's: they are refused.
const NOBODYS: f64 = 0.3;

/// How often a claim comes together with the one before: two people want the same.
const AT_ONCE: f64 = 0.5;

/// How often a workspace that somebody takes is to stop by itself.
const STOPS: f64 = 0.3;

/// When a workspace is to start by itself: not while a story goes on, which would never come to rest. The last makes no
/// sense.
const AUTOSTARTS: [&str; 3] = ["0 22 * * *", "", "at noon"];

/// Adds it from the beginning to `end`.
pub(super) fn draw(plan: &mut Scenario, workload: &Workload, end: Duration, draws: &Draws) {
    let counts = |kind: &str, range| count(&mut draws.stream(&["workload", kind]), range);
    for number in 0..counts("promotions", workload.promotions) {
        let mut random = draws.stream(&["promotion", &number.to_string()]);
        let Some((at, action)) = promotion(plan, &mut random) else { break };
        plan.steps.push(step(at, action));
    }
    for number in 0..counts("invalidations", workload.invalidations) {
        let mut random = draws.stream(&["invalidation", &number.to_string()]);
        let Some(template) = template(plan, &mut random) else { break };
        let by = administrator(plan, &mut random);
        plan.steps.push(step(time_until(&mut random, end), Action::InvalidatePrebuilds { template, by }));
    }
    for number in 0..counts("pauses", workload.pauses) {
        let mut random = draws.stream(&["pause", &number.to_string()]);
        let by = administrator(plan, &mut random);
        let at = time_until(&mut random, end);
        let until = at + span(&mut random, PAUSED_FOR);
        plan.steps.push(step(at, Action::PausePrebuilds { by: by.clone(), paused: true }));
        plan.steps.push(step(until, Action::PausePrebuilds { by, paused: false }));
    }
    for number in 0..counts("retirements", workload.retirements) {
        let mut random = draws.stream(&["retirement", &number.to_string()]);
        let Some(template) = template(plan, &mut random) else { break };
        let by = administrator(plan, &mut random);
        let (at, until) = (time_until(&mut random, end), span(&mut random, PAUSED_FOR));
        let (deleted, restored) = (random.chance(DELETED), random.chance(RESTORED));
        if deleted {
            plan.steps.push(step(at, Action::DeleteTemplate { template, by }));
            continue;
        }
        let deprecate = |message: &str| Action::DeprecateTemplate {
            template: template.clone(),
            message: message.to_owned(),
            by: by.clone(),
        };
        plan.steps.push(step(at, deprecate("there is a better one")));
        if restored {
            plan.steps.push(step(at + until, deprecate("")));
        }
    }
    for number in 0..counts("lifecycles", workload.lifecycles) {
        let mut random = draws.stream(&["lifecycle", &number.to_string()]);
        let Some((at, action)) = lifecycle(plan, &mut random, end) else { break };
        plan.steps.push(step(at, action));
    }
}

/// A template of the file that is there from the first: one that is built ahead of, where there is one.
fn template(plan: &Scenario, random: &mut Random) -> Option<String> {
    let names = |ahead: bool| {
        let there =
            plan.templates.iter().filter(move |template| template.set_up && (!ahead || template.is_built_ahead()));
        there.map(|template| template.name.clone()).collect::<Vec<_>>()
    };
    let ahead = names(true);
    one_of(random, if ahead.is_empty() { &[] } else { &ahead }).cloned().or_else(|| names(false).first().cloned())
}

/// A version that was asked for is made the active one, or the first one is again.
fn promotion(plan: &mut Scenario, random: &mut Random) -> Option<(Duration, Action)> {
    let imported = plan.steps.iter().filter_map(|step| match &step.action {
        Action::ImportTemplate { template, version, .. } => Some((template.clone(), version.clone(), step.at)),
        _ => None,
    });
    let there = plan.templates.iter().filter(|template| template.set_up);
    let first = there.map(|template| (template.name.clone(), FIRST_VERSION.to_owned(), Duration::ZERO));
    let known: Vec<(String, String, Duration)> = imported.chain(first).collect();
    let (template, version, asked) = one_of(random, &known).cloned()?;
    // The first one again only after something else was.
    let latest = known.iter().filter(|one| one.0 == template).map(|one| one.2).max().unwrap_or(asked);
    let by = administrator(plan, random);
    Some((latest + span(random, PROMOTED_AFTER), Action::ActivateVersion { template, version, by }))
}

/// Somebody asks for a workspace of a preset that is built ahead of.
pub(super) fn claim(
    plan: &mut Scenario,
    random: &mut Random,
    number: u64,
    end: Duration,
) -> Option<(Duration, Action)> {
    let presets = plan.templates.iter().filter(|template| template.set_up).flat_map(|template| {
        let ahead = template.presets.iter().filter(|preset| preset.prebuilds.is_some());
        ahead.map(|preset| (template.name.clone(), preset.name.clone()))
    });
    let presets: Vec<(String, String)> = presets.collect();
    let (template, preset) = one_of(random, &presets).cloned()?;
    let people: Vec<String> =
        plan.users.iter().filter(|(_, user)| user.role != Role::Prebuilds).map(|(name, _)| name.clone()).collect();
    let owner = one_of(random, &people).cloned().unwrap_or_else(|| SOMEBODY.to_owned());
    plan.users.entry(owner.clone()).or_default();
    let anywhere = time_until(random, end);
    let before = plan.steps.iter().rev().find_map(|step| match &step.action {
        Action::CreateWorkspace { preset, .. } if !preset.is_empty() => Some(step.at),
        _ => None,
    });
    let at = before.filter(|_| random.chance(AT_ONCE)).unwrap_or(anywhere);
    let ttl = span(random, TTLS);
    let ttl = random.chance(STOPS).then_some(ttl);
    let action = Action::CreateWorkspace {
        name: format!("mine-{}", number + 1),
        owner,
        template,
        parameters: BTreeMap::new(),
        log_level: None,
        preset,
        version: String::new(),
        autostart: String::new(),
        ttl,
    };
    Some((at, action))
}

/// Somebody says when a workspace starts, stops and goes by itself.
fn lifecycle(plan: &mut Scenario, random: &mut Random, end: Duration) -> Option<(Duration, Action)> {
    let made = made(plan);
    let nobodys = random.chance(NOBODYS) && plan.control.prebuilds.enabled;
    let by = administrator(plan, random);
    let at = time_until(random, end);
    let lifecycle = match random.below(4) {
        0 => Lifecycle {
            autostart: Some(one_of(random, &AUTOSTARTS).copied().unwrap_or_default().to_owned()),
            ..Lifecycle::default()
        },
        1 => Lifecycle { ttl: Some(span(random, TTLS)), ..Lifecycle::default() },
        2 => Lifecycle { dormant: Some(random.chance(0.5)), ..Lifecycle::default() },
        _ => Lifecycle { extend: Some(span(random, EXTENDED_BY)), ..Lifecycle::default() },
    };
    if nobodys {
        let workspace = crate::scenario::ahead(usize::try_from(random.between(1, 4)).unwrap_or(1));
        let owner = crate::scenario::AHEAD.to_owned();
        return Some((at, Action::SetLifecycle { workspace, owner, by, lifecycle }));
    }
    let one = one_of(random, &made)?;
    let (workspace, owner) = (one.name.clone(), one.owner.clone());
    Some((at.max(one.at), Action::SetLifecycle { workspace, by: owner.clone(), owner, lifecycle }))
}
