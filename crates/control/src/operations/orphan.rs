//! Deleting a workspace without what it has: its machines and whatever else was made for it are left behind.
//!
//! It is for workspaces that a destroy can't clean up, because no daemon is left for them, or that have nothing yet. If a
//! daemon is there that could carry the build out it does so, with nothing to destroy; if none is, the build is over at
//! once, and the workspace is gone.

use groundhog_wire::v1;

use super::{
    ended::{self, Outcome},
    workspace::{Place, queue},
};
use crate::{
    config::DaemonsConfig,
    events,
    job_status::JobStatus,
    millis::millis,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        builds::{self, Build},
        daemons,
        jobs::{self, End},
        templates::Version,
        users::User,
        workspaces,
    },
    tags::Tags,
    transition::Transition,
};

/// Different wants of daemons that are looked at, at most. There are as many as there are kinds of daemons.
const WANTS_MAX: u32 = 1_000;

/// Queues a destroy of a workspace whose latest build is `latest`, which must have ended, and whose owner is called
/// `owner`. It leaves behind what the workspace has.
///
/// With no daemon seen within [`DaemonsConfig::stale_after`] that could carry it out it is over at once.
pub fn destroy(
    tx: &Tx<'_>,
    user: &User,
    owner: &str,
    version: &Version,
    latest: &Build,
    config: &DaemonsConfig,
) -> Result<v1::Build, CallError> {
    let place = Place { orphan: true, ..Place::after(latest, Transition::Destroy) };
    let queued = queue(tx, user, owner, version, place, latest.asked.clone())?;
    if is_there_a_daemon(tx, owner, version, config)? {
        return Ok(queued);
    }
    let build = builds::latest(tx, latest.workspace)?
        .ok_or_else(|| Refusal::NotFound(format!("the workspace {} has no build", latest.workspace)))?;
    jobs::end(tx, build.job, &End { error: "", error_code: "", terminal_digest: None })?;
    builds::set_state(tx, build.id, &[])?;
    builds::set_cost(tx, build.id, 0)?;
    workspaces::mark_deleted(tx, build.workspace)?;
    let id = build.job.event();
    tx.after_commit(move || events::job_completed(id, "control", JobStatus::Succeeded.as_str()));
    ended::audit(tx, &build, user.id, Outcome::Succeeded)?;
    ended::notify(tx, build.job, Some(build.workspace));
    super::view::build(tx, &build)
}

/// Whether a daemon was seen of late that takes builds of this version for this owner: by the rule by which jobs are
/// handed out.
fn is_there_a_daemon(tx: &Tx<'_>, owner: &str, version: &Version, config: &DaemonsConfig) -> Result<bool, CallError> {
    let tags = Tags::for_job(&version.tags, owner).map_err(|error| Refusal::State(error.to_string()))?;
    let since = tx.now_ms().saturating_sub(millis(config.stale_after));
    let wants = daemons::wanted_since(tx, since, WANTS_MAX)?;
    Ok(wants.iter().any(|want| want.takes(&version.provisioner_type, &tags)))
}
