//! Workspaces as their owners and administrators see them.

use groundhog_wire::{id::WorkspaceId, v1};

use super::view::{self, Named};
use crate::{
    limits,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        users::{self, Role, User},
        workspaces::{self, Listed},
    },
};

/// The most workspaces in one answer: their names and builds fit it many times over.
const LISTED_MAX: u32 = 1_000;

/// The workspace that a request names, if `user` may see it. One that was destroyed is seen by its id, and its latest
/// build says so.
pub fn get(tx: &Tx<'_>, user: &User, request: &v1::GetWorkspaceRequest) -> Result<v1::Workspace, CallError> {
    let named = match (request.workspace.as_str(), request.workspace_id.as_str()) {
        ("", "") => None,
        (name, "") => Some(Named::Name(name)),
        ("", id) => Some(Named::Id(id)),
        (_, _) => {
            return Err(Refusal::Invalid("expected a workspace's name or its id, and got both".to_owned()).into());
        }
    };
    of(tx, view::workspace(tx, user, named)?)
}

/// Somebody's live workspaces, by name, at most a thousand: the caller's own, or for an administrator anybody's. To
/// others, other people's do not exist.
pub fn list(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::ListWorkspacesRequest,
) -> Result<v1::ListWorkspacesResponse, CallError> {
    let owner = match request.owner.as_str() {
        "" => user.id,
        name if name == user.name => user.id,
        name => {
            let owner = users::by_name(tx, name)?.filter(|_| user.role == Role::Admin);
            let unknown = || Refusal::NotFound(format!("there is no person {:?}", limits::shown(name)));
            owner.ok_or_else(unknown)?.id
        }
    };
    let workspaces = workspaces::listed_of(tx, owner, LISTED_MAX)?.into_iter().map(shown).collect();
    Ok(v1::ListWorkspacesResponse { workspaces })
}

/// What the protocol says of a workspace.
pub fn of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<v1::Workspace, CallError> {
    let listed = workspaces::listed(tx, workspace)?;
    Ok(shown(listed.ok_or_else(|| view::no_workspace(&workspace.to_string()))?))
}

fn shown(listed: Listed) -> v1::Workspace {
    v1::Workspace {
        workspace_id: listed.id().to_string(),
        latest_build: Some(view::build_as(&listed.latest, listed.job)),
        name: listed.latest.workspace_name,
        owner: listed.owner.name,
        template: listed.template,
        preset: listed.preset,
        created_at_ms: listed.created_at,
        last_used_at_ms: listed.last_used_at,
        autostart: listed.latest.clock.autostart,
        next_start_at_ms: listed.next_start_at,
        ttl_ms: listed.latest.clock.ttl_ms,
        dormant_at_ms: listed.dormant_at,
        deleting_at_ms: listed.deleting_at,
    }
}
