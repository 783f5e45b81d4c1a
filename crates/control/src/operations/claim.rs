//! A workspace that was built ahead becomes a person's.
//!
//! The claim is a row, written with the build by which the workspace becomes theirs; so whenever the workspace's agent
//! asks, it is told the same (F9), and has to know by itself what it has done already (F10). All of it is one
//! transaction: if any of it fails, nobody has claimed anything.

use groundhog_prebuilds::{Prebuilt, claimable};
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
    permission,
    pool_terms::{self, Standing},
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx,
        builds::{self, Build},
        claims::{self, Candidate, Taker},
        jobs,
        notices::Notice,
        peers,
        presets::Preset,
        templates::{self, Version},
        users::{self, Role, User},
        workspaces::{self, Life},
    },
    transition::Transition,
};

/// Unclaimed workspaces of a preset that are looked at, at most, for one person who asks.
const CANDIDATES_MAX: u32 = 1_000;

/// How a person wants a workspace that was built ahead.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What they call it.
    pub name: &'a str,
    /// The version that it is to be built of.
    pub version: &'a Version,
    /// The preset of that version for which it was built.
    pub preset: &'a Preset,
    /// How it is to live by the clock.
    pub life: Life<'a>,
    /// What the person chose.
    pub asked: &'a v1::WorkspaceBuild,
}

/// The workspaces that were built ahead for a preset and can be given, the oldest first, then by id (P15).
pub fn candidates(tx: &Tx<'_>, version: &Version, preset: &Preset) -> Result<Vec<WorkspaceId>, CallError> {
    let candidates = claims::candidates(tx, preset.id, CANDIDATES_MAX)?;
    let eligible = candidates.iter().filter(|candidate| is_claimable(version, preset, candidate, tx.now_ms()));
    Ok(eligible.map(|candidate| candidate.workspace).collect())
}

/// Whether a workspace can be given: by the function that counts those which can be (P7, P16).
fn is_claimable(version: &Version, preset: &Preset, candidate: &Candidate, now_ms: i64) -> bool {
    let standing = Standing {
        active: version.named_active && version.usable,
        // A deleted template has no name by which anybody could ask for it.
        deleted: false,
        deprecated: !version.deprecated.is_empty(),
        last_invalidated_at: preset.last_invalidated_at,
    };
    let prebuilt = Prebuilt {
        id: candidate.workspace,
        created_at_ms: Some(candidate.created_at),
        ready: pool_terms::is_ready(&candidate.agents),
    };
    claimable(&pool_terms::terms(&preset.declared, standing), &prebuilt, now_ms)
}

/// Gives a workspace that was built ahead to `owner`, and queues the start by which it becomes theirs. None if it can't
/// be given any more: somebody else has it, or it is being deleted, or it has become too old since it was found.
pub fn take(
    tx: &Tx<'_>,
    owner: &User,
    workspace: WorkspaceId,
    wanted: &Wanted<'_>,
) -> Result<Option<v1::Build>, CallError> {
    let Wanted { name, version, preset, life, asked } = *wanted;
    let candidate = claims::candidate(tx, preset.id, workspace)?;
    let Some(candidate) = candidate.filter(|candidate| is_claimable(version, preset, candidate, tx.now_ms())) else {
        return Ok(None);
    };
    if !claims::hand_over(tx, workspace, candidate.build, &Taker { owner: owner.id, name, life: Some(life) })? {
        return Ok(None);
    }
    let latest = builds::by_id(tx, candidate.build)?
        .ok_or_else(|| Refusal::NotFound(format!("there is no build {}", candidate.build)))?;
    start(tx, owner, version, &latest, asked.clone()).map(Some)
}

/// Gives a workspace of the account that builds ahead to a person, whichever it is, and queues the start by which it
/// becomes theirs: of the version that it was built of, with the parameters that it has.
pub fn claim(tx: &Tx<'_>, user: &User, request: &v1::ClaimWorkspaceRequest) -> Result<v1::Build, CallError> {
    if !permission::hands_workspaces_over(user.role) {
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
    if !claims::hand_over(tx, workspace, latest.id, &Taker { owner: owner.id, name, life: None })? {
        let text = format!("the workspace {workspace} was not built ahead, or has been claimed already");
        return Err(Refusal::State(text).into());
    }
    if latest.transition != Transition::Start || job.status() != JobStatus::Succeeded {
        let text = format!("the workspace {workspace} is not ready: its latest build is not a start that succeeded");
        return Err(Refusal::State(text).into());
    }
    let version = templates::version(tx, latest.version)?
        .ok_or_else(|| Refusal::State("the version that the workspace was built from is gone".to_owned()))?;
    if !permission::uses_template(owner.role, owner.organizations.contains(&version.organization)) {
        let text = format!("{:?} is no member of the organization of the template {:?}", owner.name, version.template);
        return Err(Refusal::State(text).into());
    }
    let asked = latest.asked.clone();
    start(tx, &owner, &version, &latest, asked)
}

/// Queues the start by which a workspace becomes its new owner's: it is asked for by them, keeps the state, and costs
/// them. Tells whoever has to know.
fn start(
    tx: &Tx<'_>,
    owner: &User,
    version: &Version,
    latest: &Build,
    asked: v1::WorkspaceBuild,
) -> Result<v1::Build, CallError> {
    let workspace = latest.workspace;
    // Whoever had the old one has it for the account that builds ahead, not for the person.
    users::end_workspace_session(tx, workspace)?;
    let place = Place { preset: latest.built_for, ..Place::after(latest, Transition::Start) };
    let build = queue(tx, owner, &owner.name, version, place, asked)?;
    let id: BuildId = build.build_id.parse().map_err(|error| Refusal::State(format!("{error}")))?;
    claims::insert(tx, workspace, owner.id, id)?;
    let name = owner.name.clone();
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
