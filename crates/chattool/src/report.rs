//! What a call found out about the agent that its chat goes on with.

use serde_json::{Map, Value};

/// What a call found out about an agent, as far as it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is there and its start scripts have ended well; or nobody could find out.
    Ready,
    /// The workspace has no agents.
    NoAgent,
    /// None could be chosen, and why.
    SelectionError(String),
    /// It wasn't reached in time, and why.
    NotReady(String),
    /// Its start scripts won't end well any more: its state.
    ScriptsFailed(&'static str),
    /// They didn't end in time.
    ScriptsTimeout,
    /// Their state could never be read.
    ScriptsUnknown,
}

impl Report {
    /// Adds its fields to an answer's: of agent_status, agent_error, startup_scripts and lifecycle_state those that apply.
    pub fn write(&self, fields: &mut Map<String, Value>) {
        let mut add = |name: &str, value: &str| {
            fields.insert(name.to_owned(), Value::from(value));
        };
        match self {
            Self::Ready => {}
            Self::NoAgent => add("agent_status", "no_agent"),
            Self::SelectionError(error) => {
                add("agent_status", "selection_error");
                add("agent_error", error);
            }
            Self::NotReady(error) => {
                add("agent_status", "not_ready");
                add("agent_error", error);
            }
            Self::ScriptsFailed(state) => {
                add("startup_scripts", "startup_scripts_failed");
                add("lifecycle_state", state);
            }
            Self::ScriptsTimeout => add("startup_scripts", "startup_scripts_timeout"),
            Self::ScriptsUnknown => add("startup_scripts", "startup_scripts_unknown"),
        }
    }
}
