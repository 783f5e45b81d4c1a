//! The script: what a template's source says, as JSON.
//!
//! ```
//! use groundhog_provisioner::scripted::{OnCancel, Script};
//!
//! let script = Script::parse(br#"{
//!     "plan":  { "takes_ms": 10000, "resources": [{ "name": "dev", "type": "vm", "daily_cost": 12 }] },
//!     "apply": { "takes_ms": 60000, "on_cancel": "ignore", "logs": { "every_ms": 500, "line": "step {n}" } }
//! }"#)?;
//! assert_eq!(script.plan.on_cancel, OnCancel::Obey { after_ms: 0 });
//! # Ok::<(), groundhog_provisioner::scripted::ScriptError>(())
//! ```

use std::{collections::BTreeMap, num::NonZeroU64};

use groundhog_wire::v1::{self, Transition};
use serde::{Deserialize, Serialize};

use super::template::{ExternalAuth, Parameter, Preset, Variable};

/// What a template declares, and what its jobs do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// How a parse goes. It reports no resources and leaves no state.
    #[serde(skip_serializing_if = "is_default")]
    pub parse: Phase,
    /// How a plan goes.
    pub plan: Phase,
    /// How an apply goes.
    pub apply: Phase,
    /// How both go for a stop, where that differs.
    #[serde(skip_serializing_if = "is_default")]
    pub stop: Option<Phases>,
    /// How both go for a destroy, where that differs. Either way it reports no resources and leaves an empty state.
    #[serde(skip_serializing_if = "is_default")]
    pub destroy: Option<Phases>,
    /// The template's variables.
    #[serde(skip_serializing_if = "is_default")]
    pub variables: Vec<Variable>,
    /// The template's description for people.
    #[serde(skip_serializing_if = "is_default")]
    pub readme: String,
    /// What the template's builds ask of a daemon.
    #[serde(skip_serializing_if = "is_default")]
    pub workspace_tags: BTreeMap<String, String>,
    /// What a workspace's owner is asked. A build or a dry run that lacks a required one fails to plan.
    #[serde(skip_serializing_if = "is_default")]
    pub parameters: Vec<Parameter>,
    /// Values of parameters that go together.
    #[serde(skip_serializing_if = "is_default")]
    pub presets: Vec<Preset>,
    /// The services that a workspace's owner must have logged in to.
    #[serde(skip_serializing_if = "is_default")]
    pub external_auth: Vec<ExternalAuth>,
}

/// A plan and an apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phases {
    /// How the plan goes.
    pub plan: Phase,
    /// How the apply goes.
    pub apply: Phase,
}

/// How a parse, a plan or an apply goes. Left out altogether, it succeeds at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phase {
    /// How long it takes, in milliseconds.
    pub takes_ms: u64,
    /// What it does when it is cancelled. The default is to obey at once.
    pub on_cancel: OnCancel,
    /// The lines that it writes.
    pub logs: Option<Logs>,
    /// What it fails with when its time is over.
    pub fails: Option<String>,
    /// It never ends by itself: only by a cancel that it obeys, or when the session is closed.
    pub hangs: bool,
    /// What it reports. An apply that lists none reports what was planned.
    pub resources: Vec<Resource>,
    /// The state that an apply leaves, even if it fails or is cancelled. Left out, the state before stands. A
    /// plan leaves no state.
    pub state: Option<String>,
    /// The state that a plan must find. If it finds another one, it fails at once and tells both.
    #[serde(skip_serializing_if = "is_default")]
    pub finds: Option<String>,
    /// What a plan says would be taken away and made anew.
    #[serde(skip_serializing_if = "is_default")]
    pub replacements: Vec<Replacement>,
    /// How it breaks the rules of a session, if it does.
    #[serde(skip_serializing_if = "is_default")]
    pub misbehaves: Option<Misbehaviour>,
}

/// How a phase breaks the rules of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// Its time over, it closes the session instead of answering.
    Closes,
    /// It answers as another phase does: a plan as an apply, and any other as a plan.
    WrongAnswer,
    /// It answers, and at once again. The first of an import's two plans can do so unnoticed: nothing tells its second
    /// answer from the second plan's.
    AnswersTwice,
    /// It also answers before it was asked: as soon as the session is configured. Of phases that differ by
    /// transition, only a start's can.
    AnswersEarly,
}

/// A resource that is taken away and made anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The resource.
    pub resource: String,
    /// What of it can't be changed in place.
    #[serde(default)]
    pub paths: Vec<String>,
}

/// What a phase does when it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum OnCancel {
    /// It ends with the error [`CANCELED`](super::CANCELED), unless its time is over before that.
    Obey {
        /// How long it takes to end, in milliseconds.
        after_ms: u64,
    },
    /// It goes on as if nothing had come.
    Ignore,
}

impl Default for OnCancel {
    fn default() -> Self {
        Self::Obey { after_ms: 0 }
    }
}

/// Lines written at a steady pace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// From one line to the next, and from the phase's begin to the first, in milliseconds, at least 1.
    pub every_ms: NonZeroU64,
    /// The line. `{n}` becomes its number, which counts from 1 in each phase.
    pub line: String,
    /// How important the lines are.
    #[serde(default)]
    pub level: LogLevel,
    /// At most this many lines; left out, for as long as the phase takes.
    #[serde(default)]
    pub count: Option<u64>,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Finer than debugging needs.
    Trace,
    /// For debugging.
    Debug,
    /// Progress.
    #[default]
    Info,
    /// Something to look at.
    Warn,
    /// Something went wrong.
    Error,
}

impl From<LogLevel> for v1::LogLevel {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Trace => Self::Trace,
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
        }
    }
}

/// A thing that a build brings about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// What kind of thing.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it costs a day, in credits.
    #[serde(default)]
    pub daily_cost: i32,
    /// The names of the agents that will run in it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub agents: Vec<String>,
}

impl From<&Resource> for v1::Resource {
    fn from(resource: &Resource) -> Self {
        Self {
            name: resource.name.clone(),
            r#type: resource.kind.clone(),
            daily_cost: resource.daily_cost,
            agents: resource
                .agents
                .iter()
                .map(|name| v1::Agent { name: name.clone(), ..v1::Agent::default() })
                .collect(),
        }
    }
}

impl From<&Replacement> for v1::ResourceReplacement {
    fn from(replacement: &Replacement) -> Self {
        Self { resource: replacement.resource.clone(), paths: replacement.paths.clone() }
    }
}

/// The template's source is not a script.
#[derive(Debug, thiserror::Error)]
#[error("the template's source is not a script: {0}")]
pub struct ScriptError(#[from] serde_json::Error);

/// What is as it would be without a word is not written.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Script {
    /// How a plan of this transition goes.
    pub fn plan_of(&self, transition: Transition) -> &Phase {
        self.phases_of(transition).map_or(&self.plan, |phases| &phases.plan)
    }

    /// How an apply of this transition goes.
    pub fn apply_of(&self, transition: Transition) -> &Phase {
        self.phases_of(transition).map_or(&self.apply, |phases| &phases.apply)
    }

    fn phases_of(&self, transition: Transition) -> Option<&Phases> {
        match transition {
            Transition::Start | Transition::Unspecified => None,
            Transition::Stop => self.stop.as_ref(),
            Transition::Destroy => self.destroy.as_ref(),
        }
    }

    /// Reads a script. Fails with [`ScriptError`], which names the place, when `source` is not one.
    pub fn parse(source: &[u8]) -> Result<Self, ScriptError> {
        Ok(serde_json::from_slice(source)?)
    }

    /// The script as a template's source. Fails never in practice: a script has no map with odd keys.
    pub fn to_source(&self) -> Result<Vec<u8>, ScriptError> {
        Ok(serde_json::to_vec(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named() {
        for (source, expected) in [
            ("", "the template's source is not a script: EOF while parsing a value at line 1 column 0"),
            (r#"{"plam":{}}"#, "unknown field `plam`, expected one of `parse`, `plan`, `apply`"),
            (r#"{"plan":{"take_ms":1}}"#, "unknown field `take_ms`"),
            (r#"{"plan":{"logs":{"every_ms":0,"line":""}}}"#, "expected a nonzero u64"),
            (r#"{"plan":{"on_cancel":"obey"}}"#, "invalid type: unit variant"),
            (r#"{"stop":{"parse":{}}}"#, "unknown field `parse`, expected `plan` or `apply`"),
            (r#"{"plan":{"misbehaves":"explodes"}}"#, "unknown variant `explodes`, expected one of `closes`"),
            (r#"{"variables":[{"name":"a","secret":true}]}"#, "unknown field `secret`"),
            (r#"{"parameters":[{}]}"#, "missing field `name`"),
            (r#"{"presets":[{"name":"a","prebuilds":{}}]}"#, "missing field `instances`"),
        ] {
            let error = Script::parse(source.as_bytes()).expect_err("a mistake").to_string();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }

    #[test]
    fn a_script_survives_being_written_and_read() {
        let source = r#"{
            "parse": { "takes_ms": 1, "misbehaves": "wrong_answer" },
            "plan": { "takes_ms": 5, "on_cancel": { "obey": { "after_ms": 7 } }, "fails": "no", "hangs": true,
                      "logs": { "every_ms": 1, "line": "{n}", "level": "warn", "count": 3 },
                      "resources": [{ "name": "a", "type": "vm", "daily_cost": -2, "agents": ["main"] }],
                      "state": "s", "replacements": [{ "resource": "a", "paths": ["image"] }] },
            "apply": { "on_cancel": "ignore", "misbehaves": "answers_twice" },
            "stop": { "plan": { "misbehaves": "closes" }, "apply": {} },
            "destroy": { "apply": { "misbehaves": "answers_early" } },
            "variables": [{ "name": "region", "default": "eu", "sensitive": true }, { "name": "n", "type": "number",
                          "required": true }],
            "readme": "Hello", "workspace_tags": { "zone": "a" },
            "parameters": [{ "name": "cpu", "type": "number", "form_type": "slider", "default": "2", "mutable": true },
                           { "name": "image", "required": true }],
            "presets": [{ "name": "big", "parameters": { "cpu": "8" }, "default": true, "prebuilds": { "instances": 2,
                          "expires_after_s": 60, "timezone": "UTC",
                          "schedules": [{ "cron": "* 9-18 * * 1-5", "instances": 5 }] } }, { "name": "small" }],
            "external_auth": [{ "id": "github", "optional": true }]
        }"#;
        let script = Script::parse(source.as_bytes()).expect("a script");
        let written = script.to_source().expect("a script can be written");
        assert_eq!(Script::parse(&written).expect("a script"), script);
    }

    #[test]
    fn what_a_script_does_not_say_is_not_written() {
        let source = Script::default().to_source().expect("a script can be written");
        let text = String::from_utf8(source).expect("JSON is text");
        assert!(text.starts_with(r#"{"plan":{"takes_ms":0"#) && !text.contains("presets"), "{text}");
    }

    #[test]
    fn phases_may_differ_by_transition() {
        let script = Script::parse(br#"{"plan":{"takes_ms":1},"stop":{"plan":{"takes_ms":2}},"apply":{"takes_ms":3}}"#)
            .expect("a script");
        let takes = |transition| (script.plan_of(transition).takes_ms, script.apply_of(transition).takes_ms);
        assert_eq!([Transition::Start, Transition::Stop, Transition::Destroy].map(takes), [(1, 3), (2, 0), (1, 3)],);
    }
}
