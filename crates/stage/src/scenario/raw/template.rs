//! What workspaces are made from, as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Agent, DurationText, FieldText, Times};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Template {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) parse: Option<Phase>,
    pub(in crate::scenario) plan: Option<Phase>,
    pub(in crate::scenario) apply: Option<Phase>,
    pub(in crate::scenario) stop: Option<Phases>,
    pub(in crate::scenario) destroy: Option<Phases>,
    #[serde(default)]
    pub(in crate::scenario) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(in crate::scenario) variables: Vec<Variable>,
    #[serde(default)]
    pub(in crate::scenario) parameters: Vec<Parameter>,
    #[serde(default)]
    pub(in crate::scenario) presets: Vec<Preset>,
    #[serde(default)]
    pub(in crate::scenario) external_auth: Vec<ExternalAuth>,
    #[serde(default)]
    pub(in crate::scenario) agents: Vec<Agent>,
    pub(in crate::scenario) readme: Option<String>,
    pub(in crate::scenario) set_up: Option<bool>,
    pub(in crate::scenario) organization: Option<Spanned<String>>,
    pub(in crate::scenario) default_ttl: Option<Spanned<DurationText>>,
    pub(in crate::scenario) dormant_after: Option<Spanned<DurationText>>,
    pub(in crate::scenario) deleted_after: Option<Spanned<DurationText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Phases {
    pub(in crate::scenario) plan: Option<Phase>,
    pub(in crate::scenario) apply: Option<Phase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Variable {
    pub(in crate::scenario) name: Spanned<String>,
    #[serde(rename = "type")]
    pub(in crate::scenario) kind: Option<Spanned<String>>,
    pub(in crate::scenario) default: Option<Spanned<FieldText>>,
    pub(in crate::scenario) required: Option<bool>,
    pub(in crate::scenario) sensitive: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Parameter {
    pub(in crate::scenario) name: Spanned<String>,
    #[serde(rename = "type")]
    pub(in crate::scenario) kind: Option<Spanned<String>>,
    pub(in crate::scenario) form_type: Option<String>,
    pub(in crate::scenario) default: Option<Spanned<FieldText>>,
    pub(in crate::scenario) required: Option<bool>,
    pub(in crate::scenario) mutable: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Preset {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) count: Option<Spanned<Times>>,
    #[serde(default)]
    pub(in crate::scenario) parameters: BTreeMap<String, FieldText>,
    pub(in crate::scenario) default: Option<bool>,
    pub(in crate::scenario) prebuilds: Option<Prebuilds>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Prebuilds {
    pub(in crate::scenario) instances: Spanned<Times>,
    pub(in crate::scenario) expires_after: Option<Spanned<DurationText>>,
    pub(in crate::scenario) timezone: Option<String>,
    #[serde(default)]
    pub(in crate::scenario) schedules: Vec<Schedule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Schedule {
    pub(in crate::scenario) cron: String,
    pub(in crate::scenario) instances: Spanned<Times>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ExternalAuth {
    pub(in crate::scenario) id: Spanned<String>,
    pub(in crate::scenario) optional: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Phase {
    pub(in crate::scenario) takes: Option<Spanned<DurationText>>,
    pub(in crate::scenario) on_cancel: Option<OnCancel>,
    pub(in crate::scenario) cancel_takes: Option<Spanned<DurationText>>,
    pub(in crate::scenario) logs: Option<Logs>,
    pub(in crate::scenario) fails: Option<Spanned<String>>,
    pub(in crate::scenario) hangs: Option<bool>,
    pub(in crate::scenario) daily_cost: Option<Spanned<i64>>,
    pub(in crate::scenario) state: Option<String>,
    pub(in crate::scenario) misbehaves: Option<Misbehaviour>,
    #[serde(default)]
    pub(in crate::scenario) replacements: Vec<Replacement>,
    pub(in crate::scenario) finds: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Replacement {
    pub(in crate::scenario) resource: String,
    #[serde(default)]
    pub(in crate::scenario) paths: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum Misbehaviour {
    Closes,
    WrongAnswer,
    AnswersTwice,
    AnswersEarly,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum OnCancel {
    Obey,
    Ignore,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Logs {
    pub(in crate::scenario) every: Spanned<DurationText>,
    pub(in crate::scenario) line: Option<String>,
    pub(in crate::scenario) count: Option<Spanned<i64>>,
    pub(in crate::scenario) level: Option<LogLevel>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}
