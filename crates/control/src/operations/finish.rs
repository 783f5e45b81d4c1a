//! A worker ends a job.
//!
//! Terminal messages are repeated until they are answered, so an answer that was lost must not turn a success into
//! an error: the same message from the same worker is answered alike and does nothing (J10). What "the same" means
//! is a digest, kept with the job. Any other message about a job that is over is refused.

use groundhog_wire::v1::{self, complete_job_request, fail_job_request};
use prost::Message;
use sha2::{Digest, Sha256};

use super::owned;
use crate::{
    events,
    job_status::{Facts, status},
    names::truncated,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx,
        builds::{self, Build},
        daemons::Worker,
        jobs::{self, End, Job},
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

/// Ends a job as failed. The state that the build left behind is kept if the message has one; else the state
/// before the build stands.
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
    if let Some(build) = builds::by_job(tx, job.id)? {
        match &request.kind {
            Some(fail_job_request::Kind::WorkspaceBuild(v1::FailedWorkspaceBuild { state: Some(state), .. })) => {
                builds::set_state(tx, build.id, state)?;
            }
            Some(
                fail_job_request::Kind::WorkspaceBuild(v1::FailedWorkspaceBuild { state: None, .. })
                | fail_job_request::Kind::TemplateImport(_)
                | fail_job_request::Kind::TemplateDryRun(_),
            )
            | None => {
                keep_state_before(tx, &build)?;
            }
        }
    }
    let (id, by, error, code) = (job.id.event(), worker.name.clone(), error.to_owned(), error_code.to_owned());
    tx.after_commit(move || events::job_failed(id, &by, &error, &code));
    Ok(v1::FailJobResponse {})
}

/// Ends a job as done: the build's state and resources are kept, and a workspace that was destroyed is gone.
pub fn complete(
    tx: &Tx<'_>,
    worker: &Worker,
    request: &v1::CompleteJobRequest,
) -> Result<v1::CompleteJobResponse, CallError> {
    let job = owned::ending(tx, worker, &request.job_id)?;
    let digest = digest(b"complete", request);
    if is_repetition(&job, digest)? {
        return Ok(v1::CompleteJobResponse {});
    }
    let Some(complete_job_request::Kind::WorkspaceBuild(done)) = &request.kind else {
        return Err(Refusal::Invalid("type payload must be provided".to_owned()).into());
    };
    let build = builds::by_job(tx, job.id)?
        .ok_or_else(|| Refusal::NotFound(format!("get workspace build: the job {} has none", job.id)))?;
    jobs::touch(tx, job.id)?;
    jobs::end(tx, job.id, &End { error: "", error_code: "", terminal_digest: Some(digest) })?;
    builds::set_state(tx, build.id, &done.state)?;
    builds::insert_resources(tx, build.id, &done.resources)?;
    if !build.cost_is_own {
        // A worker asks about every plan that costs something, so one that was not asked about costs nothing.
        builds::set_cost(tx, build.id, 0)?;
    }
    if build.transition == Transition::Destroy {
        workspaces::mark_deleted(tx, build.workspace)?;
    }
    let canceled = job.canceled_at.is_some();
    let ended = status(Facts { started: true, canceled, completed: true, error: false });
    let (id, by) = (job.id.event(), worker.name.clone());
    tx.after_commit(move || events::job_completed(id, &by, ended.as_str()));
    Ok(v1::CompleteJobResponse {})
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
