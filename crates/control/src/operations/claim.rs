//! A workspace that was built ahead becomes a person's.
//!
//! The claim is a row, written with the build by which the workspace becomes theirs; so whenever the workspace's agent
//! asks, it is told the same (F9), and has to know by itself what it has done already (F10).

use groundhog_wire::{
    id::{BuildId, WorkspaceId},
    v1,
};

use super::{
    view,
    workspace::{Place, queue},
};
use crate::{
    claim_state::{self, ClaimState},
    events,
    job_status::JobStatus,
    limits,
    names::check_workspace_name,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx, builds, claims, jobs,
        notices::Notice,
        peers, templates,
        users::{self, Role, User},
        workspaces,
    },
    transition::Transition,
};

/// Gives a workspace of the account that builds ahead to a person, and queues the start by which it becomes theirs: it
/// is asked for by them, keeps the state, and costs them.
pub fn claim(tx: &Tx<'_>, user: &User, request: &v1::ClaimWorkspaceRequest) -> Result<v1::Build, CallError> {
    if user.role == Role::Member {
        let text = "only the account that builds ahead, and administrators, hand workspaces over";
        return Err(Refusal::Denied(text.to_owned()).into());
    }
    let workspace: WorkspaceId = request.workspace_id.parse().map_err(|error| Refusal::Invalid(format!("{error}")))?;
    let latest = builds::latest(tx, workspace)?
        .ok_or_else(|| Refusal::NotFound(format!("there is no workspace {workspace}")))?;
    let owner = users::by_name(tx, &request.owner)?.filter(|owner| owner.role != Role::Prebuilds);
    let unknown = || Refusal::NotFound(format!("there is no person {:?}", limits::shown(&request.owner)));
    let owner = owner.ok_or_else(unknown)?;
    let name = if request.name.is_empty() { latest.workspace_name.as_str() } else { request.name.as_str() };
    check_workspace_name(name).map_err(|error| Refusal::Invalid(error.to_string()))?;
    let job = jobs::by_id(tx, latest.job)?.ok_or_else(|| view::no_job(&latest))?;
    if workspaces::live_by_name(tx, owner.id, name)?.is_some_and(|other| other != workspace) {
        return Err(Refusal::Exists(format!("A workspace named {name:?} already exists.")).into());
    }
    if !claims::hand_over(tx, workspace, owner.id, name)? {
        let text = format!("the workspace {workspace} was not built ahead, or has been claimed already");
        return Err(Refusal::State(text).into());
    }
    if latest.transition != Transition::Start || job.status() != JobStatus::Succeeded {
        let text = format!("the workspace {workspace} is not ready: its latest build is not a start that succeeded");
        return Err(Refusal::State(text).into());
    }
    // Whoever had the old one has it for the account that builds ahead, not for the person.
    users::end_workspace_session(tx, workspace)?;
    let version = templates::version(tx, latest.version)?
        .ok_or_else(|| Refusal::State("the version that the workspace was built from is gone".to_owned()))?;
    let place = Place::after(&latest, Transition::Start);
    let build = queue(tx, &owner, &owner.name, &version, place, latest.asked)?;
    let id: BuildId = build.build_id.parse().map_err(|error| Refusal::State(format!("{error}")))?;
    claims::insert(tx, workspace, owner.id, id)?;
    let name = owner.name;
    tx.after_commit(move || events::workspace_claimed(workspace.event(), &name, id.event()));
    tx.notify(Notice::WorkspaceClaimed { workspace });
    // Who reached its agents as the account that builds ahead reaches them no longer.
    peers::of_workspace(tx, workspace)?.into_iter().for_each(|peer| tx.notify(Notice::PeerChanged { peer }));
    Ok(build)
}

/// What the agent of a workspace is to be told of its claim.
pub fn state(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<ClaimState, StoreError> {
    // An agent's workspace is never deleted from its table, so only a damaged database has none.
    Ok(claims::facts(tx, workspace)?.map_or(ClaimState::Never, claim_state::state))
}
