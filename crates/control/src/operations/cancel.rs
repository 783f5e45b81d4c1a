//! A person asks for a job's end.

use groundhog_wire::v1;

use super::{
    ended::{self, Outcome},
    finish, follow, view,
};
use crate::{
    events,
    job_status::JobStatus,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        builds::Build,
        jobs::{self, End, Job},
        notices::Notice,
        users::User,
    },
};

/// Cancels a build: see [`cancel_job`].
pub fn cancel_build(tx: &Tx<'_>, user: &User, request: &v1::CancelBuildRequest) -> Result<v1::Build, CallError> {
    let expected = expected(request.expect_status)?;
    let build = view::select(tx, user, request.build.as_ref())?;
    let job = jobs::by_id(tx, build.job)?.ok_or_else(|| view::no_job(&build))?;
    ask(tx, user, &job, expected, Some(&build))?;
    view::build(tx, &build)
}

/// Cancels a job. One that no worker has is over at once, as cancelled; a running one goes on until its worker has
/// ended it, or the reaper.
///
/// Refused when the job has ended, was cancelled before, or has not the status that the caller expects: what is
/// expected is checked in the transaction that cancels, so that no worker can take the job between the two.
pub fn cancel_job(tx: &Tx<'_>, user: &User, request: &v1::CancelJobRequest) -> Result<v1::JobView, CallError> {
    let expected = expected(request.expect_status)?;
    let job = follow::select(tx, user, &request.job_id)?;
    let build = finish::build_of(tx, &job)?;
    ask(tx, user, &job, expected, build.as_ref())?;
    follow::get(tx, user, &v1::GetJobRequest { job_id: request.job_id.clone() })
}

fn ask(
    tx: &Tx<'_>,
    user: &User,
    job: &Job,
    expected: Option<JobStatus>,
    build: Option<&Build>,
) -> Result<(), CallError> {
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
    if let Some(&Build { workspace, .. }) = build {
        tx.notify(Notice::WorkspaceChanged { workspace });
    }
    let (event, by) = (job.id.event(), user.name.clone());
    tx.after_commit(move || events::job_cancel_requested(event, &by));
    if job.worker.is_none() {
        over(tx, job, build)?;
    }
    Ok(())
}

/// Ends a cancelled job that no worker has.
pub(super) fn over(tx: &Tx<'_>, job: &Job, build: Option<&Build>) -> Result<(), CallError> {
    jobs::end(tx, job.id, &End { error: "", error_code: "", terminal_digest: None })?;
    if let Some(build) = build {
        finish::keep_state_before(tx, build)?;
    }
    let event = job.id.event();
    tx.after_commit(move || events::job_canceled(event));
    if let Some(build) = build {
        ended::audit(tx, build, job.initiator, Outcome::Canceled)?;
    }
    ended::notify(tx, job.id, build.map(|build| build.workspace));
    Ok(())
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
