//! An answer as `tool.answered` tells it.

use serde_json::{Map, Value};

use crate::{Answer, tool::Tool};

/// The longest telling of an answer, in characters. The model is shown all of it.
const CHARS_MAX: usize = 600;

/// An answer, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// In a word: created, already_exists, stopped, started, already_running, already_stopped, listed, read; failed, if what
    /// was answered is an object with an error; error, if it is an error's text.
    pub outcome: &'static str,
    /// What is wrong with the agent, in a word; empty if nothing is.
    pub readiness: String,
    /// The fields without ids, or the error's text.
    pub answer: String,
}

impl Summary {
    /// Of an answer of `tool`.
    pub fn of(tool: Tool, answer: &Answer) -> Self {
        match answer {
            Answer::Error(text) => Self { outcome: "error", readiness: String::new(), answer: shortened(text) },
            Answer::Fields(fields) => {
                Self { outcome: outcome(tool, fields), readiness: readiness(fields), answer: shortened(&told(fields)) }
            }
        }
    }
}

fn outcome(tool: Tool, fields: &Map<String, Value>) -> &'static str {
    let status = fields.get("status").and_then(Value::as_str);
    if fields.contains_key("error") {
        return "failed";
    }
    match (tool, status) {
        (Tool::CreateWorkspace, None) => "created",
        (Tool::CreateWorkspace, Some("stopped")) => "stopped",
        (Tool::CreateWorkspace, Some(_)) => "already_exists",
        (Tool::StartWorkspace, None) => "started",
        (Tool::StartWorkspace, Some(_)) => "already_running",
        (Tool::StopWorkspace, None) => "stopped",
        (Tool::StopWorkspace, Some(_)) => "already_stopped",
        (Tool::ListTemplates, _) => "listed",
        (Tool::ReadTemplate, _) => "read",
    }
}

/// An agent's status says more than that of its scripts, and there is one of them at most.
fn readiness(fields: &Map<String, Value>) -> String {
    let word = ["agent_status", "startup_scripts"].iter().find_map(|name| fields.get(*name)?.as_str());
    word.unwrap_or_default().to_owned()
}

/// `name=value` for each field that is no id; of a list, how long it is.
fn told(fields: &Map<String, Value>) -> String {
    let mut told: Vec<String> = Vec::new();
    for (name, value) in fields.iter().filter(|(name, _)| !name.ends_with("_id")) {
        told.push(match value {
            Value::String(text) if text.contains(char::is_whitespace) => format!("{name}={text:?}"),
            Value::String(text) => format!("{name}={text}"),
            Value::Array(items) => format!("{name}={}", items.len()),
            other => format!("{name}={other}"),
        });
    }
    told.join(" ")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain("…".chars()).collect()
}
