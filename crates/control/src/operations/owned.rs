//! The checks that a worker's calls about a job have in common, in the order in which they are made.

use groundhog_wire::id::JobId;

use crate::{
    refusal::{CallError, Refusal},
    store::{
        Tx,
        daemons::Worker,
        jobs::{self, Job},
    },
};

/// The job of an update or a quota question: it exists, some worker has it, it is this worker, it has not ended.
///
/// The last check is J10: without it a worker that was given up would write to a job that is over.
pub fn running(tx: &Tx<'_>, worker: &Worker, job: &str) -> Result<Job, CallError> {
    let job = by_text(tx, job, "get job")?;
    match job.worker {
        None => Err(Refusal::State("job isn't running yet".to_owned()).into()),
        Some(owner) if owner != worker.id => Err(not_owner().into()),
        Some(_) if job.completed_at.is_some() => Err(already_completed().into()),
        Some(_) => Ok(job),
    }
}

/// The job of a terminal message: it exists, and this worker has it or had it when it ended.
pub fn ending(tx: &Tx<'_>, worker: &Worker, job: &str) -> Result<Job, CallError> {
    let job = by_text(tx, job, "get provisioner job")?;
    if job.worker == Some(worker.id) { Ok(job) } else { Err(not_owner().into()) }
}

/// The refusal of a call about a job that is over.
pub fn already_completed() -> Refusal {
    Refusal::State("job already completed".to_owned())
}

fn not_owner() -> Refusal {
    Refusal::Denied("you don't own this job".to_owned())
}

fn by_text(tx: &Tx<'_>, text: &str, step: &str) -> Result<Job, CallError> {
    let id: JobId = text.parse().map_err(|error| Refusal::Invalid(format!("parse job id: {error}")))?;
    jobs::by_id(tx, id)?.ok_or_else(|| Refusal::NotFound(format!("{step}: there is no job {id}")).into())
}
