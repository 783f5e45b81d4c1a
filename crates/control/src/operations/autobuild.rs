//! The clock asks for builds: see [`crate::autobuild`].

use groundhog_wire::id::WorkspaceId;

use super::{
    clock::{end_deadline, lay_aside, wait_for_next_start},
    workspace::{Place, queue},
};
use crate::{
    autobuild::{
        AutobuildError,
        decide::{DELETE_AGAIN_AFTER_MS, Due, Facts, Latest, decide},
    },
    build_reason::BuildReason,
    events,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx, clock, templates,
        workspaces::{self, Listed},
    },
    transition::Transition,
};

/// How many workspaces are looked at in one run for each thing that may be due. What is left over is due in the next
/// one, and comes first there.
const CANDIDATES_MAX: u32 = 1_000;

/// The workspaces to look at: each once.
pub fn candidates(tx: &Tx<'_>) -> Result<Vec<WorkspaceId>, StoreError> {
    let tried_after = tx.now_ms().saturating_sub(DELETE_AGAIN_AFTER_MS);
    let mut due = clock::due_to_go(tx, tried_after, CANDIDATES_MAX)?;
    due.extend(clock::due_to_be_laid_aside(tx, CANDIDATES_MAX)?);
    due.extend(clock::laid_aside_and_started(tx, CANDIDATES_MAX)?);
    due.extend(clock::due_to_stop(tx, CANDIDATES_MAX)?);
    due.extend(clock::due_to_start(tx, CANDIDATES_MAX)?);
    let mut seen = std::collections::BTreeSet::new();
    due.retain(|workspace| seen.insert(*workspace));
    Ok(due)
}

/// Does what is due about a workspace, if it still is; what that was.
pub fn look_after(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<Due>, AutobuildError> {
    let Some(listed) = workspaces::listed(tx, workspace)?.filter(|listed| !listed.deleted) else { return Ok(None) };
    let Some(due) = decide(&facts(&listed), tx.now_ms()) else { return Ok(None) };
    let (action, reason) = match due {
        Due::Build { transition, reason } => (Some(transition), reason),
        Due::LayAside { stop } => (stop.then_some(Transition::Stop), BuildReason::Dormancy),
        Due::NextTime => (None, BuildReason::Autostart),
    };
    if let Due::LayAside { .. } = due {
        lay_aside(tx, &listed).map_err(|error| AutobuildError::about(Transition::Stop, error))?;
    }
    if let Some(action) = action {
        ask(tx, &listed, action, reason).map_err(|error| AutobuildError::about(action, error))?;
    }
    if listed.next_start_at.is_some_and(|at| at <= tx.now_ms()) {
        wait_for_next_start(tx, &listed.latest).map_err(|error| AutobuildError::about(Transition::Start, error))?;
    }
    Ok(Some(due))
}

/// Asks for a build in the owner's name, of the version and with the parameters of the build before.
fn ask(tx: &Tx<'_>, listed: &Listed, transition: Transition, reason: BuildReason) -> Result<(), CallError> {
    let Listed { latest, owner, .. } = listed;
    let version = templates::version(tx, latest.version)?
        .ok_or_else(|| Refusal::State("the version that the workspace was built from is gone".to_owned()))?;
    end_deadline(tx, latest)?;
    let (id, place) = (listed.id(), Place { reason, ..Place::after(latest, transition) });
    queue(tx, owner, &owner.name, &version, place, latest.asked.clone())?;
    tx.after_commit(move || events::autobuild_asked(id.event(), transition.as_str(), reason.as_str()));
    Ok(())
}

fn facts(listed: &Listed) -> Facts {
    let Listed { latest, job, .. } = listed;
    Facts {
        unclaimed: latest.clock.unclaimed,
        latest: Latest {
            transition: latest.transition,
            status: job.status,
            created_at: latest.created_at,
            completed_at: job.completed_at,
            deadline_at: latest.deadline_at,
        },
        next_start_at: listed.next_start_at,
        last_used_at: listed.last_used_at,
        dormant_at: listed.dormant_at,
        deleting_at: listed.deleting_at,
        dormant_after_ms: latest.clock.dormant_after_ms,
    }
}
