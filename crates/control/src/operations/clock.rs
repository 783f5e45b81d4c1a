//! When workspaces start, stop and go by themselves: what their owners want, and what follows from how they are used.
//!
//! Nobody has wishes about a workspace that was built ahead and is not claimed yet, so each of these calls is refused
//! about it, with texts that tools know.

use groundhog_wire::{id::WorkspaceId, v1};

use super::{view, workspace_view};
use crate::{
    autobuild::{
        decide,
        schedule::{Schedule, ScheduleError},
    },
    events,
    job_status::JobStatus,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        agent_reports::Use,
        builds::{self, Build},
        clock,
        users::{Role, User},
        workspaces::{self, Life, Listed},
    },
    transition::Transition,
};

/// The least after which a workspace is stopped by itself, in milliseconds: a minute, which is how often is looked.
pub const TTL_MS_MIN: i64 = 60 * 1_000;

/// The most, in milliseconds: 30 days.
pub const TTL_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1_000;

/// How far away a deadline has to be put at least, in milliseconds: half an hour. Who asks for less has no time to
/// ask again.
pub const DEADLINE_AHEAD_MS_MIN: i64 = 30 * 60 * 1_000;

/// How a workspace is to live by the clock, by a request that came at `now_ms` (milliseconds since 1970);
/// `default_ttl_ms` is the template's, for a request that says nothing of it.
///
/// Refused if it is no schedule, or one that never comes, or out of bounds: [`TTL_MS_MIN`] to [`TTL_MS_MAX`], or 0.
pub fn asked_for(autostart: &str, ttl_ms: Option<i64>, default_ttl_ms: i64, now_ms: i64) -> Result<Life<'_>, Refusal> {
    let next_start_at = first_start(autostart, now_ms)?;
    let ttl_ms = ttl_ms.map_or(Ok(default_ttl_ms), check_ttl)?;
    Ok(Life { autostart, next_start_at, ttl_ms })
}

/// The first time after `now_ms` at which a workspace with this schedule is to be started; none without one.
fn first_start(autostart: &str, now_ms: i64) -> Result<Option<i64>, Refusal> {
    if autostart.is_empty() {
        return Ok(None);
    }
    let invalid = |error: ScheduleError| Refusal::Invalid(format!("autostart: {error}"));
    let next = Schedule::parse(autostart).map_err(invalid)?.next_after(now_ms);
    let never = || Refusal::Invalid(format!("autostart: {autostart:?} never comes"));
    next.ok_or_else(never).map(Some)
}

/// The same for a schedule that was checked when it was set. Should it be damaged since, there is no next time.
fn next_start(autostart: &str, now_ms: i64) -> Option<i64> {
    Schedule::parse(autostart).ok().and_then(|schedule| schedule.next_after(now_ms))
}

/// Checks after how long of running a workspace is to be stopped by itself, in milliseconds.
pub(super) fn check_ttl(ttl_ms: i64) -> Result<i64, Refusal> {
    if ttl_ms == 0 || (TTL_MS_MIN..=TTL_MS_MAX).contains(&ttl_ms) {
        return Ok(ttl_ms);
    }
    let text =
        format!("a TTL of {ttl_ms} ms: expected {TTL_MS_MIN} (a minute) to {TTL_MS_MAX} (30 days), or 0 for never");
    Err(Refusal::Invalid(text))
}

/// Sets when a workspace is started by itself.
pub fn set_autostart(tx: &Tx<'_>, user: &User, request: &v1::SetAutostartRequest) -> Result<v1::Workspace, CallError> {
    let workspace = own(tx, user, &request.workspace_id, "Autostart is not supported for prebuilt workspaces")?.id();
    let next_start_at = first_start(&request.autostart, tx.now_ms())?;
    clock::set_autostart(tx, workspace, &request.autostart, next_start_at)?;
    workspace_view::of(tx, workspace)
}

/// Sets after how long of running a workspace is stopped by itself. If it runs, it is from now on that this counts.
pub fn set_ttl(tx: &Tx<'_>, user: &User, request: &v1::SetTtlRequest) -> Result<v1::Workspace, CallError> {
    let listed = own(tx, user, &request.workspace_id, "TTL updates are not supported for prebuilt workspaces")?;
    let ttl_ms = check_ttl(request.ttl_ms)?;
    clock::set_ttl(tx, listed.id(), ttl_ms)?;
    if runs(&listed) {
        builds::set_deadline(tx, listed.latest.id, deadline(ttl_ms, tx.now_ms()))?;
    }
    workspace_view::of(tx, listed.id())
}

/// Lays a workspace aside, or takes it up again; nothing if it is so already. What runs is stopped at the next look.
pub fn set_dormancy(tx: &Tx<'_>, user: &User, request: &v1::SetDormancyRequest) -> Result<v1::Workspace, CallError> {
    let listed = own(tx, user, &request.workspace_id, "Dormancy updates are not supported for prebuilt workspaces")?;
    match (request.dormant, listed.dormant_at) {
        (true, None) => lay_aside(tx, &listed)?,
        (false, Some(_)) => take_up(tx, listed.id())?,
        (true, Some(_)) | (false, None) => {}
    }
    workspace_view::of(tx, listed.id())
}

/// Puts a running workspace's deadline off.
pub fn extend_deadline(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ExtendDeadlineRequest,
) -> Result<v1::Workspace, CallError> {
    let listed = own(tx, user, &request.workspace_id, "Deadline extension is not supported for prebuilt workspaces")?;
    let state = |text: &str| Err(Refusal::State(format!("the workspace {} {text}", listed.id())).into());
    if !runs(&listed) {
        return state("does not run: its latest build is not a start that succeeded");
    }
    if listed.latest.deadline_at.is_none() {
        return state("has no deadline: set its TTL first");
    }
    let ahead_ms = request.deadline_at_ms.saturating_sub(tx.now_ms());
    if !(DEADLINE_AHEAD_MS_MIN..=TTL_MS_MAX).contains(&ahead_ms) {
        let text = format!(
            "a deadline {ahead_ms} ms from now: expected {DEADLINE_AHEAD_MS_MIN} (half an hour) to {TTL_MS_MAX} (30 \
             days)"
        );
        return Err(Refusal::Invalid(text).into());
    }
    builds::set_deadline(tx, listed.latest.id, Some(request.deadline_at_ms))?;
    workspace_view::of(tx, listed.id())
}

/// The live workspace with this id, if `user` may set what the clock does to it: it is theirs, or they are an
/// administrator. One that nobody has claimed is refused with the text `unclaimed`.
fn own(tx: &Tx<'_>, user: &User, id: &str, unclaimed: &str) -> Result<Listed, CallError> {
    let id: WorkspaceId = id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let listed = workspaces::listed(tx, id)?
        .filter(|listed| !listed.deleted && (user.role == Role::Admin || listed.owner.id == user.id))
        .ok_or_else(|| view::no_workspace(&id.to_string()))?;
    if listed.latest.clock.unclaimed {
        return Err(Refusal::State(unclaimed.to_owned()).into());
    }
    Ok(listed)
}

fn runs(listed: &Listed) -> bool {
    listed.latest.transition == Transition::Start && listed.job.status == JobStatus::Succeeded
}

fn deadline(ttl_ms: i64, now_ms: i64) -> Option<i64> {
    (ttl_ms > 0).then(|| now_ms.saturating_add(ttl_ms))
}

/// Lays a workspace aside, until it is deleted if its template wants that.
pub(super) fn lay_aside(tx: &Tx<'_>, listed: &Listed) -> Result<(), CallError> {
    let deleting_at = deadline(listed.deleted_after_ms, tx.now_ms());
    clock::lay_aside(tx, listed.id(), deleting_at)?;
    let id = listed.id().event();
    tx.after_commit(move || events::workspace_dormant(id));
    Ok(())
}

fn take_up(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), CallError> {
    clock::take_up(tx, workspace)?;
    tx.after_commit(move || events::workspace_taken_up(workspace.event()));
    Ok(())
}

/// Has a workspace wait for the next time at which it is to be started.
pub(super) fn wait_for_next_start(tx: &Tx<'_>, build: &Build) -> Result<(), CallError> {
    clock::set_next_start(tx, build.workspace, next_start(&build.clock.autostart, tx.now_ms()))?;
    Ok(())
}

/// Notes that a person asks for a build after `latest`: they use the workspace, and take it up by starting it. The
/// deadline was one of what `latest` started.
pub(super) fn before_build(tx: &Tx<'_>, latest: &Build, transition: Transition) -> Result<(), CallError> {
    end_deadline(tx, latest)?;
    if latest.clock.unclaimed {
        return Ok(());
    }
    if latest.clock.dormant {
        if transition == Transition::Start {
            take_up(tx, latest.workspace)?;
        }
    } else if latest.clock.dormant_after_ms > 0 {
        clock::set_used(tx, latest.workspace)?;
    }
    Ok(())
}

/// Takes the deadline away that a build's successor makes pointless.
pub(super) fn end_deadline(tx: &Tx<'_>, latest: &Build) -> Result<(), CallError> {
    if latest.deadline_at.is_some() {
        builds::set_deadline(tx, latest.id, None)?;
    }
    Ok(())
}

/// Notes that a start has succeeded: from now on the workspace runs for as long as its owner wants it to. That of a
/// workspace which nobody has claimed runs until somebody does.
pub(super) fn after_start(tx: &Tx<'_>, build: &Build) -> Result<(), CallError> {
    if build.clock.unclaimed {
        return Ok(());
    }
    if let Some(deadline_at) = deadline(build.clock.ttl_ms, tx.now_ms()) {
        builds::set_deadline(tx, build.id, Some(deadline_at))?;
    }
    if !build.clock.autostart.is_empty() {
        wait_for_next_start(tx, build)?;
    }
    Ok(())
}

/// Notes what an agent's report says of its workspace's use: if somebody was connected, the workspace is in use, and
/// its deadline is put off. Nothing is written of a workspace that no clock looks at.
pub(super) fn after_report(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    known: Use,
    stats: &v1::AgentStats,
) -> Result<(), CallError> {
    let Use { build, unclaimed, ttl_ms, dormant_after_ms, deadline_at } = known;
    if unclaimed || (dormant_after_ms == 0 && deadline_at.is_none()) || !decide::is_use(stats) {
        return Ok(());
    }
    clock::set_used(tx, workspace)?;
    if let Some(deadline_at) = decide::put_off(deadline_at, ttl_ms, tx.now_ms()) {
        builds::set_deadline(tx, build, Some(deadline_at))?;
    }
    Ok(())
}
