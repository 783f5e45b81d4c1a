//! Builds and their logs, as their owner sees them. To anyone else they do not exist.

use groundhog_wire::{
    id::{BuildId, UserId, WorkspaceId},
    v1::{self, build_selector},
};

use crate::{
    config::LogConfig,
    limits,
    permission::{self, Whose},
    refusal::{CallError, Refusal},
    store::{
        Tx,
        builds::{self, Build},
        jobs::{self, Job, JobEnd},
        logs,
        users::{Role, User},
        workspaces::{self, Owner},
    },
};

/// How much output one page of a log carries, in bytes, its first line aside: half of the largest message, so that
/// the rest of it fits whatever it is.
const PAGE_BYTES_MAX: usize = groundhog_wire::MESSAGE_BYTES_MAX / 2;

/// The build that a selector names, if it is `user`'s.
pub fn select(tx: &Tx<'_>, user: &User, selector: Option<&v1::BuildSelector>) -> Result<Build, CallError> {
    match selector.and_then(|selector| selector.kind.as_ref()) {
        Some(build_selector::Kind::BuildId(id)) => {
            let id = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
            by_id(tx, user, id)
        }
        Some(build_selector::Kind::Workspace(name)) => latest_build(tx, user, name),
        None => Err(Refusal::Invalid("expected a build: its id, or its workspace's name".to_owned()).into()),
    }
}

/// The build with this id, if it is `user`'s.
pub fn by_id(tx: &Tx<'_>, user: &User, id: BuildId) -> Result<Build, CallError> {
    builds::by_id(tx, id)?
        .filter(|build| build.owner == user.id)
        .ok_or_else(|| Refusal::NotFound(format!("there is no build {id}")).into())
}

/// The latest build of `user`'s live workspace `name`.
pub fn latest_build(tx: &Tx<'_>, user: &User, name: &str) -> Result<Build, CallError> {
    let build = match workspaces::live_by_name(tx, user.id, name)? {
        Some(workspace) => builds::latest(tx, workspace)?,
        None => None,
    };
    build.ok_or_else(|| Refusal::NotFound(format!("there is no workspace {:?}", limits::shown(name))).into())
}

/// How a request names a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// By the name of a live one of the caller's own.
    Name(&'a str),
    /// By its id, whether or not it was destroyed.
    Id(&'a str),
}

/// The workspace that a request names, if `user` may see it: it is theirs, or they are an administrator. `None` is a
/// request that names none.
pub fn workspace(tx: &Tx<'_>, user: &User, named: Option<Named<'_>>) -> Result<WorkspaceId, CallError> {
    let (found, shown) = match named {
        Some(Named::Name(name)) => (workspaces::live_by_name(tx, user.id, name)?, format!("{:?}", limits::shown(name))),
        Some(Named::Id(id)) => {
            let id: WorkspaceId = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
            (visible(tx, user, id)?, id.to_string())
        }
        None => return Err(Refusal::Invalid("expected a workspace: its name, or its id".to_owned()).into()),
    };
    found.ok_or_else(|| no_workspace(&shown).into())
}

/// This workspace, if `user` may see it, whether or not it was destroyed.
pub fn visible(tx: &Tx<'_>, user: &User, workspace: WorkspaceId) -> Result<Option<WorkspaceId>, CallError> {
    let owner = workspaces::owner(tx, workspace)?;
    let may_see = owner.is_some_and(|owner| permission::sees_workspace(user.role, whose(user, owner)));
    Ok(may_see.then_some(workspace))
}

/// Whose a workspace is that belongs to `owner`, to `user`.
pub(super) fn whose(user: &User, owner: Owner) -> Whose {
    match owner.role {
        _ if owner.id == user.id => Whose::Own,
        Role::Prebuilds => Whose::BuiltAhead,
        Role::Member | Role::TemplateAdmin | Role::Admin => Whose::Anothers,
    }
}

/// The refusal of a workspace that does not exist, or is another person's. `shown` is how the request named it.
pub fn no_workspace(shown: &str) -> Refusal {
    Refusal::NotFound(format!("there is no workspace {shown}"))
}

/// The latest build of the live workspace with this id, if `user` may see that, and whose it is to them.
pub fn latest_build_by_id(tx: &Tx<'_>, user: &User, id: &str) -> Result<(Build, Whose), CallError> {
    let id: WorkspaceId = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let unknown = || no_workspace(&id.to_string());
    let owner = workspaces::live_owner(tx, id)?.ok_or_else(unknown)?;
    let whose = whose(user, owner);
    if !permission::sees_workspace(user.role, whose) {
        return Err(unknown().into());
    }
    Ok((builds::latest(tx, id)?.ok_or_else(unknown)?, whose))
}

/// What the protocol says of a build.
pub fn build(tx: &Tx<'_>, build: &Build) -> Result<v1::Build, CallError> {
    let job = jobs::by_id(tx, build.job)?.ok_or_else(|| no_job(build))?;
    let status = job.status();
    let Job { canceled_at, completed_at, error, error_code, .. } = job;
    Ok(build_as(build, JobEnd { status, canceled_at, completed_at, error, error_code }))
}

/// What the protocol says of a build whose job stands so.
pub(super) fn build_as(build: &Build, job: JobEnd) -> v1::Build {
    v1::Build {
        build_id: build.id.to_string(),
        workspace_id: build.workspace.to_string(),
        workspace_name: build.workspace_name.clone(),
        number: build.number,
        transition: build.transition.to_wire().into(),
        job_id: build.job.to_string(),
        status: job.status.to_wire().into(),
        error: job.error,
        error_code: job.error_code,
        // Beside the status, which for a job that was cancelled and then failed says "failed" (J18).
        canceled_at_ms: job.canceled_at,
        daily_cost: build.daily_cost,
        initiator: build.initiator.clone(),
        reason: build.reason.as_str().to_owned(),
        deadline_at_ms: build.deadline_at,
    }
}

/// What the protocol says of a job.
pub fn job(job: &Job) -> v1::JobView {
    v1::JobView {
        job_id: job.id.to_string(),
        status: job.status().to_wire().into(),
        error: job.error.clone(),
        error_code: job.error_code.clone(),
        // Beside the status, as with a build (J18).
        canceled_at_ms: job.canceled_at,
    }
}

/// Whether `user` may see a job: who asked for it, the `owner` of its workspace, and administrators.
pub(super) fn may_see(user: &User, job: &Job, owner: Option<UserId>) -> bool {
    user.role == Role::Admin || job.initiator == user.id || owner == Some(user.id)
}

/// A page of a build's log.
pub fn log(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ListBuildLogsRequest,
    limits: &LogConfig,
) -> Result<v1::ListBuildLogsResponse, CallError> {
    let build = select(tx, user, request.build.as_ref())?;
    let job = jobs::by_id(tx, build.job)?.ok_or_else(|| no_job(&build))?;
    let (lines, complete) = lines(tx, &job, request.after_id, request.limit, limits)?;
    Ok(v1::ListBuildLogsResponse { lines, complete })
}

/// The lines of a job's log after the one with the id `after_id`, at most `limit` and never more than a page (0 for a
/// page), and whether the job has ended and these are the last ones.
pub(super) fn lines(
    tx: &Tx<'_>,
    job: &Job,
    after_id: u64,
    limit: u32,
    limits: &LogConfig,
) -> Result<(Vec<v1::StoredLogLine>, bool), CallError> {
    let page_max = limits.page_lines_max.max(1);
    let limit = if limit == 0 { page_max } else { limit.min(page_max) };
    // One more than asked for, to know whether there is more.
    let mut lines = logs::after(tx, job.id, after_id, limit.saturating_add(1))?;
    let fitting = fitting(&lines).min(limit as usize);
    let complete = job.completed_at.is_some() && lines.len() == fitting;
    lines.truncate(fitting);
    Ok((lines, complete))
}

/// How many of `lines` go into one page by their bytes: at least one, or paging would stand still.
fn fitting(lines: &[v1::StoredLogLine]) -> usize {
    let mut bytes = 0_usize;
    let over = lines.iter().skip(1).position(|line| {
        bytes = bytes.saturating_add(line.line.as_ref().map_or(0, |line| line.output.len()));
        bytes > PAGE_BYTES_MAX
    });
    over.map_or(lines.len(), |over| over + 1)
}

/// A build's job is written with it and never deleted, so only a damaged database lacks it.
pub(super) fn no_job(build: &Build) -> Refusal {
    Refusal::NotFound(format!("the build {} has no job: the database is damaged", build.id))
}
