//! Making workspaces and builds.

use groundhog_wire::{
    id::{BuildId, JobId, WorkspaceId},
    v1,
};

use super::{Posting, view};
use crate::{
    events,
    names::{check_workspace_name, truncated},
    refusal::{CallError, Refusal},
    store::{
        Tx,
        builds::{self, NewBuild},
        jobs::{self, NewJob},
        templates::{self, Version},
        users::User,
        workspaces::{self, NewWorkspace},
    },
    tags::Tags,
    transition::Transition,
};

/// How much of a name that nobody knows is repeated in a refusal, in bytes.
const ECHO_BYTES_MAX: usize = 64;

/// A build that was queued.
#[derive(Clone, Debug, PartialEq)]
pub struct Queued {
    /// What its owner is told.
    pub build: v1::Build,
    /// What waiting daemons are told.
    pub posting: Posting,
}

/// Makes a workspace of `user`'s and queues its first build, a start of the template's active version.
pub fn create_workspace(tx: &Tx<'_>, user: &User, request: &v1::CreateWorkspaceRequest) -> Result<Queued, CallError> {
    let name = request.name.as_str();
    check_workspace_name(name).map_err(|error| Refusal::Invalid(error.to_string()))?;
    let Some(version) = templates::active_version(tx, &request.template)? else {
        let template = truncated(&request.template, ECHO_BYTES_MAX);
        return Err(Refusal::NotFound(format!("Template {template:?} doesn't exist.")).into());
    };
    if workspaces::live_by_name(tx, user.id, name)?.is_some() {
        return Err(Refusal::Exists(format!("A workspace named {name:?} already exists.")).into());
    }
    let id = WorkspaceId(tx.new_id("workspace"));
    workspaces::insert(tx, &NewWorkspace { id, owner: user.id, template: version.template_id, name })?;
    let (workspace_name, owner) = (name.to_owned(), user.name.clone());
    tx.after_commit(move || events::workspace_created(id.event(), &workspace_name, &owner));
    queue(tx, user, &version, Place { workspace: id, number: 1, transition: Transition::Start, daily_cost: 0 })
}

/// Queues a build of `user`'s workspace, of the version that it was last built from. Refused while another build
/// of it has not ended.
pub fn create_build(tx: &Tx<'_>, user: &User, request: &v1::CreateBuildRequest) -> Result<Queued, CallError> {
    let Some(transition) = Transition::from_wire(request.transition) else {
        return Err(Refusal::Invalid("expected a transition: start, stop or destroy".to_owned()).into());
    };
    let latest = view::latest_build(tx, user, &request.workspace)?;
    let job = jobs::by_id(tx, latest.job)?.ok_or_else(|| view::no_job(&latest))?;
    if job.completed_at.is_none() {
        return Err(Refusal::State("A workspace build is already active.".to_owned()).into());
    }
    let version = templates::version(tx, latest.version)?
        .ok_or_else(|| Refusal::State("the version that the workspace was built from is gone".to_owned()))?;
    let number = latest.number.saturating_add(1);
    // Until the new build's cost is known, the workspace costs what it cost: were it nothing, another workspace
    // could be granted those credits, and then both would run.
    let daily_cost = latest.daily_cost;
    queue(tx, user, &version, Place { workspace: latest.workspace, number, transition, daily_cost })
}

/// Where a build belongs.
struct Place {
    workspace: WorkspaceId,
    number: u32,
    transition: Transition,
    daily_cost: i32,
}

fn queue(tx: &Tx<'_>, user: &User, version: &Version, place: Place) -> Result<Queued, CallError> {
    let Place { workspace, number, transition, daily_cost } = place;
    let tags = Tags::for_job(&version.tags, &user.name).map_err(|error| Refusal::State(error.to_string()))?;
    let job = JobId(tx.new_id("job"));
    let provisioner_type = version.provisioner_type.as_str();
    jobs::insert(tx, &NewJob { id: job, provisioner_type, initiator: user.id, tags: &tags })?;
    let id = BuildId(tx.new_id("build"));
    builds::insert(tx, &NewBuild { id, workspace, version: version.id, job, number, transition, daily_cost })?;
    tx.after_commit(move || {
        events::build_queued(id.event(), workspace.event(), number, transition.as_str(), job.event());
    });
    let build = view::build(tx, &view::by_id(tx, user, id)?)?;
    Ok(Queued { build, posting: Posting { provisioner_type: version.provisioner_type.clone(), tags } })
}
