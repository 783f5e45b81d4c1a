//! A worker ends a job.
//!
//! Terminal messages are repeated until they are answered, so an answer that was lost must not turn a success into
//! an error: the same message from the same worker is answered alike and does nothing (J10). What "the same" means
//! is a digest, kept with the job. Any other message about a job that is over is refused.

use std::{collections::BTreeSet, time::Duration};

use groundhog_wire::{
    id::WorkspaceId,
    v1::{self, complete_job_request::Kind, fail_job_request},
};
use prost::Message;
use sha2::{Digest, Sha256};

use super::{
    agent::register,
    clock,
    ended::{self, Outcome},
    import, notify, owned,
};
use crate::{
    events,
    job_kind::JobKind,
    job_status::JobStatus,
    limits,
    metrics::{Built, Metrics},
    names::truncated,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx,
        builds::{self, Build},
        counts,
        daemons::Worker,
        dry_runs,
        jobs::{self, End, Job},
        users::PREBUILDS,
        workspaces,
    },
    transition::Transition,
};

/// How much of a failure's text is kept, in bytes.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// How much of a failure's code is kept, in bytes.
const ERROR_CODE_BYTES_MAX: usize = 128;

/// What stands in for the text of a failure that has none: an empty one would read as a success.
const NO_ERROR_TEXT: &str = "the provisioner failed and gave no reason";

/// Ends a job as failed. The state that a build left behind is kept if the message has one; else the state before
/// the build stands.
///
/// A payload of another kind of job is passed over: that the job failed is worth more than the rest of the message.
pub fn fail(tx: &Tx<'_>, worker: &Worker, request: &v1::FailJobRequest) -> Result<v1::FailJobResponse, CallError> {
    let job = owned::ending(tx, worker, &request.job_id)?;
    let digest = digest(b"fail", request);
    if is_repetition(&job, digest)? {
        return Ok(v1::FailJobResponse {});
    }
    let error = if request.error.is_empty() { NO_ERROR_TEXT } else { truncated(&request.error, ERROR_BYTES_MAX) };
    let error_code = truncated(&request.error_code, ERROR_CODE_BYTES_MAX);
    jobs::touch(tx, job.id)?;
    jobs::end(tx, job.id, &End { error, error_code, terminal_digest: Some(digest) })?;
    let build = build_of(tx, &job)?;
    if let Some(build) = &build {
        let failed = match &request.kind {
            Some(fail_job_request::Kind::WorkspaceBuild(failed)) => Some(failed),
            Some(fail_job_request::Kind::TemplateImport(_) | fail_job_request::Kind::TemplateDryRun(_)) | None => None,
        };
        match failed.and_then(|failed| failed.state.as_ref()) {
            Some(state) => builds::set_state(tx, build.id, state)?,
            None => keep_state_before(tx, build)?,
        }
        keep_report(tx, build, failed.map_or(&[], |failed| &failed.timings), &[])?;
    }
    let (id, by, text, code) = (job.id.event(), worker.name.clone(), error.to_owned(), error_code.to_owned());
    tx.after_commit(move || events::job_failed(id, &by, &text, &code));
    if let Some(build) = &build {
        ended::audit(tx, build, job.initiator, Outcome::Failed(error))?;
    }
    ended::notify(tx, job.id, build.map(|build| build.workspace));
    Ok(v1::FailJobResponse {})
}

/// Ends a job as done and keeps what it made or found, all in one transaction.
///
/// An import that names a service which is not among `external_auth` ends too, but as failed: the worker did what it
/// was asked, and it is the template that can't be used here.
pub fn complete(
    tx: &Tx<'_>,
    worker: &Worker,
    request: &v1::CompleteJobRequest,
    external_auth: &BTreeSet<String>,
    metrics: &Metrics,
) -> Result<v1::CompleteJobResponse, CallError> {
    let job = owned::ending(tx, worker, &request.job_id)?;
    let digest = digest(b"complete", request);
    if is_repetition(&job, digest)? {
        return Ok(v1::CompleteJobResponse {});
    }
    let Some(kind) = &request.kind else {
        return Err(Refusal::Invalid("type payload must be provided".to_owned()).into());
    };
    let meant = JobKind::of_success(kind).as_str();
    if meant != job.kind.as_str() {
        let text = format!("unknown job type {meant:?}; ensure coderd and provisionerd versions match");
        return Err(Refusal::Invalid(text).into());
    }
    let objection = match kind {
        Kind::TemplateImport(found) => import::objection(found, external_auth),
        Kind::WorkspaceBuild(_) | Kind::TemplateDryRun(_) => None,
    };
    jobs::touch(tx, job.id)?;
    let error = objection.as_deref().unwrap_or_default();
    jobs::end(tx, job.id, &End { error, error_code: "", terminal_digest: Some(digest) })?;
    if let Some(error) = objection {
        let id = job.id.event();
        tx.after_commit(move || events::job_failed(id, "control", &error, ""));
        // Only an import meets an objection, and builds no workspace.
        ended::notify(tx, job.id, None);
        return Ok(v1::CompleteJobResponse {});
    }
    let canceled = job.canceled_at.is_some();
    let (ended, outcome) =
        if canceled { (JobStatus::Canceled, Outcome::Canceled) } else { (JobStatus::Succeeded, Outcome::Succeeded) };
    let (id, by) = (job.id.event(), worker.name.clone());
    tx.after_commit(move || events::job_completed(id, &by, ended.as_str()));
    let mut workspace = None;
    match kind {
        Kind::WorkspaceBuild(done) => workspace = Some(complete_build(tx, &job, done, outcome, metrics)?),
        Kind::TemplateImport(found) => {
            limits::check_import(found)?;
            // One that was cancelled has not succeeded, so its version is not one to make workspaces of.
            if !canceled {
                let mut found = found.clone();
                register::without_tokens(&mut found.start_resources);
                register::without_tokens(&mut found.stop_resources);
                import::keep(tx, &job, &found)?;
            }
        }
        Kind::TemplateDryRun(found) => {
            limits::check_dry_run(found)?;
            let mut found = found.clone();
            register::without_tokens(&mut found.resources);
            dry_runs::set_found(tx, job.id, &found)?;
        }
    }
    ended::notify(tx, job.id, workspace);
    Ok(v1::CompleteJobResponse {})
}

/// Keeps a build's state and resources, and lets a workspace that was destroyed be gone. Which workspace it built.
fn complete_build(
    tx: &Tx<'_>,
    job: &Job,
    done: &v1::CompletedWorkspaceBuild,
    outcome: Outcome<'_>,
    metrics: &Metrics,
) -> Result<WorkspaceId, CallError> {
    limits::check_resources(&done.resources)?;
    let build = builds::by_job(tx, job.id)?
        .ok_or_else(|| Refusal::NotFound(format!("get workspace build: the job {} has none", job.id)))?;
    builds::set_state(tx, build.id, &done.state)?;
    builds::insert_resources(tx, build.id, &done.resources)?;
    if build.transition == Transition::Start {
        register::register(tx, &build, &done.resources)?;
    }
    keep_report(tx, &build, &done.timings, &done.replacements)?;
    if build.is_claim && !done.replacements.is_empty() && outcome == Outcome::Succeeded {
        notify::resources_replaced(tx, &build, &limits::kept_report(&[], &done.replacements).replacements)?;
    }
    if !build.cost_is_own {
        // A worker asks about every plan that costs something, so one that was not asked about costs nothing.
        builds::set_cost(tx, build.id, 0)?;
    }
    if build.transition == Transition::Start && outcome == Outcome::Succeeded {
        clock::after_start(tx, &build)?;
        measure(tx, &build, job, metrics)?;
    }
    if build.transition == Transition::Destroy {
        workspaces::mark_deleted(tx, build.workspace)?;
    }
    ended::audit(tx, &build, job.initiator, outcome)?;
    Ok(build.workspace)
}

/// Measures how long it took that a workspace was there, or became a person's: of those that were built for a preset.
fn measure(tx: &Tx<'_>, build: &Build, job: &Job, metrics: &Metrics) -> Result<(), StoreError> {
    let Some(preset) = build.built_for.filter(|_| build.number == 1 || build.is_claim) else { return Ok(()) };
    let Some(labels) = counts::labels_of(tx, preset)? else { return Ok(()) };
    let built = match (build.is_claim, job.initiator == PREBUILDS) {
        (true, _) => Built::Claim,
        (false, true) => Built::Ahead,
        (false, false) => Built::Regular,
    };
    // A clock that was set back in between would make it negative.
    let elapsed = Duration::from_millis(tx.now_ms().saturating_sub(job.created_at).max(0).cast_unsigned());
    let metrics = metrics.clone();
    tx.after_commit(move || metrics.built(built, labels, elapsed));
    Ok(())
}

/// The build that a job carries out, if it is one of those jobs.
pub(super) fn build_of(tx: &Tx<'_>, job: &Job) -> Result<Option<Build>, StoreError> {
    match job.kind {
        JobKind::WorkspaceBuild => builds::by_job(tx, job.id),
        JobKind::TemplateImport | JobKind::TemplateDryRun => Ok(None),
    }
}

fn keep_report(
    tx: &Tx<'_>,
    build: &Build,
    timings: &[v1::Timing],
    replacements: &[v1::ResourceReplacement],
) -> Result<(), StoreError> {
    if timings.is_empty() && replacements.is_empty() {
        return Ok(());
    }
    builds::set_report(tx, build.id, &limits::kept_report(timings, replacements))
}

/// Lets the state before a build stand after it: for every end that says nothing of the state.
pub(super) fn keep_state_before(tx: &Tx<'_>, build: &Build) -> Result<(), StoreError> {
    let state = builds::state_before(tx, build)?;
    builds::set_state(tx, build.id, &state)
}

/// Whether the job ended by this very message. Refused if it ended by anything else.
fn is_repetition(job: &Job, digest: [u8; 32]) -> Result<bool, Refusal> {
    match (job.completed_at, job.terminal_digest) {
        (None, _) => Ok(false),
        (Some(_), Some(ended_by)) if ended_by == digest => Ok(true),
        (Some(_), _) => Err(owned::already_completed()),
    }
}

/// Equal for equal messages of one kind. Encoding is deterministic: fields in order, no unordered maps.
fn digest(kind: &[u8], message: &impl Message) -> [u8; 32] {
    Sha256::new().chain_update(kind).chain_update(message.encode_to_vec()).finalize().into()
}
