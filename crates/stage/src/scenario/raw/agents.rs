//! Agents and programs, as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::{Bytes, DurationText, FieldText, OnSignal, Times};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Agent {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) count: Option<Spanned<Times>>,
    pub(in crate::scenario) directory: Option<String>,
    #[serde(default)]
    pub(in crate::scenario) environment: BTreeMap<String, FieldText>,
    pub(in crate::scenario) boots: Option<Spanned<DurationText>>,
    pub(in crate::scenario) connection_timeout: Option<Spanned<DurationText>>,
    pub(in crate::scenario) keeps_token: Option<bool>,
    pub(in crate::scenario) display_order: Option<Spanned<i64>>,
    pub(in crate::scenario) external: Option<bool>,
    #[serde(default)]
    pub(in crate::scenario) scripts: Vec<AgentScript>,
    #[serde(default)]
    pub(in crate::scenario) metadata: Vec<AgentMetadata>,
    #[serde(default)]
    pub(in crate::scenario) apps: Vec<AgentApp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct AgentScript {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) runs: Spanned<String>,
    #[serde(default)]
    pub(in crate::scenario) on: Vec<ScriptStage>,
    pub(in crate::scenario) cron: Option<Spanned<String>>,
    pub(in crate::scenario) timeout: Option<Spanned<DurationText>>,
    #[serde(default)]
    pub(in crate::scenario) after: Vec<Spanned<String>>,
    #[serde(default)]
    pub(in crate::scenario) after_completion: Vec<Spanned<String>>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum ScriptStage {
    Start,
    Stop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct AgentMetadata {
    pub(in crate::scenario) key: Spanned<String>,
    pub(in crate::scenario) runs: Spanned<String>,
    pub(in crate::scenario) interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) timeout: Option<Spanned<DurationText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct AgentApp {
    pub(in crate::scenario) slug: Spanned<String>,
    pub(in crate::scenario) port: Spanned<i64>,
    pub(in crate::scenario) interval: Option<Spanned<DurationText>>,
    pub(in crate::scenario) threshold: Option<Spanned<i64>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum AppFailure {
    Refuses,
    Hangs,
    #[serde(rename = "500")]
    AnswersBroken,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Program {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) takes: Option<Spanned<DurationText>>,
    pub(in crate::scenario) exit: Option<Spanned<i64>>,
    pub(in crate::scenario) prints: Option<Prints>,
    pub(in crate::scenario) prints_bytes: Option<Spanned<Bytes>>,
    pub(in crate::scenario) hangs: Option<bool>,
    pub(in crate::scenario) on_signal: Option<OnSignal>,
    pub(in crate::scenario) leaves_pipe_open: Option<Spanned<DurationText>>,
    pub(in crate::scenario) fails_first: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Prints {
    pub(in crate::scenario) every: Option<Spanned<DurationText>>,
    pub(in crate::scenario) line: Option<String>,
    pub(in crate::scenario) count: Option<Spanned<i64>>,
    pub(in crate::scenario) to: Option<Pipe>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum Pipe {
    Output,
    Error,
}
