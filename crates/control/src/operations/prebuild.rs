//! Workspaces are built ahead, withdrawn while they wait, and deleted.
//!
//! Each function looks again at what it is about to change: what it was decided by is as old as the decision.

use groundhog_prebuilds::workspace_name;
use groundhog_wire::{
    id::{BuildId, JobId, PresetId, WorkspaceId},
    v1,
};
use uuid::Uuid;

use super::{
    cancel, orphan,
    workspace::{Place, queue},
};
use crate::{
    config::DaemonsConfig,
    events, limits,
    prebuilds::snapshot::is_withdrawable,
    refusal::{CallError, Refusal},
    store::{
        Tx, builds, jobs, pools, presets, templates,
        users::{PREBUILDS, User},
        workspaces::{self, Life, NewWorkspace},
    },
    transition::Transition,
};

/// What is said where a workspace was to be deleted that is a person's now. Tools and people search logs for it.
pub const CLAIMED: &str = "prebuilt workspace is not owned by prebuild user anymore, probably it was claimed";

/// What came of an attempt to build a workspace ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It waits for a daemon.
    Queued(WorkspaceId),
    /// None is wanted any more (P13).
    Skipped(&'static str),
}

/// Makes a workspace for a preset and queues its first build, unless the preset's version is no longer the one that
/// workspaces are made from, or its template was deleted or deprecated (P13).
///
/// Refused as invalid if the version does not take the preset's parameters.
pub fn create(tx: &Tx<'_>, preset: PresetId) -> Result<Created, CallError> {
    if !pools::is_active(tx, preset)? {
        return Ok(Created::Skipped("nothing is to be made of its version any more"));
    }
    let gone = || Refusal::NotFound(format!("there is no preset {preset}"));
    let found = presets::by_id(tx, preset)?.ok_or_else(gone)?;
    let version = templates::version(tx, found.version)?.ok_or_else(gone)?;
    let parameters = found.declared.parameters;
    limits::check_parameter_values(&parameters)?;
    if version.import.is_some() {
        let imported = templates::imported(tx, version.id)?;
        check_parameters(&imported.parameters, &parameters)?;
    }
    let account = User::prebuilds();
    let name = workspace_name(nine_bytes(tx.new_id("prebuilt workspace's name")));
    let id = WorkspaceId(tx.new_id("workspace"));
    // It lives by no clock before somebody has claimed it.
    let life = Life::default();
    let (owner, template) = (account.id, version.template_id);
    workspaces::insert(tx, &NewWorkspace { id, owner, template, name: &name, life })?;
    let (shown, owner) = (name, account.name.clone());
    tx.after_commit(move || events::workspace_created(id.event(), &shown, &owner));
    let asked = v1::WorkspaceBuild { parameter_values: parameters, ..v1::WorkspaceBuild::default() };
    queue(tx, &account, &account.name, &version, Place::first(id, Some(preset)), asked)?;
    Ok(Created::Queued(id))
}

/// Queues the destroy of a workspace that was built ahead, with the version and the parameters of its latest build, which
/// must still be `seen`.
///
/// Refused if a person has it now, or something else has become of it.
pub fn delete(tx: &Tx<'_>, workspace: WorkspaceId, seen: BuildId) -> Result<(), CallError> {
    let latest = builds::latest(tx, workspace)?
        .ok_or_else(|| Refusal::NotFound(format!("there is no workspace {workspace}")))?;
    if latest.owner != PREBUILDS {
        return Err(Refusal::State(CLAIMED.to_owned()).into());
    }
    if latest.id != seen {
        let text = format!("the workspace {workspace} was built again: its latest build is {}, not {seen}", latest.id);
        return Err(Refusal::Overtaken(text).into());
    }
    let version = templates::version(tx, latest.version)?
        .ok_or_else(|| Refusal::State(format!("the version {} of the latest build is gone", latest.version)))?;
    let account = User::prebuilds();
    let place = Place::after(&latest, Transition::Destroy);
    queue(tx, &account, &account.name, &version, place, latest.asked)?;
    Ok(())
}

/// Withdraws the first build of a workspace that was built ahead, which waits for a daemon though its version is no longer the
/// active one, and deletes the workspace: there is nothing of it yet. None if it does not wait any more, or is wanted again.
pub fn withdraw(tx: &Tx<'_>, workspace: WorkspaceId, daemons: &DaemonsConfig) -> Result<Option<JobId>, CallError> {
    let Some(unclaimed) = pools::unclaimed_by_id(tx, PREBUILDS, workspace)?.filter(is_withdrawable) else {
        return Ok(None);
    };
    let gone = || Refusal::NotFound(format!("the workspace {workspace} has no build"));
    let job = jobs::by_id(tx, unclaimed.job)?.ok_or_else(gone)?;
    let build = builds::by_id(tx, unclaimed.build)?.ok_or_else(gone)?;
    let version = templates::version(tx, build.version)?.ok_or_else(gone)?;
    jobs::cancel(tx, job.id)?;
    cancel::over(tx, &job, Some(&build))?;
    let account = User::prebuilds();
    orphan::destroy(tx, &account, &account.name, &version, &build, daemons)?;
    Ok(Some(job.id))
}

/// Checks a preset's values against the parameters that its version has: it must have each of them, a number must be one and
/// a bool too, and what has no default must be given.
///
/// People learn of such a mistake from their build. A preset would have one such build after the other, so it is looked at
/// before.
fn check_parameters(parameters: &[v1::TemplateParameter], values: &[v1::ParameterValue]) -> Result<(), Refusal> {
    for value in values {
        let shown = limits::shown(&value.name);
        let parameter = parameters.iter().find(|parameter| parameter.name == value.name);
        let Some(parameter) = parameter else {
            return Err(Refusal::Invalid(format!("the version has no parameter {shown:?}")));
        };
        let fits = match parameter.r#type.as_str() {
            "number" => value.value.parse::<f64>().is_ok_and(f64::is_finite),
            "bool" => matches!(value.value.as_str(), "true" | "false"),
            _ => true,
        };
        if !fits {
            let (kind, given) = (limits::shown(&parameter.r#type), limits::shown(&value.value));
            return Err(Refusal::Invalid(format!("the parameter {shown:?} is a {kind}, and {given:?} is none")));
        }
    }
    let missing = |parameter: &&v1::TemplateParameter| {
        parameter.required
            && parameter.default_value.is_empty()
            && values.iter().all(|value| value.name != parameter.name)
    };
    match parameters.iter().find(missing) {
        Some(missing) => {
            let name = limits::shown(&missing.name);
            Err(Refusal::Invalid(format!("the version needs a value of its parameter {name:?}")))
        }
        None => Ok(()),
    }
}

/// Nine of an id's bytes, all of whose bits were drawn at random: two of its bytes say which kind of id it is.
fn nine_bytes(id: Uuid) -> [u8; 9] {
    let bytes = id.as_bytes();
    std::array::from_fn(|at| if at < 6 { bytes[at] } else { bytes[at + 3] })
}
