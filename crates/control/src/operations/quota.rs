//! A worker asks whether the owner's budget bears what a plan would cost.

use groundhog_wire::v1;

use super::{organization, owned};
use crate::{
    events,
    quota::{Plan, Verdict, decide},
    refusal::{CallError, Refusal},
    store::{
        Tx, builds,
        daemons::Worker,
        jobs, quota,
        users::{self, User},
    },
};

/// Holds a plan's cost against the owner's budget, and keeps it as the build's cost if the plan may go on.
///
/// The same question again gets the same answer as long as nothing else changed: what this workspace costs is
/// left out of what is used, so nothing counts twice.
pub fn commit(
    tx: &Tx<'_>,
    worker: &Worker,
    request: &v1::CommitQuotaRequest,
) -> Result<v1::CommitQuotaResponse, CallError> {
    let job = owned::running(tx, worker, &request.job_id)?;
    let cost = request.daily_cost;
    if cost < 0 {
        return Err(Refusal::Invalid(format!("daily cost {cost}: expected zero or more credits")).into());
    }
    let build = builds::by_job(tx, job.id)?
        .ok_or_else(|| Refusal::NotFound(format!("get workspace build: the job {} has none", job.id)))?;
    let owner = users::name(tx, build.owner)?.unwrap_or_default();
    let verdict = decide(Plan {
        budget: quota::budget(tx, build.owner, build.workspace)?,
        used_elsewhere: quota::used_elsewhere(tx, build.owner, build.workspace)?,
        cost_before: i64::from(builds::cost_before(tx, &build)?),
        cost: i64::from(cost),
    });
    jobs::touch(tx, job.id)?;
    let Verdict { ok, consumed, budget } = verdict;
    if ok {
        builds::set_cost(tx, build.id, cost)?;
    }
    let id = job.id.event();
    tx.after_commit(move || events::quota_committed(id, &owner, cost, consumed, budget, ok));
    Ok(v1::CommitQuotaResponse { ok, credits_consumed: saturated(consumed), budget: saturated(budget) })
}

/// What `user`'s workspaces cost in an organisation, and what they may.
pub fn get(tx: &Tx<'_>, user: &User, request: &v1::GetQuotaRequest) -> Result<v1::Quota, CallError> {
    let organization = organization::named(tx, &request.organization)?;
    Ok(v1::Quota {
        credits_consumed: quota::used_in(tx, user.id, organization)?,
        budget: quota::budget_in(tx, user.id, organization)?,
    })
}

/// The protocol's numbers have 32 bits; sums of them may need more.
fn saturated(credits: i64) -> i32 {
    i32::try_from(credits).unwrap_or(if credits < 0 { i32::MIN } else { i32::MAX })
}
