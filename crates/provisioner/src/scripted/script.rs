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

use std::num::NonZeroU64;

use groundhog_wire::v1;
use serde::{Deserialize, Serialize};

/// What a build of a template does. The same for every transition, except that a destroy reports no resources
/// and leaves an empty state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// How a plan goes.
    pub plan: Phase,
    /// How an apply goes.
    pub apply: Phase,
}

/// How a plan or an apply goes. Left out altogether, it succeeds at once.
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
}

impl From<&Resource> for v1::Resource {
    fn from(resource: &Resource) -> Self {
        Self {
            name: resource.name.clone(),
            r#type: resource.kind.clone(),
            daily_cost: resource.daily_cost,
            agents: Vec::new(),
        }
    }
}

/// The template's source is not a script.
#[derive(Debug, thiserror::Error)]
#[error("the template's source is not a script: {0}")]
pub struct ScriptError(#[from] serde_json::Error);

impl Script {
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
            (r#"{"plam":{}}"#, "unknown field `plam`, expected `plan` or `apply`"),
            (r#"{"plan":{"take_ms":1}}"#, "unknown field `take_ms`"),
            (r#"{"plan":{"logs":{"every_ms":0,"line":""}}}"#, "expected a nonzero u64"),
            (r#"{"plan":{"on_cancel":"obey"}}"#, "invalid type: unit variant"),
        ] {
            let error = Script::parse(source.as_bytes()).expect_err("a mistake").to_string();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }

    #[test]
    fn a_script_survives_being_written_and_read() {
        let phase = Phase {
            takes_ms: 5,
            on_cancel: OnCancel::Obey { after_ms: 7 },
            logs: Some(Logs {
                every_ms: NonZeroU64::MIN,
                line: "{n}".to_owned(),
                level: LogLevel::Warn,
                count: Some(3),
            }),
            fails: Some("no".to_owned()),
            hangs: true,
            resources: vec![Resource { name: "a".to_owned(), kind: "vm".to_owned(), daily_cost: -2 }],
            state: Some("s".to_owned()),
        };
        let script = Script { plan: phase, apply: Phase { on_cancel: OnCancel::Ignore, ..Phase::default() } };
        let source = script.to_source().expect("a script can be written");
        assert_eq!(Script::parse(&source).expect("a script"), script);
    }
}
