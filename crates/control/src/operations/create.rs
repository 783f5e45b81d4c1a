//! A person asks for a workspace.
//!
//! If the request has a preset for which workspaces are built ahead, it is answered in two transactions: the first one
//! finds those that could be given, and the second one gives the first of them that still can be (P6). In between others
//! may take them, or delete them; that there is a second transaction at all is so that nobody has to wait for everybody
//! else who asks at the same time. With none to give, a new workspace is made, as if nothing were ever built ahead.

use std::time::Duration;

use groundhog_prebuilds::find_matching_preset;
use groundhog_wire::{id::WorkspaceId, v1};

use super::{
    chat_workspace::{self, Admission, Admitted},
    claim, clock, version,
    workspace::{self, Place},
};
use crate::{
    events, limits,
    names::check_workspace_name,
    permission,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        presets::{self, Preset},
        templates::Version,
        users::{Role, User},
        workspaces::{self, Life, NewWorkspace},
    },
};

/// What is said of a name that breaks the rule.
const NAME_RULE: &str =
    "Expected 1 to 32 letters, digits and single hyphens, beginning and ending with a letter or a digit.";

/// What comes of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Creation {
    /// The person has a workspace, and this is the build by which it becomes theirs.
    Queued(Box<v1::Build>),
    /// Nothing was done so far. These were built ahead and could be given, the first one first: see
    /// [`from_candidates`].
    Candidates(Vec<WorkspaceId>),
}

/// A request that can be met.
struct Order<'a> {
    name: &'a str,
    version: Version,
    preset: Option<Preset>,
    life: Life<'a>,
    asked: v1::WorkspaceBuild,
}

/// Makes a workspace of `user`'s and queues its first build, a start; or finds those that were built ahead for what they
/// ask for.
///
/// Refused, before anything else is looked at, if the person has a workspace of this name.
///
/// A request that is for a chat is refused as overtaken if the chat has a workspace that the caller does not know, or of
/// which something is left. `inactive_after` is for how long an agent counts as there of which nothing is heard.
pub fn workspace(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::CreateWorkspaceRequest,
    inactive_after: Duration,
) -> Result<Creation, CallError> {
    let chat = match for_chat(tx, user, request, inactive_after)? {
        Some(Admission::Repeated(build)) => return Ok(Creation::Queued(build)),
        Some(Admission::Admitted(chat)) => Some(chat),
        None => None,
    };
    let order = check(tx, user, request, chat.as_deref())?;
    if let Some(preset) = order.preset.as_ref().filter(|preset| is_built_ahead(user, preset)) {
        let candidates = claim::candidates(tx, &order.version, preset)?;
        if !candidates.is_empty() {
            return Ok(Creation::Candidates(candidates));
        }
        tell_none(tx, user, &order.version, preset);
    }
    Ok(Creation::Queued(Box::new(create(tx, user, order, chat.as_deref())?)))
}

/// What comes of a request as far as its chat is concerned; none if it is for no chat.
fn for_chat(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::CreateWorkspaceRequest,
    inactive_after: Duration,
) -> Result<Option<Admission>, CallError> {
    request.chat.as_ref().map(|chat| chat_workspace::admit(tx, user, chat, inactive_after)).transpose()
}

/// Gives `user` the first of these workspaces that can still be given, or makes a new one if none can. The request is
/// looked at once more: between the two transactions its template may have changed, or the name been taken.
pub fn from_candidates(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::CreateWorkspaceRequest,
    inactive_after: Duration,
    candidates: &[WorkspaceId],
) -> Result<v1::Build, CallError> {
    let chat = match for_chat(tx, user, request, inactive_after)? {
        Some(Admission::Repeated(build)) => return Ok(*build),
        Some(Admission::Admitted(chat)) => Some(chat),
        None => None,
    };
    let order = check(tx, user, request, chat.as_deref())?;
    if let Some(preset) = order.preset.as_ref().filter(|preset| is_built_ahead(user, preset)) {
        let Order { name, version, life, asked, .. } = &order;
        for candidate in candidates {
            let wanted = claim::Wanted { name, version, preset, life: *life, asked };
            if let Some(build) = claim::take(tx, user, *candidate, &wanted)? {
                if let Some(chat) = chat {
                    chat.take(tx, &build, "claimed")?;
                }
                return Ok(build);
            }
            let (ws, owner) = (candidate.event(), user.name.clone());
            tx.after_commit(move || events::prebuild_candidate_lost(ws, &owner));
        }
        tell_none(tx, user, version, preset);
    }
    create(tx, user, order, chat.as_deref())
}

fn tell_none(tx: &Tx<'_>, user: &User, version: &Version, preset: &Preset) {
    let (about, owner) = (format!("{}/{}", version.template, preset.declared.name), user.name.clone());
    tx.after_commit(move || events::prebuild_none_claimable(&about, &owner));
}

/// Whether a person who asks for this preset may be given what was built ahead. The accounts that build ahead are not.
fn is_built_ahead(user: &User, preset: &Preset) -> bool {
    preset.declared.prebuild.is_some() && user.role != Role::Prebuilds
}

fn check<'a>(
    tx: &Tx<'_>,
    user: &User,
    request: &'a v1::CreateWorkspaceRequest,
    chat: Option<&Admitted>,
) -> Result<Order<'a>, CallError> {
    let name = request.name.as_str();
    check_workspace_name(name).map_err(|error| Refusal::Invalid(error.to_string()).about("name", NAME_RULE))?;
    limits::check_parameter_values(&request.parameters)?;
    let log_level = workspace::check_log_level(request.log_level)?;
    let version = version(tx, user, request).map_err(|error| error.about(template_field(request)))?;
    if let Some(chat) = chat {
        chat.check_organization(&version).map_err(|refusal| refusal.about_itself(template_field(request)))?;
    }
    if workspaces::live_by_name(tx, user.id, name)?.is_some() {
        let refusal = Refusal::Exists(format!("A workspace named {name:?} already exists."));
        return Err(refusal.about("name", "It is taken: choose another one.").into());
    }
    if !permission::uses_template(user.role, user.organizations.contains(&version.organization)) {
        let template = limits::shown(&version.template);
        let text = format!("You are no member of the organization of the template {template:?}: ask for membership.");
        return Err(Refusal::Denied(text).about_itself(template_field(request)).into());
    }
    if !version.deprecated.is_empty() {
        let Version { template, deprecated, .. } = &version;
        let refusal = Refusal::State(format!("Template {template:?} is deprecated: {deprecated}"));
        return Err(refusal.about_itself(template_field(request)).into());
    }
    let life = clock::asked_for(&request.autostart, request.ttl_ms, version.default_ttl_ms, tx.now_ms())?;
    let preset = preset(tx, &version, request)?;
    let parameters = parameters(preset.as_ref(), &request.parameters);
    Ok(Order { name, version, preset, life, asked: workspace::asked(parameters, log_level) })
}

/// The version that a request is about: the template goes by its name, or by its id.
fn version(tx: &Tx<'_>, user: &User, request: &v1::CreateWorkspaceRequest) -> Result<Version, CallError> {
    let v1::CreateWorkspaceRequest { template, template_id, version, .. } = request;
    match (template.as_str(), template_id.as_str()) {
        (name, "") => version::to_build(tx, user, name, version),
        ("", id) => version::to_build_of(tx, user, id, version),
        (_, _) => Err(Refusal::Invalid("expected a template's name or its id, and got both".to_owned()).into()),
    }
}

/// The field by which a request names its template.
const fn template_field(request: &v1::CreateWorkspaceRequest) -> &'static str {
    if request.template_id.is_empty() { "template" } else { "template_id" }
}

/// The preset that a request is about: the one that it names, or the one that its parameters belong to.
fn preset(tx: &Tx<'_>, version: &Version, request: &v1::CreateWorkspaceRequest) -> Result<Option<Preset>, CallError> {
    // Most versions have none; then nothing is read.
    let presets = if version.has_presets { presets::with_version(tx, version.id)? } else { Vec::new() };
    let (field, named, asked) = match (request.preset.as_str(), request.preset_id.as_str()) {
        ("", "") => {
            let matching = matching(&presets, &request.parameters)?;
            return Ok(presets.into_iter().find(|preset| Some(&preset.declared.name) == matching.as_ref()));
        }
        (name, "") => ("preset", presets.into_iter().find(|preset| preset.declared.name == name), name),
        ("", id) => {
            let id_of = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")).about_itself("preset_id"))?;
            ("preset_id", presets.into_iter().find(|preset| preset.id == id_of), id)
        }
        (_, _) => {
            let text = "expected a preset's name or its id, and got both";
            return Err(Refusal::Invalid(text.to_owned()).about_itself("preset_id").into());
        }
    };
    let unknown = || {
        let (asked, Version { template, name: version, .. }) = (limits::shown(asked), version);
        let text = format!("The version {version:?} of the template {template:?} has no preset {asked:?}.");
        Refusal::NotFound(text).about_itself(field)
    };
    Ok(Some(named.ok_or_else(unknown)?))
}

fn matching(presets: &[Preset], given: &[v1::ParameterValue]) -> Result<Option<String>, Refusal> {
    let names: Vec<_> = given.iter().map(|parameter| parameter.name.as_str()).collect();
    let values: Vec<_> = given.iter().map(|parameter| parameter.value.as_str()).collect();
    let pair = |parameter: &v1::ParameterValue| (parameter.name.clone(), parameter.value.clone());
    let known = |Preset { declared, .. }: &Preset| {
        (declared.name.clone(), declared.parameters.iter().map(pair).collect::<Vec<_>>())
    };
    let known: Vec<_> = presets.iter().map(known).collect();
    let found = find_matching_preset(&names, &values, &known);
    let found = found.map_err(|error| Refusal::Invalid(error.to_string()).about_itself("parameters"))?;
    Ok(found.map(str::to_owned))
}

/// A build's parameters: the preset's, then those that were given beside them.
fn parameters(preset: Option<&Preset>, given: &[v1::ParameterValue]) -> Vec<v1::ParameterValue> {
    let mut parameters = preset.map(|preset| preset.declared.parameters.clone()).unwrap_or_default();
    let by_preset = parameters.len();
    for value in given {
        if parameters[..by_preset].iter().all(|parameter| parameter.name != value.name) {
            parameters.push(value.clone());
        }
    }
    parameters
}

fn create(tx: &Tx<'_>, user: &User, order: Order<'_>, chat: Option<&Admitted>) -> Result<v1::Build, CallError> {
    let Order { name, version, preset, life, asked } = order;
    let id = WorkspaceId(tx.new_id("workspace"));
    workspaces::insert(tx, &NewWorkspace { id, owner: user.id, template: version.template_id, name, life })?;
    let (workspace_name, owner) = (name.to_owned(), user.name.clone());
    tx.after_commit(move || events::workspace_created(id.event(), &workspace_name, &owner));
    let place = Place::first(id, preset.map(|preset| preset.id));
    let build = workspace::queue(tx, user, &user.name, &version, place, asked)?;
    if let Some(chat) = chat {
        chat.take(tx, &build, "created")?;
    }
    Ok(build)
}
