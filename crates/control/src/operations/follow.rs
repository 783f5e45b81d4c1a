//! Jobs as whoever may see them does, whatever they are for, and their logs as they grow.

use groundhog_wire::{id::JobId, v1};

use super::{finish, view};
use crate::{
    config::LogConfig,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        jobs::{self, Job},
        users::User,
    },
};

/// The job with this id, if `user` may see it.
pub fn select(tx: &Tx<'_>, user: &User, id: &str) -> Result<Job, CallError> {
    let id: JobId = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let unknown = || Refusal::NotFound(format!("there is no job {id}"));
    let job = jobs::by_id(tx, id)?.ok_or_else(unknown)?;
    if view::may_see(user, &job, None) {
        return Ok(job);
    }
    let owner = finish::build_of(tx, &job)?.map(|build| build.owner);
    if view::may_see(user, &job, owner) { Ok(job) } else { Err(unknown().into()) }
}

/// A job as it stands.
pub fn get(tx: &Tx<'_>, user: &User, request: &v1::GetJobRequest) -> Result<v1::JobView, CallError> {
    Ok(view::job(&select(tx, user, &request.job_id)?))
}

/// What a follower is told next: the lines after the one with the id `after_id`.
///
/// The end and the lines are read in one transaction, and nothing is added to the log of a job that has ended. So the
/// page that says "end" has the last lines, however late the follower heard of the end.
pub fn page(
    tx: &Tx<'_>,
    user: &User,
    job: &str,
    after_id: u64,
    limits: &LogConfig,
) -> Result<v1::FollowLogsResponse, CallError> {
    let job = select(tx, user, job)?;
    let (lines, complete) = view::lines(tx, &job, after_id, 0, limits)?;
    Ok(v1::FollowLogsResponse { lines, end_of_logs: complete })
}
