//! What workspaces are made from, as a file says it.

use toml_edit::{Array, InlineTable, Table, Value, value};

use super::agents::agent;
use super::{tags, text_of, texts};
use crate::scenario::{
    ExternalAuth, LogLevel, Logs, Misbehaviour, OnCancel, Parameter, Phase, Phases, Prebuilds, Preset, Replacement,
    Schedule, Template, Variable,
};

pub(super) fn template(template: &Template) -> Table {
    let mut table = Table::new();
    table["name"] = value(&template.name);
    tags(&mut table, &template.tags);
    for (key, one) in [("parse", &template.parse), ("plan", &template.plan), ("apply", &template.apply)] {
        let inline = phase(one);
        if !inline.is_empty() {
            table[key] = value(inline);
        }
    }
    for (key, own) in [("stop", &template.stop), ("destroy", &template.destroy)] {
        if let Some(own) = own {
            table[key] = value(phases(own, template));
        }
    }
    let mut lists = InlineTable::new();
    put(&mut lists, "variables", template.variables.iter().map(variable));
    put(&mut lists, "parameters", template.parameters.iter().map(parameter));
    put(&mut lists, "presets", template.presets.iter().map(preset));
    put(&mut lists, "external_auth", template.external_auth.iter().map(service));
    put(&mut lists, "agents", template.agents.iter().map(agent));
    for (key, list) in lists {
        table[&key] = value(list);
    }
    if !template.readme.is_empty() {
        table["readme"] = value(&template.readme);
    }
    if !template.set_up {
        table["set_up"] = value(false);
    }
    if let Some(organization) = &template.organization {
        table["organization"] = value(organization);
    }
    for (key, span) in [
        ("default_ttl", template.default_ttl),
        ("dormant_after", template.dormant_after),
        ("deleted_after", template.deleted_after),
    ] {
        if let Some(span) = span {
            table[key] = value(text_of(span));
        }
    }
    table
}

/// A list, unless it is empty.
pub(super) fn put(table: &mut InlineTable, key: &str, entries: impl Iterator<Item = InlineTable>) {
    let list: Array = entries.collect();
    if !list.is_empty() {
        table.insert(key, Value::Array(list));
    }
}

/// What is as it is with a start is left out.
fn phases(own: &Phases, start: &Template) -> InlineTable {
    let mut table = InlineTable::new();
    for (key, one, other) in [("plan", &own.plan, &start.plan), ("apply", &own.apply, &start.apply)] {
        if one != other {
            table.insert(key, Value::InlineTable(phase(one)));
        }
    }
    table
}

/// A type that is not the usual one.
fn kind(table: &mut InlineTable, kind: &str) {
    if kind != "string" {
        table.insert("type", kind.into());
    }
}

/// A text, unless it is empty.
pub(super) fn text(table: &mut InlineTable, key: &str, text: &str) {
    if !text.is_empty() {
        table.insert(key, text.into());
    }
}

/// Each of these that holds.
fn flags<const N: usize>(table: &mut InlineTable, flags: [(&str, bool); N]) {
    for (key, _) in flags.into_iter().filter(|(_, holds)| *holds) {
        table.insert(key, true.into());
    }
}

fn variable(variable: &Variable) -> InlineTable {
    let mut table = InlineTable::from_iter([("name", variable.name.as_str())]);
    kind(&mut table, &variable.kind);
    if let Some(default) = &variable.default {
        table.insert("default", default.into());
    }
    flags(&mut table, [("required", variable.required), ("sensitive", variable.sensitive)]);
    table
}

fn parameter(parameter: &Parameter) -> InlineTable {
    let mut table = InlineTable::from_iter([("name", parameter.name.as_str())]);
    kind(&mut table, &parameter.kind);
    text(&mut table, "form_type", &parameter.form_type);
    if let Some(default) = &parameter.default {
        table.insert("default", default.into());
    }
    flags(&mut table, [("required", parameter.required), ("mutable", parameter.mutable)]);
    table
}

fn preset(preset: &Preset) -> InlineTable {
    let mut table = InlineTable::from_iter([("name", preset.name.as_str())]);
    if !preset.parameters.is_empty() {
        table.insert("parameters", Value::InlineTable(texts(&preset.parameters)));
    }
    flags(&mut table, [("default", preset.default)]);
    if let Some(ahead) = &preset.prebuilds {
        table.insert("prebuilds", Value::InlineTable(prebuilds(ahead)));
    }
    table
}

fn prebuilds(prebuilds: &Prebuilds) -> InlineTable {
    let mut table = InlineTable::from_iter([("instances", i64::from(prebuilds.instances))]);
    if let Some(after) = prebuilds.expires_after {
        table.insert("expires_after", text_of(after));
    }
    text(&mut table, "timezone", &prebuilds.timezone);
    let schedule = |schedule: &Schedule| {
        let mut table = InlineTable::from_iter([("cron", schedule.cron.as_str())]);
        table.insert("instances", i64::from(schedule.instances).into());
        table
    };
    put(&mut table, "schedules", prebuilds.schedules.iter().map(schedule));
    table
}

fn service(service: &ExternalAuth) -> InlineTable {
    let mut table = InlineTable::from_iter([("id", service.id.as_str())]);
    flags(&mut table, [("optional", service.optional)]);
    table
}

fn phase(phase: &Phase) -> InlineTable {
    let mut table = InlineTable::new();
    if !phase.takes.is_zero() {
        table.insert("takes", text_of(phase.takes));
    }
    match phase.on_cancel {
        OnCancel::Ignore => {
            table.insert("on_cancel", "ignore".into());
        }
        OnCancel::Obey { takes } if !takes.is_zero() => {
            table.insert("cancel_takes", text_of(takes));
        }
        OnCancel::Obey { .. } => {}
    }
    if let Some(written) = &phase.logs {
        table.insert("logs", Value::InlineTable(logs(written)));
    }
    if let Some(error) = &phase.fails {
        table.insert("fails", error.into());
    }
    if phase.hangs {
        table.insert("hangs", true.into());
    }
    if phase.daily_cost > 0 {
        table.insert("daily_cost", i64::from(phase.daily_cost).into());
    }
    if let Some(state) = &phase.state {
        table.insert("state", state.into());
    }
    if let Some(state) = &phase.finds {
        table.insert("finds", state.into());
    }
    let misbehaves = phase.misbehaves.map(|misbehaves| match misbehaves {
        Misbehaviour::Closes => "closes",
        Misbehaviour::WrongAnswer => "wrong_answer",
        Misbehaviour::AnswersTwice => "answers_twice",
        Misbehaviour::AnswersEarly => "answers_early",
    });
    if let Some(misbehaves) = misbehaves {
        table.insert("misbehaves", misbehaves.into());
    }
    let replacement = |one: &Replacement| {
        let mut inline = InlineTable::new();
        inline.insert("resource", one.resource.as_str().into());
        if !one.paths.is_empty() {
            inline.insert("paths", Value::Array(one.paths.iter().collect()));
        }
        inline
    };
    put(&mut table, "replacements", phase.replacements.iter().map(replacement));
    table
}

fn logs(logs: &Logs) -> InlineTable {
    let mut table = InlineTable::new();
    table.insert("every", text_of(logs.every));
    table.insert("line", logs.line.as_str().into());
    if let Some(count) = logs.count {
        table.insert("count", i64::try_from(count).unwrap_or(i64::MAX).into());
    }
    if logs.level != LogLevel::Info {
        table.insert("level", level_text(logs.level).into());
    }
    table
}

pub(super) fn level_text(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}
