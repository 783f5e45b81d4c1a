//! The agents that a template's source declares.

use std::{collections::BTreeMap, num::NonZeroU32};

use groundhog_wire::v1;
use serde::{Deserialize, Serialize};

use super::script::is_default;

/// An agent, or several that are alike. Each runs on a machine of its own, which a start makes and any other build
/// takes away: see [`machines`](super::machines).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// So many of them, called by the name, a hyphen and a number from 1. Left out, there is one of that very name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub count: Option<NonZeroU32>,
    /// A start of a workspace that runs gives it a new token, and so a new machine. Left out, both stay.
    #[serde(default, skip_serializing_if = "is_default")]
    pub renews_token: bool,
    /// Its folder, as the protocol has it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub directory: String,
    /// Variables of what it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub environment: BTreeMap<String, String>,
    /// What it runs by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub scripts: Vec<AgentScript>,
    /// What it finds out again and again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub metadata: Vec<Metadata>,
    /// What listens on its machine.
    #[serde(default, skip_serializing_if = "is_default")]
    pub apps: Vec<App>,
    /// How long it may take to connect for the first time, in seconds; 0: the control plane's choice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub connection_timeout_s: u32,
    /// Where it stands among others that are shown; those of the same number go by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub display_order: i32,
    /// The platform starts nothing that would run it: somebody else does, on a machine of theirs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub external: bool,
}

/// What an agent runs by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentScript {
    /// Its name.
    pub name: String,
    /// Handed to a shell.
    pub script: String,
    /// It runs when the agent starts.
    #[serde(default, skip_serializing_if = "is_default")]
    pub run_on_start: bool,
    /// It runs when the agent stops.
    #[serde(default, skip_serializing_if = "is_default")]
    pub run_on_stop: bool,
    /// When else it runs: six fields, the first of them seconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cron: String,
    /// How long it may take, in milliseconds; 0: as long as it likes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout_ms: u32,
    /// The scripts that must have succeeded before it begins, by name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after: Vec<String>,
    /// The scripts that must have ended before it begins, well or not.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after_completion: Vec<String>,
}

/// What an agent finds out again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// Its key.
    pub key: String,
    /// Handed to a shell.
    pub script: String,
    /// How often, in seconds; 0: once.
    #[serde(default, skip_serializing_if = "is_default")]
    pub interval_s: u32,
    /// How long finding out may take, in seconds; 0: as long as the interval.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timeout_s: u32,
}

/// Something that listens on an agent's machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its short name.
    pub slug: String,
    /// `http://host:port/path`.
    pub url: String,
    /// How often it is looked at, in seconds; 0: never.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_interval_s: u32,
    /// So many failures in a row are still well.
    #[serde(default, skip_serializing_if = "is_default")]
    pub check_threshold: u32,
}

impl Agent {
    /// The names of those that it stands for.
    pub fn names(&self) -> Vec<String> {
        match self.count {
            None => vec![self.name.clone()],
            Some(count) => (1..=count.get()).map(|number| format!("{}-{number}", self.name)).collect(),
        }
    }

    /// The one of this name, as the protocol has it; its token is the one that `tokens` has for it, if any.
    fn called(&self, name: String, tokens: &BTreeMap<String, String>) -> v1::Agent {
        v1::Agent {
            token: tokens.get(&name).cloned().unwrap_or_default(),
            name,
            directory: self.directory.clone(),
            environment: self.environment.clone(),
            scripts: self.scripts.iter().map(Into::into).collect(),
            metadata: self.metadata.iter().map(Into::into).collect(),
            apps: self.apps.iter().map(Into::into).collect(),
            connection_timeout_s: self.connection_timeout_s,
            display_order: self.display_order,
            external: self.external,
        }
    }
}

/// All of `agents`, as the protocol has them.
pub(super) fn reported(agents: &[Agent], tokens: &BTreeMap<String, String>) -> Vec<v1::Agent> {
    let all = agents.iter().flat_map(|agent| agent.names().into_iter().map(move |name| (agent, name)));
    all.map(|(agent, name)| agent.called(name, tokens)).collect()
}

impl From<&AgentScript> for v1::AgentScript {
    fn from(script: &AgentScript) -> Self {
        let dependency =
            |completion| move |name: &String| v1::AgentScriptDependency { script: name.clone(), completion };
        let after = script.after.iter().map(dependency(false));
        Self {
            script_id: String::new(),
            log_source_id: String::new(),
            display_name: script.name.clone(),
            script: script.script.clone(),
            log_path: String::new(),
            run_on_start: script.run_on_start,
            run_on_stop: script.run_on_stop,
            cron: script.cron.clone(),
            timeout_ms: script.timeout_ms,
            after: after.chain(script.after_completion.iter().map(dependency(true))).collect(),
        }
    }
}

impl From<&Metadata> for v1::AgentMetadataDescription {
    fn from(metadata: &Metadata) -> Self {
        Self {
            key: metadata.key.clone(),
            display_name: metadata.key.clone(),
            script: metadata.script.clone(),
            interval_s: metadata.interval_s,
            timeout_s: metadata.timeout_s,
        }
    }
}

impl From<&App> for v1::AgentApp {
    fn from(app: &App) -> Self {
        let health_check = (app.check_interval_s > 0).then(|| v1::AppHealthCheck {
            url: app.url.clone(),
            interval_s: app.check_interval_s,
            threshold: app.check_threshold,
        });
        Self { slug: app.slug.clone(), url: app.url.clone(), health_check }
    }
}
