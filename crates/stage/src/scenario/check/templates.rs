//! What workspaces are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::Spanned;

use super::values::{duration, duration_above_zero, duration_or, whole, whole_u32};
use super::world::{CREDITS_MAX, organization, some_text};
use super::{Check, agents, declarations, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::{LogLevel, Logs, Misbehaviour, OnCancel, Phase, Phases, Replacement, Template, raw};

/// Lines closer than this would make a phase of an hour write more than a run can hold.
const LOG_EVERY_MIN: Duration = Duration::from_millis(1);

pub(super) fn templates(check: &mut Check<'_>, raw: Vec<Spanned<raw::Template>>) -> Vec<Template> {
    let mut seen = BTreeSet::new();
    let mut templates = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "template", &raw.name);
        let plan = phase(check, raw.plan.unwrap_or_default());
        let apply = phase(check, raw.apply.unwrap_or_default());
        let start = Phases { plan, apply };
        templates.push(Template {
            name: raw.name.into_inner(),
            tags: raw.tags,
            parse: phase(check, raw.parse.unwrap_or_default()),
            stop: raw.stop.map(|raw| phases(check, raw, &start)),
            destroy: raw.destroy.map(|raw| phases(check, raw, &start)),
            plan: start.plan,
            apply: start.apply,
            variables: declarations::variables(check, raw.variables),
            parameters: declarations::parameters(check, raw.parameters),
            presets: declarations::presets(check, raw.presets),
            external_auth: declarations::external_auth(check, raw.external_auth),
            agents: agents::agents(check, raw.agents),
            readme: raw.readme.unwrap_or_default(),
            set_up: raw.set_up.unwrap_or(true),
            organization: organization(check, raw.organization),
            default_ttl: raw.default_ttl.as_ref().and_then(|raw| duration_above_zero(check, raw)),
            dormant_after: raw.dormant_after.as_ref().and_then(|raw| duration_above_zero(check, raw)),
            deleted_after: raw.deleted_after.as_ref().and_then(|raw| duration_above_zero(check, raw)),
        });
    }
    check.templates = seen;
    check.presets = presets_of(&templates);
    templates
}

fn presets_of(templates: &[Template]) -> BTreeMap<String, BTreeSet<String>> {
    let names = |template: &Template| template.presets.iter().map(|preset| preset.name.clone()).collect();
    templates.iter().map(|template| (template.name.clone(), names(template))).collect()
}

/// What is left out is as it is with a start.
fn phases(check: &mut Check<'_>, raw: raw::Phases, start: &Phases) -> Phases {
    Phases {
        plan: raw.plan.map_or_else(|| start.plan.clone(), |raw| phase(check, raw)),
        apply: raw.apply.map_or_else(|| start.apply.clone(), |raw| phase(check, raw)),
    }
}

fn phase(check: &mut Check<'_>, raw: raw::Phase) -> Phase {
    let hangs = raw.hangs.unwrap_or_default();
    if let (true, Some(fails)) = (hangs, &raw.fails) {
        check.report(
            Diagnostic::new("contradiction", "a phase that hangs never comes to fail")
                .at(fails.span())
                .help("leave out `hangs` or `fails`"),
        );
    }
    if let (true, Some(takes)) = (hangs, &raw.takes) {
        check.report(
            Diagnostic::new("contradiction", "a phase that hangs takes for ever")
                .at(takes.span())
                .help("leave out `hangs` or `takes`"),
        );
    }
    let on_cancel = match raw.on_cancel.unwrap_or(raw::OnCancel::Obey) {
        raw::OnCancel::Obey => OnCancel::Obey { takes: duration_or(check, raw.cancel_takes.as_ref(), Duration::ZERO) },
        raw::OnCancel::Ignore => {
            if let Some(takes) = &raw.cancel_takes {
                check.report(
                    Diagnostic::new("contradiction", "ignoring a cancel takes no time")
                        .at(takes.span())
                        .help("leave out `cancel_takes`, or let `on_cancel` be \"obey\""),
                );
            }
            OnCancel::Ignore
        }
    };
    Phase {
        takes: duration_or(check, raw.takes.as_ref(), Duration::ZERO),
        on_cancel,
        logs: raw.logs.map(|raw| logs(check, raw)),
        // A job's error is what tells a failed job from a good one.
        fails: raw.fails.as_ref().map(|raw| some_text(check, raw, "a failure has an error text")),
        hangs,
        daily_cost: raw.daily_cost.as_ref().map_or(0, |raw| whole_u32(check, raw, 0..=CREDITS_MAX)),
        state: raw.state,
        finds: raw.finds,
        misbehaves: raw.misbehaves.map(|misbehaves| match misbehaves {
            raw::Misbehaviour::Closes => Misbehaviour::Closes,
            raw::Misbehaviour::WrongAnswer => Misbehaviour::WrongAnswer,
            raw::Misbehaviour::AnswersTwice => Misbehaviour::AnswersTwice,
            raw::Misbehaviour::AnswersEarly => Misbehaviour::AnswersEarly,
        }),
        replacements: raw
            .replacements
            .into_iter()
            .map(|raw| Replacement { resource: raw.resource, paths: raw.paths })
            .collect(),
    }
}

fn logs(check: &mut Check<'_>, raw: raw::Logs) -> Logs {
    let every = duration(check, &raw.every).unwrap_or(LOG_EVERY_MIN);
    if every < LOG_EVERY_MIN {
        check.report(
            Diagnostic::new("out-of-range", "these lines come too fast")
                .at(raw.every.span())
                .help("expected at least \"1ms\" between two lines"),
        );
    }
    Logs {
        every,
        line: raw.line.unwrap_or_else(|| "line {n}".to_owned()),
        count: raw.count.as_ref().map(|raw| whole(check, raw, 0..=i64::MAX).unsigned_abs()),
        level: log_level(raw.level.unwrap_or(raw::LogLevel::Info)),
    }
}

pub(super) fn log_level(raw: raw::LogLevel) -> LogLevel {
    match raw {
        raw::LogLevel::Trace => LogLevel::Trace,
        raw::LogLevel::Debug => LogLevel::Debug,
        raw::LogLevel::Info => LogLevel::Info,
        raw::LogLevel::Warn => LogLevel::Warn,
        raw::LogLevel::Error => LogLevel::Error,
    }
}
