//! What a template declares.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::prebuilds::chosen;
use super::values::duration_above_zero;
use super::{Check, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::{ExternalAuth, Parameter, Prebuilds, Preset, Schedule, Variable, raw};

/// The types of variables.
const VARIABLE_TYPES: &[&str] = &["string", "number", "bool"];

/// The types of parameters.
const PARAMETER_TYPES: &[&str] = &["string", "number", "bool", "list(string)"];

/// Workspaces that are built ahead for one preset, at most: what the protocol carries.
const INSTANCES_MAX: u64 = i32::MAX.unsigned_abs() as u64;

/// The most presets that one entry stands for: ten times what the largest platform that was reported has.
const PRESETS_MAX: u64 = 10_000;

pub(super) fn variables(check: &mut Check<'_>, raw: Vec<raw::Variable>) -> Vec<Variable> {
    let mut seen = BTreeSet::new();
    let variable = |raw: raw::Variable| {
        let name = declared(check, &mut seen, "variable", &raw.name);
        let required = raw.required.unwrap_or_default();
        Variable {
            name,
            kind: kind(check, raw.kind.as_ref(), VARIABLE_TYPES),
            default: default(check, raw.default, required),
            required,
            sensitive: raw.sensitive.unwrap_or_default(),
        }
    };
    raw.into_iter().map(variable).collect()
}

pub(super) fn parameters(check: &mut Check<'_>, raw: Vec<raw::Parameter>) -> Vec<Parameter> {
    let mut seen = BTreeSet::new();
    let parameter = |raw: raw::Parameter| {
        let name = declared(check, &mut seen, "parameter", &raw.name);
        let required = raw.required.unwrap_or_default();
        Parameter {
            name,
            kind: kind(check, raw.kind.as_ref(), PARAMETER_TYPES),
            form_type: raw.form_type.unwrap_or_default(),
            default: default(check, raw.default, required),
            required,
            mutable: raw.mutable.unwrap_or_default(),
        }
    };
    raw.into_iter().map(parameter).collect()
}

pub(super) fn presets(check: &mut Check<'_>, raw: Vec<raw::Preset>) -> Vec<Preset> {
    let mut seen = BTreeSet::new();
    let mut presets = Vec::new();
    for raw in raw {
        let ahead = raw.prebuilds.map(|raw| prebuilds(check, raw));
        let one = Preset {
            name: raw.name.get_ref().clone(),
            parameters: texts(&raw.parameters),
            default: raw.default.unwrap_or_default(),
            prebuilds: ahead,
        };
        let Some(count) = &raw.count else {
            declared(check, &mut seen, "preset", &raw.name);
            presets.push(one);
            continue;
        };
        if one.default {
            check.report(
                Diagnostic::new("contradiction", "one preset alone can be the default")
                    .at(count.span())
                    .help("leave out `default` or `count`"),
            );
        }
        for number in 1..=names::at_least_one(check, count, PRESETS_MAX) {
            let preset = numbered(&one, number);
            names::unique_as(check, &mut seen, "preset", &raw.name, &preset.name);
            presets.push(preset);
        }
    }
    presets
}

/// One of several presets: its number stands in its name, and wherever else `{n}` does.
fn numbered(one: &Preset, number: u32) -> Preset {
    let filled = |text: &String| text.replace("{n}", &number.to_string());
    let name = if one.name.contains("{n}") { filled(&one.name) } else { format!("{}-{number}", one.name) };
    let parameters = one.parameters.iter().map(|(name, value)| (name.clone(), filled(value))).collect();
    Preset { name, parameters, ..one.clone() }
}

fn prebuilds(check: &mut Check<'_>, raw: raw::Prebuilds) -> Prebuilds {
    let schedule = |raw: raw::Schedule, check: &mut Check<'_>| Schedule {
        cron: raw.cron,
        instances: chosen(check, &raw.instances, INSTANCES_MAX, 0),
    };
    Prebuilds {
        instances: chosen(check, &raw.instances, INSTANCES_MAX, 0),
        expires_after: raw.expires_after.as_ref().and_then(|raw| duration_above_zero(check, raw)),
        timezone: raw.timezone.unwrap_or_default(),
        schedules: raw.schedules.into_iter().map(|raw| schedule(raw, check)).collect(),
    }
}

pub(super) fn external_auth(check: &mut Check<'_>, raw: Vec<raw::ExternalAuth>) -> Vec<ExternalAuth> {
    let mut seen = BTreeSet::new();
    let service = |raw: raw::ExternalAuth| ExternalAuth {
        id: declared(check, &mut seen, "service", &raw.id),
        optional: raw.optional.unwrap_or_default(),
    };
    raw.into_iter().map(service).collect()
}

/// Values by name, each as the text that it is.
pub(super) fn texts(raw: &BTreeMap<String, raw::FieldText>) -> BTreeMap<String, String> {
    raw.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect()
}

/// A name that is declared once. Its form is the template's business.
fn declared(check: &mut Check<'_>, seen: &mut BTreeSet<String>, kind: &str, name: &Spanned<String>) -> String {
    if name.get_ref().is_empty() {
        check.report(Diagnostic::new("bad-name", "a name is not empty").at(name.span()).help("give it a name"));
    }
    names::unique(check, seen, kind, name);
    name.get_ref().clone()
}

fn kind(check: &mut Check<'_>, raw: Option<&Spanned<String>>, known: &[&str]) -> String {
    let Some(raw) = raw else { return known[0].to_owned() };
    if !known.contains(&raw.get_ref().as_str()) {
        let diagnostic = Diagnostic::new("unknown-type", format!("there is no type `{}`", raw.get_ref()))
            .at(raw.span())
            .help_with_names(raw.get_ref(), known.iter().copied());
        check.report(diagnostic);
    }
    raw.get_ref().clone()
}

fn default(check: &mut Check<'_>, raw: Option<Spanned<raw::FieldText>>, required: bool) -> Option<String> {
    let raw = raw?;
    if required {
        check.report(
            Diagnostic::new("contradiction", "what has a default need not be set")
                .at(raw.span())
                .help("leave out `required` or `default`"),
        );
    }
    Some(raw.into_inner().0)
}
