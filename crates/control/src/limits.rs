//! How many things, and how large ones, the control plane keeps of what it is told, as pure checks.
//!
//! Every message is bounded by the protocol already. These bounds are tighter and say what is wrong: they keep a
//! mistake in one template from filling the database, and every answer within a message.

use std::collections::BTreeSet;

use groundhog_wire::v1;
use prost::Message;

use crate::{agent_report::PROTOCOLS_MAX, names::truncated, refusal::Refusal};

/// Entries in one list of what a template has: variables, parameters, presets, resources, and so on.
pub const ENTRIES_MAX: usize = 1_000;

/// The longest name of such an entry, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// The longest name of a provisioner type, in bytes.
pub const PROVISIONER_TYPE_BYTES_MAX: usize = 64;

/// The longest value of a variable or a parameter, in bytes.
pub const VALUE_BYTES_MAX: usize = 64 << 10;

/// How much of a readme is kept, in bytes.
pub const README_BYTES_MAX: usize = 1 << 20;

/// The largest declarations, their readme aside, in bytes, encoded.
pub const DECLARATIONS_BYTES_MAX: usize = 512 << 10;

/// The largest result of an import or a dry run, in bytes, encoded. With the readme and the declarations it fits into
/// one message.
pub const RESULT_BYTES_MAX: usize = groundhog_wire::MESSAGE_BYTES_MAX / 2;

/// The longest name of an agent, in bytes: it becomes a part of a host's name.
pub const AGENT_NAME_BYTES_MAX: usize = 63;

/// Timings that are kept of a build.
pub const TIMINGS_MAX: usize = 1_000;

/// The ways in which a parameter may be asked.
const FORM_TYPES: [&str; 11] = [
    "",
    "input",
    "textarea",
    "radio",
    "dropdown",
    "checkbox",
    "switch",
    "slider",
    "multi-select",
    "tag-select",
    "error",
];

/// How much of a name that is wrong is repeated in a refusal, in bytes.
const ECHO_BYTES_MAX: usize = 64;

fn invalid(text: String) -> Refusal {
    Refusal::Invalid(text)
}

/// The part of a name that a refusal repeats.
pub(crate) fn shown(name: &str) -> &str {
    truncated(name, ECHO_BYTES_MAX)
}

/// Checks that a list of `kind`s is short enough and that their names are there, short and different.
fn check_names<'a>(kind: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Refusal> {
    name_fault(kind, names).map_or(Ok(()), |(_, text)| Err(invalid(text)))
}

/// What is wrong with the names of a list of `kind`s, and the first name that is wrong if it is not the list as a whole.
fn name_fault<'a>(kind: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Option<(Option<&'a str>, String)> {
    if names.len() > ENTRIES_MAX {
        return Some((None, format!("{} {kind}s: at most {ENTRIES_MAX} are taken", names.len())));
    }
    let mut seen = BTreeSet::new();
    for name in names {
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
            let text = format!("{kind} {:?}: expected a name of 1 to {NAME_BYTES_MAX} bytes", shown(name));
            return Some((Some(name), text));
        }
        if !seen.insert(name) {
            return Some((Some(name), format!("{kind} {name:?}: there are two of this name")));
        }
    }
    None
}

fn check_value(kind: &str, name: &str, value: &str) -> Result<(), Refusal> {
    if value.len() > VALUE_BYTES_MAX {
        let (name, bytes) = (shown(name), value.len());
        return Err(invalid(format!(
            "{kind} {name:?}: its value has {bytes} bytes, and at most {VALUE_BYTES_MAX} fit"
        )));
    }
    Ok(())
}

fn check_bytes(what: &str, bytes: usize, bytes_max: usize) -> Result<(), Refusal> {
    if bytes > bytes_max {
        return Err(invalid(format!("{what} too big: {bytes} > {bytes_max}")));
    }
    Ok(())
}

/// Checks the values that an author gives for a version's variables.
pub fn check_variable_values(values: &[v1::VariableValue]) -> Result<(), Refusal> {
    check_names("variable value", values.iter().map(|value| value.name.as_str()))?;
    values.iter().try_for_each(|value| check_value("variable value", &value.name, &value.value))
}

/// Checks what an owner chooses. The refusal is because of the parameter that is wrong, or of "parameters" if they are
/// too many.
pub fn check_parameter_values(values: &[v1::ParameterValue]) -> Result<(), Refusal> {
    let wrong = match name_fault("parameter", values.iter().map(|value| value.name.as_str())) {
        Some((name, text)) => Some((name.unwrap_or("parameters"), invalid(text))),
        None => values.iter().find_map(|value| {
            let refusal = check_value("parameter", &value.name, &value.value).err()?;
            Some((value.name.as_str(), refusal))
        }),
    };
    wrong.map_or(Ok(()), |(field, refusal)| Err(refusal.about_itself(shown(field))))
}

/// Checks what a version's source declares. Its readme is cut and not refused: nothing depends on the rest of it.
pub fn check_declarations(declared: &mut v1::Declarations) -> Result<(), Refusal> {
    declared.readme.truncate(truncated(&declared.readme, README_BYTES_MAX).len());
    check_names("variable", declared.variables.iter().map(|variable| variable.name.as_str()))?;
    for variable in &declared.variables {
        check_value("variable", &variable.name, &variable.default_value)?;
        if !["", "string", "number", "bool"].contains(&variable.r#type.as_str()) {
            let (name, kind) = (shown(&variable.name), shown(&variable.r#type));
            let text = format!("variable {name:?}: unsupported type {kind:?}, expected string, number or bool");
            return Err(invalid(text));
        }
    }
    check_bytes("declarations", declared.encoded_len() - declared.readme.len(), DECLARATIONS_BYTES_MAX)
}

/// Checks what an import has found.
pub fn check_import(found: &v1::CompletedTemplateImport) -> Result<(), Refusal> {
    check_resources(&found.start_resources)?;
    check_resources(&found.stop_resources)?;
    check_names("parameter", found.parameters.iter().map(|parameter| parameter.name.as_str()))?;
    for parameter in &found.parameters {
        check_value("parameter", &parameter.name, &parameter.default_value)?;
        if !FORM_TYPES.contains(&parameter.form_type.as_str()) {
            return Err(invalid(format!("parameter {:?}: unsupported form type", shown(&parameter.name))));
        }
    }
    check_presets(&found.presets)?;
    check_names("external auth provider", found.external_auth_providers.iter().map(|provider| provider.id.as_str()))?;
    check_bytes("the import's result is", found.encoded_len(), RESULT_BYTES_MAX)
}

/// Checks a version's presets.
pub fn check_presets(presets: &[v1::Preset]) -> Result<(), Refusal> {
    check_names("preset", presets.iter().map(|preset| preset.name.as_str()))?;
    for preset in presets {
        check_parameter_values(&preset.parameters)?;
        check_prebuild(preset)?;
    }
    if presets.iter().filter(|preset| preset.default).count() > 1 {
        return Err(invalid("presets: more than one is meant as the default".to_owned()));
    }
    Ok(())
}

fn check_prebuild(preset: &v1::Preset) -> Result<(), Refusal> {
    let Some(prebuild) = &preset.prebuild else { return Ok(()) };
    let name = shown(&preset.name);
    let counts = prebuild.schedules.iter().map(|schedule| schedule.instances).chain([prebuild.instances]);
    if prebuild.expires_after_s < 0 || counts.into_iter().any(|count| count < 0) {
        return Err(invalid(format!("preset {name:?}: its prebuilds have a number below zero")));
    }
    if prebuild.schedules.len() > ENTRIES_MAX {
        return Err(invalid(format!("preset {name:?}: at most {ENTRIES_MAX} schedules are taken")));
    }
    Ok(())
}

/// Checks what a dry run has found.
pub fn check_dry_run(found: &v1::CompletedTemplateDryRun) -> Result<(), Refusal> {
    check_resources(&found.resources)?;
    check_bytes("the dry run's result is", found.encoded_len(), RESULT_BYTES_MAX)
}

/// Checks what a build consists of: few enough resources, and agents by whose names they can be told apart.
///
/// Names of agents differ by more than the case of their letters, because they become parts of hosts' names.
pub fn check_resources(resources: &[v1::Resource]) -> Result<(), Refusal> {
    if resources.len() > ENTRIES_MAX {
        return Err(invalid(format!("{} resources: at most {ENTRIES_MAX} are taken", resources.len())));
    }
    let (mut seen, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    for agent in resources.iter().flat_map(|resource| &resource.agents) {
        let name = shown(&agent.name);
        if !is_agent_name(&agent.name) {
            return Err(invalid(format!(
                "agent name {name:?} is invalid: expected 1 to {AGENT_NAME_BYTES_MAX} letters, digits and single \
                 hyphens, beginning and ending with a letter or a digit"
            )));
        }
        if !seen.insert(agent.name.to_ascii_lowercase()) {
            return Err(invalid(format!("agent name {name:?} is there twice, whatever the case of its letters")));
        }
        if seen.len() > ENTRIES_MAX {
            return Err(invalid(format!("at most {ENTRIES_MAX} agents are taken")));
        }
        if !agent.token.is_empty() && !tokens.insert(agent.token.as_str()) {
            return Err(invalid(format!("agent {name:?} has the token of another one: each needs its own")));
        }
        check_agent(agent)?;
    }
    Ok(())
}

/// A slug becomes a part of a host's name, as an agent's name does, and of a path.
fn is_slug(slug: &str) -> bool {
    is_agent_name(slug) && !slug.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_agent_name(name: &str) -> bool {
    (1..=AGENT_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// What is kept of a build's report beside its state and resources: timings that can be true, and replacements.
///
/// A timing without a stage, without a beginning, or that ends before it begins is passed over and does not spoil
/// the build. So is what is beyond the bounds.
pub fn kept_report(timings: &[v1::Timing], replacements: &[v1::ResourceReplacement]) -> v1::CompletedWorkspaceBuild {
    let short = |text: &str| text.len() <= NAME_BYTES_MAX;
    let sound = |timing: &&v1::Timing| {
        !timing.stage.is_empty()
            && [&timing.stage, &timing.resource, &timing.action].into_iter().all(|text| short(text))
            && timing.started_at_ms > 0
            && timing.started_at_ms <= timing.ended_at_ms
    };
    let named = |replacement: &&v1::ResourceReplacement| {
        !replacement.resource.is_empty() && short(&replacement.resource) && replacement.paths.len() <= ENTRIES_MAX
    };
    v1::CompletedWorkspaceBuild {
        timings: timings.iter().filter(sound).take(TIMINGS_MAX).cloned().collect(),
        replacements: replacements.iter().filter(named).take(ENTRIES_MAX).cloned().collect(),
        ..v1::CompletedWorkspaceBuild::default()
    }
}

/// The longest version that an agent reports, in bytes.
pub const AGENT_VERSION_BYTES_MAX: usize = 128;

/// The longest path of a folder, in bytes: what Linux takes.
pub const PATH_BYTES_MAX: usize = 4_096;

/// Subsystems that an agent may name.
pub const SUBSYSTEMS_MAX: usize = 16;

/// Checks what an agent has found out about its machine.
pub fn check_startup(request: &v1::UpdateStartupRequest) -> Result<(), Refusal> {
    let v1::UpdateStartupRequest { version, expanded_directory, subsystems } = request;
    check_bytes("the agent's version is", version.len(), AGENT_VERSION_BYTES_MAX)?;
    check_bytes("the agent's folder is", expanded_directory.len(), PATH_BYTES_MAX)?;
    if subsystems.len() > SUBSYSTEMS_MAX || subsystems.iter().any(|name| name.len() > NAME_BYTES_MAX) {
        return Err(invalid(format!("at most {SUBSYSTEMS_MAX} subsystems are taken, of {NAME_BYTES_MAX} bytes each")));
    }
    Ok(())
}

/// Checks that a report of metadata is short enough.
pub fn check_metadata_values(request: &v1::UpdateMetadataRequest) -> Result<(), Refusal> {
    if request.values.len() > ENTRIES_MAX {
        return Err(invalid(format!("{} metadata values: at most {ENTRIES_MAX} are taken", request.values.len())));
    }
    Ok(())
}

/// Checks that a report of stats counts few enough protocols, and short names of them.
pub fn check_stats(stats: &v1::AgentStats) -> Result<(), Refusal> {
    let protocols = &stats.connections_by_protocol;
    if protocols.len() > PROTOCOLS_MAX || protocols.keys().any(|name| name.len() > NAME_BYTES_MAX) {
        return Err(invalid(format!("at most {PROTOCOLS_MAX} protocols are counted, of {NAME_BYTES_MAX} bytes each")));
    }
    Ok(())
}

/// Checks the name of an agent that somebody asks for; an empty one is any. A longer one than an agent can have is a
/// mistake, and would be kept for as long as the call is open.
pub fn check_asked_agent(name: &str) -> Result<(), Refusal> {
    if name.len() > AGENT_NAME_BYTES_MAX {
        let name = shown(name);
        return Err(invalid(format!(
            "{name:?} can't be an agent's name: expected at most {AGENT_NAME_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}

/// What an agent has of each: scripts, metadata, apps, and scripts that a script waits for.
pub const AGENT_ENTRIES_MAX: usize = 100;

/// The longest cron expression, in bytes.
pub const CRON_BYTES_MAX: usize = 256;

/// The largest description of an agent, in bytes, encoded. A manifest has it in it.
pub const AGENT_BYTES_MAX: usize = 256 << 10;

/// Checks what an agent is to do: few enough things, short enough, and told apart by their names.
pub fn check_agent(agent: &v1::Agent) -> Result<(), Refusal> {
    let name = shown(&agent.name);
    let within = |kind: &str, text: String| invalid(format!("agent {name:?}: {kind}{text}"));
    for (kind, count) in
        [("scripts", agent.scripts.len()), ("metadata", agent.metadata.len()), ("apps", agent.apps.len())]
    {
        if count > AGENT_ENTRIES_MAX {
            return Err(within(kind, format!(": {count} of them, and at most {AGENT_ENTRIES_MAX} are taken")));
        }
    }
    check_names("app", agent.apps.iter().map(|app| app.slug.as_str()))?;
    if let Some(app) = agent.apps.iter().find(|app| !is_slug(&app.slug)) {
        let text = format!("app {:?}: expected a slug of small letters, digits and single hyphens", shown(&app.slug));
        return Err(within("", text));
    }
    check_names("metadata", agent.metadata.iter().map(|metadata| metadata.key.as_str()))?;
    check_names("script", agent.scripts.iter().map(|script| script.display_name.as_str()))?;
    for script in &agent.scripts {
        check_value("script", &script.display_name, &script.script)?;
        check_bytes("the script's cron expression is", script.cron.len(), CRON_BYTES_MAX)?;
        check_bytes("the script's log path is", script.log_path.len(), PATH_BYTES_MAX)?;
        if script.after.len() > AGENT_ENTRIES_MAX {
            let script = shown(&script.display_name);
            return Err(within("", format!("the script {script:?} waits for more than {AGENT_ENTRIES_MAX} others")));
        }
    }
    for (variable, value) in &agent.environment {
        if variable.is_empty() || variable.len() > NAME_BYTES_MAX || variable.contains(['=', '\0']) {
            let variable = shown(variable);
            return Err(within("", format!("{variable:?} can't be a variable's name")));
        }
        check_value("variable", variable, value)?;
    }
    check_bytes("the agent's folder is", agent.directory.len(), PATH_BYTES_MAX)?;
    check_bytes("the agent's description is", agent.encoded_len(), AGENT_BYTES_MAX)
}

/// Addresses of a peer.
pub const ENDPOINTS_MAX: usize = 8;

/// The longest of them, in bytes. A thousand peers with all of theirs fit into one message.
pub const ENDPOINT_BYTES_MAX: usize = 300;

/// Checks where a peer says that it can be reached.
pub fn check_node(node: &v1::Node) -> Result<(), Refusal> {
    let long = |endpoint: &String| !(1..=ENDPOINT_BYTES_MAX).contains(&endpoint.len());
    if node.endpoints.len() > ENDPOINTS_MAX || node.endpoints.iter().any(long) {
        return Err(invalid(format!(
            "at most {ENDPOINTS_MAX} endpoints are taken, of {ENDPOINT_BYTES_MAX} bytes each"
        )));
    }
    Ok(())
}
