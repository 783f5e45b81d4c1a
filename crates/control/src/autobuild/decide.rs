//! What the clock wants of a workspace, as a pure decision.
//!
//! A workspace that was built ahead and belongs to nobody yet is left alone, whatever stands in its row: it is the
//! pools' to look after, and what the clock took from them they would build again.

use groundhog_wire::v1;

use crate::{build_reason::BuildReason, job_status::JobStatus, transition::Transition};

/// After how long a workspace is tried to be deleted again that could not be, in milliseconds: a day. Whoever looks
/// after the platform has to see to it in the meantime.
pub const DELETE_AGAIN_AFTER_MS: i64 = 24 * 60 * 60 * 1_000;

/// What is known of a live workspace. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// It was built ahead, and nobody has claimed it.
    pub unclaimed: bool,
    /// Its latest build.
    pub latest: Latest,
    /// When it is to be started by itself.
    pub next_start_at: Option<i64>,
    /// When it was last used.
    pub last_used_at: i64,
    /// Since when it is laid aside.
    pub dormant_at: Option<i64>,
    /// When it is to be deleted if it still is laid aside then.
    pub deleting_at: Option<i64>,
    /// After how long unused its template has it laid aside, in milliseconds; 0 for never.
    pub dormant_after_ms: i64,
}

/// The latest build of a workspace. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// What it does.
    pub transition: Transition,
    /// Where its job stands.
    pub status: JobStatus,
    /// When it was asked for.
    pub created_at: i64,
    /// When its job ended.
    pub completed_at: Option<i64>,
    /// When what it started is to be stopped by itself.
    pub deadline_at: Option<i64>,
}

/// What is to be done about a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A build of it is asked for.
    Build {
        /// What the build does.
        transition: Transition,
        /// Why.
        reason: BuildReason,
    },
    /// It is laid aside.
    LayAside {
        /// A stop of it is asked for too.
        stop: bool,
    },
    /// The time for its start is past and it is not to be started: it waits for the time after.
    NextTime,
}

/// What is to be done at `now_ms` about a workspace; nothing while a build of it is under way, because the workspace is
/// going to be another one once that has ended.
///
/// Of several things that are due, what reaches further comes first: deletion, laying aside, stopping, starting.
pub fn decide(facts: &Facts, now_ms: i64) -> Option<Due> {
    let Facts { latest, dormant_at, .. } = *facts;
    if facts.unclaimed || latest.completed_at.is_none() {
        return None;
    }
    let build = |transition, reason| Some(Due::Build { transition, reason });
    // A start that failed may have made something.
    let may_run = latest.transition == Transition::Start;
    if dormant_at.is_some() {
        if is_past(facts.deleting_at, now_ms) && !failed_to_delete_of_late(latest, now_ms) {
            return build(Transition::Destroy, BuildReason::Autodelete);
        }
        if may_run {
            return build(Transition::Stop, BuildReason::Dormancy);
        }
    } else {
        if is_unused(facts, now_ms) {
            return Some(Due::LayAside { stop: may_run });
        }
        if may_run && latest.status == JobStatus::Succeeded && is_past(latest.deadline_at, now_ms) {
            return build(Transition::Stop, BuildReason::Autostop);
        }
    }
    if !is_past(facts.next_start_at, now_ms) {
        return None;
    }
    // A time that had come before the latest build was asked for is not made up for: the workspace ran then, or was
    // stopped since, and whoever stopped it wants it so.
    let is_new = facts.next_start_at.is_some_and(|at| at > latest.created_at);
    if dormant_at.is_none() && is_new && may_be_started(latest) {
        return build(Transition::Start, BuildReason::Autostart);
    }
    Some(Due::NextTime)
}

/// Whether the clock may start a workspace after this build: after a stop that went well, and after a start that
/// failed, because each start is tried once and not again before the next time.
const fn may_be_started(latest: Latest) -> bool {
    matches!(
        (latest.transition, latest.status),
        (Transition::Stop, JobStatus::Succeeded) | (Transition::Start, JobStatus::Failed)
    )
}

fn is_unused(facts: &Facts, now_ms: i64) -> bool {
    facts.dormant_after_ms > 0 && facts.last_used_at.saturating_add(facts.dormant_after_ms) <= now_ms
}

fn failed_to_delete_of_late(latest: Latest, now_ms: i64) -> bool {
    let again_at = latest.completed_at.map(|at| at.saturating_add(DELETE_AGAIN_AFTER_MS));
    latest.transition == Transition::Destroy && !is_past(again_at, now_ms)
}

fn is_past(at: Option<i64>, now_ms: i64) -> bool {
    at.is_some_and(|at| at <= now_ms)
}

/// Whether an agent's report says that somebody used its workspace: there were connections, or bytes through them.
pub fn is_use(stats: &v1::AgentStats) -> bool {
    stats.connection_count > 0 || stats.received_bytes > 0 || stats.sent_bytes > 0
}

/// The deadline of a workspace that is in use at `now_ms`, if it is put off: it runs for another `ttl_ms`. One that its
/// owner has put farther away stays.
pub fn put_off(deadline_at: Option<i64>, ttl_ms: i64, now_ms: i64) -> Option<i64> {
    let then = now_ms.saturating_add(ttl_ms);
    (ttl_ms > 0 && deadline_at.is_some_and(|at| at < then)).then_some(then)
}
