//! Dry runs: what a workspace of a version would consist of.

use groundhog_wire::{
    id::{DryRunId, JobId},
    v1,
};

use super::{Posting, version, view};
use crate::{
    events,
    job_kind::JobKind,
    limits,
    names::check_workspace_name,
    refusal::{CallError, Refusal},
    store::{
        Tx, dry_runs,
        jobs::{self, NewJob},
        notices::Notice,
        users::User,
    },
    tags::Tags,
};

/// Queues a dry run of a version whose import has succeeded.
pub fn create(tx: &Tx<'_>, admin: &User, request: &v1::CreateDryRunRequest) -> Result<v1::DryRun, CallError> {
    let workspace_name = request.workspace_name.as_str();
    if !workspace_name.is_empty() {
        check_workspace_name(workspace_name).map_err(|error| Refusal::Invalid(error.to_string()))?;
    }
    limits::check_parameter_values(&request.parameters)?;
    let version = version::select(tx, admin, request.version.as_ref())?;
    version::check_usable(tx, &version)?;
    let tags = Tags::for_job(&version.tags, &admin.name).map_err(|error| Refusal::State(error.to_string()))?;

    let job = JobId(tx.new_id("job"));
    let (kind, provisioner_type) = (JobKind::TemplateDryRun, version.provisioner_type.as_str());
    jobs::insert(tx, &NewJob { id: job, kind, provisioner_type, initiator: admin, tags: &tags })?;
    let id = DryRunId(tx.new_id("dry run"));
    let asked = v1::TemplateDryRun {
        workspace_name: workspace_name.to_owned(),
        parameter_values: request.parameters.clone(),
        ..v1::TemplateDryRun::default()
    };
    dry_runs::insert(tx, id, version.id, job, &asked)?;
    let version_id = version.id.event();
    tx.after_commit(move || events::dry_run_queued(id.event(), version_id, job.event()));
    tx.notify(Notice::JobPosted(Posting { provisioner_type: version.provisioner_type, tags }));
    by_id(tx, admin, id)
}

/// A dry run as it stands, for whoever asked for it.
pub fn get(tx: &Tx<'_>, user: &User, request: &v1::GetDryRunRequest) -> Result<v1::DryRun, CallError> {
    let id = request.dry_run_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    by_id(tx, user, id)
}

fn by_id(tx: &Tx<'_>, user: &User, id: DryRunId) -> Result<v1::DryRun, CallError> {
    let unknown = || Refusal::NotFound(format!("there is no dry run {id}"));
    let dry_run = dry_runs::by_id(tx, id)?.ok_or_else(unknown)?;
    let job = jobs::by_id(tx, dry_run.job)?.filter(|job| view::may_see(user, job, None)).ok_or_else(unknown)?;
    let resources = dry_run.found.resources;
    Ok(v1::DryRun { dry_run_id: id.to_string(), job: Some(view::job(&job)), resources })
}
