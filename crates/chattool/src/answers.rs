//! Each answer's fields, in one place.
//!
//! A workspace that was made is named as `owner/name`, and one that was there by its name alone, as the behaviour has it.

use groundhog_wire::{id::BuildId, v1};
use serde_json::{Map, Value, json};

use crate::{Answer, build::INSUFFICIENT_QUOTA, report::Report, texts};

/// The most templates in one answer. Nobody chooses from more, and a model's memory is short.
pub const TEMPLATES_MAX: usize = 100;

/// The most presets, and the most parameters, of a template in one answer.
pub const CHOICES_MAX: usize = 200;

/// The longest description of a parameter, in characters.
pub const ABOUT_CHARS_MAX: usize = 500;

/// What a failed build was for: its error begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedBuild {
    /// This call's own workspace.
    Own,
    /// One that was under way already.
    Existing,
    /// A start that was asked for.
    Start,
    /// A stop that was asked for.
    Stop,
}

impl FailedBuild {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Own => "workspace build failed",
            Self::Existing => "existing workspace build failed",
            Self::Start => "workspace start failed",
            Self::Stop => "workspace stop failed",
        }
    }

    /// The error, given why.
    pub fn text(self, why: &str) -> String {
        format!("{}: {why}", self.prefix())
    }
}

/// What is there although nothing was created, or started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum There {
    /// A build was under way, and succeeded.
    BuildCompleted,
    /// It runs, and its agent is connected.
    RecentlyConnected,
    /// It runs, and its agent answers.
    Reachable,
    /// It runs, and its agent is about to connect.
    Connecting,
    /// It runs, and its agent is gone or was never there.
    Deserted,
}

impl There {
    /// In words.
    pub const fn message(self) -> &'static str {
        match self {
            Self::BuildCompleted => "workspace build completed",
            Self::RecentlyConnected => "workspace is already running and recently connected",
            Self::Reachable => "workspace is already running and reachable",
            Self::Connecting => "workspace exists and the agent is still connecting",
            Self::Deserted => "workspace is already running, but its agent is not connected",
        }
    }
}

/// create_workspace: a workspace was created, and its build succeeded.
pub fn created(owner: &str, name: &str, build: BuildId, report: &Report) -> Answer {
    let mut fields = object(json!({
        "created": true,
        "workspace_name": full_name(owner, name),
        "build_id": build.to_string(),
    }));
    report.write(&mut fields);
    Answer::Fields(fields)
}

/// create_workspace: the chat has a workspace. `build` is the one that was waited for, if one was.
pub fn already_exists(name: &str, there: There, build: Option<BuildId>, report: &Report) -> Answer {
    let mut fields = object(json!({
        "created": false,
        "workspace_name": name,
        "status": "already_exists",
        "message": there.message(),
    }));
    add_build(&mut fields, build);
    report.write(&mut fields);
    Answer::Fields(fields)
}

/// create_workspace: the chat has a workspace, which is stopped (#22646).
pub fn stopped(name: &str) -> Answer {
    Answer::Fields(object(json!({
        "created": false,
        "workspace_name": name,
        "status": "stopped",
        "message": "workspace is stopped; use start_workspace to start it",
    })))
}

/// Nothing came of a build, and this is why.
pub fn build_failed(of: FailedBuild, why: &str, build: BuildId) -> Answer {
    Answer::Fields(object(json!({ "error": of.text(why), "build_id": build.to_string() })))
}

/// Nothing came of a build because its owner's budget does not bear it (#24956). `quota` is none if it couldn't be read.
pub fn quota(of: FailedBuild, why: &str, build: BuildId, quota: Option<&v1::Quota>) -> Answer {
    let mut fields = object(json!({
        "error_code": INSUFFICIENT_QUOTA,
        "error": of.text(why),
        "title": "Workspace quota reached",
        "build_id": build.to_string(),
    }));
    let used = match quota {
        None => "How much of it is used could not be read.".to_owned(),
        Some(v1::Quota { credits_consumed, budget: Some(budget) }) => {
            fields.insert("quota".to_owned(), json!({ "credits_consumed": credits_consumed, "budget": budget }));
            format!("{credits_consumed} of {budget} credits are used.")
        }
        Some(v1::Quota { credits_consumed, budget: None }) => {
            fields.insert("quota".to_owned(), json!({ "credits_consumed": credits_consumed }));
            format!("{credits_consumed} credits are used.")
        }
    };
    let message = format!(
        "The user's quota does not allow another running workspace. {used} Ask the user to stop or delete a workspace, or \
         to have the quota raised, before you try again."
    );
    fields.insert("message".to_owned(), Value::from(message));
    Answer::Fields(fields)
}

/// start_workspace: the workspace was started by this call.
pub fn started(name: &str, build: BuildId, report: &Report) -> Answer {
    let mut fields = object(json!({ "started": true, "workspace_name": name, "build_id": build.to_string() }));
    report.write(&mut fields);
    Answer::Fields(fields)
}

/// start_workspace: it runs already. `build` is the one that was waited for, if one was.
pub fn already_running(name: &str, there: There, build: Option<BuildId>, report: &Report) -> Answer {
    let mut fields = object(json!({
        "started": false,
        "workspace_name": name,
        "status": "already_running",
        "message": there.message(),
    }));
    add_build(&mut fields, build);
    report.write(&mut fields);
    Answer::Fields(fields)
}

/// stop_workspace: it is stopped now, by this call (#24997).
pub fn stop_done(name: &str, build: BuildId) -> Answer {
    Answer::Fields(object(json!({ "stopped": true, "workspace_name": name, "build_id": build.to_string() })))
}

/// stop_workspace: it was stopped before.
pub fn already_stopped(name: &str) -> Answer {
    Answer::Fields(object(json!({
        "stopped": true,
        "workspace_name": name,
        "status": "already_stopped",
        "message": "workspace is already stopped",
    })))
}

/// list_templates: those that the chat's workspace can be made of, the first [`TEMPLATES_MAX`] as they come. Deprecated ones
/// are the caller's to leave out.
pub fn templates(templates: &[&v1::Template]) -> Answer {
    let shown: Vec<Value> = templates
        .iter()
        .take(TEMPLATES_MAX)
        .map(|template| {
            json!({
                "template_id": template.template_id,
                "name": template.name,
                "organization": template.organization,
            })
        })
        .collect();
    let mut fields = object(json!({ "templates": shown }));
    add_left_out(&mut fields, "templates_left_out", templates.len(), TEMPLATES_MAX);
    Answer::Fields(fields)
}

/// read_template: what can be chosen.
pub fn template(template: &v1::Template, choices: &v1::Choices) -> Answer {
    let parameters: Vec<Value> = choices.parameters.iter().take(CHOICES_MAX).map(parameter).collect();
    let presets: Vec<Value> = choices.presets.iter().take(CHOICES_MAX).map(preset).collect();
    let mut fields = object(json!({
        "template_id": template.template_id,
        "name": template.name,
        "organization": template.organization,
        "version": choices.version,
        "parameters": parameters,
        "presets": presets,
    }));
    if choices.has_external_agents {
        fields.insert("has_external_agents".to_owned(), Value::from(true));
    }
    add_left_out(&mut fields, "parameters_left_out", choices.parameters.len(), CHOICES_MAX);
    add_left_out(&mut fields, "presets_left_out", choices.presets.len(), CHOICES_MAX);
    Answer::Fields(fields)
}

/// A workspace as it is named where its owner isn't plain.
fn full_name(owner: &str, name: &str) -> String {
    format!("{owner}/{name}")
}

fn parameter(parameter: &v1::TemplateParameter) -> Value {
    let mut fields = object(json!({
        "name": parameter.name,
        "type": parameter.r#type,
        "required": parameter.required,
    }));
    if !parameter.description.is_empty() {
        fields.insert("description".to_owned(), Value::from(texts::shortened(&parameter.description, ABOUT_CHARS_MAX)));
    }
    if !parameter.required {
        fields.insert("default".to_owned(), Value::from(parameter.default_value.as_str()));
    }
    Value::Object(fields)
}

fn preset(view: &v1::PresetView) -> Value {
    let (name, default, values) = match &view.preset {
        Some(preset) => (preset.name.as_str(), preset.default, preset.parameters.as_slice()),
        None => ("", false, &[][..]),
    };
    let values: Map<String, Value> =
        values.iter().map(|value| (value.name.clone(), Value::from(value.value.as_str()))).collect();
    json!({ "preset_id": view.preset_id, "name": name, "default": default, "parameters": values })
}

fn add_build(fields: &mut Map<String, Value>, build: Option<BuildId>) {
    if let Some(build) = build {
        fields.insert("build_id".to_owned(), Value::from(build.to_string()));
    }
}

fn add_left_out(fields: &mut Map<String, Value>, name: &str, count: usize, count_max: usize) {
    if count > count_max {
        fields.insert(name.to_owned(), Value::from(count - count_max));
    }
}

/// The fields of an object that was written as one.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
