//! A person asks for a build's end.

use groundhog_wire::v1;

use super::{finish, view};
use crate::{
    events,
    job_status::JobStatus,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        jobs::{self, End},
        users::User,
    },
};

/// Cancels a build. A job that no worker has is over at once, as cancelled; a running one goes on until its worker
/// has ended it, or the reaper.
///
/// Refused when the job has ended, was cancelled before, or has not the status that the caller expects: what is
/// expected is checked in the transaction that cancels, so that no worker can take the job between the two.
pub fn cancel(tx: &Tx<'_>, user: &User, request: &v1::CancelBuildRequest) -> Result<v1::Build, CallError> {
    let expected = expected(request.expect_status)?;
    let build = view::select(tx, user, request.build.as_ref())?;
    let job = jobs::by_id(tx, build.job)?.ok_or_else(|| view::no_job(&build))?;
    let status = job.status();
    if let Some(expected) = expected.filter(|expected| *expected != status) {
        let text = format!("Job is not in the expected state: expected {expected}, but it is {status}.");
        return Err(Refusal::State(text).into());
    }
    if job.completed_at.is_some() {
        return Err(Refusal::State("Job has already completed!".to_owned()).into());
    }
    if job.canceled_at.is_some() {
        return Err(Refusal::State("Job has already been marked as canceled!".to_owned()).into());
    }
    jobs::cancel(tx, job.id)?;
    let (event, by) = (job.id.event(), user.name.clone());
    tx.after_commit(move || events::job_cancel_requested(event, &by));
    if job.worker.is_none() {
        jobs::end(tx, job.id, &End { error: "", error_code: "", terminal_digest: None })?;
        finish::keep_state_before(tx, &build)?;
        tx.after_commit(move || events::job_canceled(event));
    }
    view::build(tx, &build)
}

fn expected(number: i32) -> Result<Option<JobStatus>, Refusal> {
    match v1::JobStatus::try_from(number) {
        Ok(v1::JobStatus::Unspecified) => Ok(None),
        Ok(v1::JobStatus::Pending) => Ok(Some(JobStatus::Pending)),
        Ok(v1::JobStatus::Running) => Ok(Some(JobStatus::Running)),
        Ok(v1::JobStatus::Succeeded | v1::JobStatus::Canceling | v1::JobStatus::Canceled | v1::JobStatus::Failed)
        | Err(_) => Err(Refusal::Invalid("expected no status, or pending, or running".to_owned())),
    }
}
