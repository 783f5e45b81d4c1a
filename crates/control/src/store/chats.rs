//! Chats, and which workspace is whose.
//!
//! A chat's workspace is the row of `chat_workspaces` that was not released; there is one at most for a chat, which an
//! index of the database sees to, whichever replica writes it (C2).

use groundhog_wire::id::{AgentId, BuildId, ChatId, OrganizationId, UserId, WorkspaceId};
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key},
};

/// A chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Which one.
    pub id: ChatId,
    /// Whose it is.
    pub owner: UserId,
    /// The owner's name.
    pub owner_name: String,
    /// The organisation of whose templates its workspace is to be.
    pub organization: OrganizationId,
    /// The organisation's name.
    pub organization_name: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// The workspace that it has.
    pub bound: Option<Bound>,
}

/// The workspace that a chat has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Which one; it may have been destroyed.
    pub workspace: WorkspaceId,
    /// The build with which the chat goes on.
    pub build: Option<BuildId>,
    /// The agent with which the chat goes on.
    pub agent: Option<AgentId>,
    /// The request by which the workspace was made for the chat; none if it was there before.
    pub request: Option<Uuid>,
}

/// A chat that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewChat {
    /// Which one.
    pub id: ChatId,
    /// Whose.
    pub owner: UserId,
    /// The organisation of whose templates its workspace is to be.
    pub organization: OrganizationId,
}

/// Writes a chat, which has no workspace.
pub fn insert(tx: &Tx<'_>, chat: NewChat) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO chats (id, owner_id, organization_id, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![key(chat.id.0), key(chat.owner.0), key(chat.organization.0), tx.now_ms()],
    )?;
    Ok(())
}

/// The chat with this id.
pub fn by_id(tx: &Tx<'_>, chat: ChatId) -> Result<Option<Chat>, StoreError> {
    tx.row(
        "SELECT c.id, c.owner_id, u.name, c.organization_id, o.name, c.created_at,
                w.workspace_id, w.build_id, w.agent_id, w.request_id
         FROM chats c
         JOIN users u ON u.id = c.owner_id
         JOIN organizations o ON o.id = c.organization_id
         LEFT JOIN chat_workspaces w ON w.chat_id = c.id AND w.released_at IS NULL
         WHERE c.id = ?1",
        [key(chat.0)],
        |row| {
            let workspace = uuid(row, 6)?.map(WorkspaceId);
            let (build, agent) = (uuid(row, 7)?.map(BuildId), uuid(row, 8)?.map(AgentId));
            let request = uuid(row, 9)?;
            Ok(Chat {
                id: id(row, 0, ChatId)?,
                owner: id(row, 1, UserId)?,
                owner_name: row.get(2)?,
                organization: id(row, 3, OrganizationId)?,
                organization_name: row.get(4)?,
                created_at: row.get(5)?,
                bound: workspace.map(|workspace| Bound { workspace, build, agent, request }),
            })
        },
    )
}

/// Gives a chat a workspace. Fails as [taken](StoreError::is_taken) if the chat has one: of several who try at the same
/// time, one succeeds (C2).
pub fn bind(tx: &Tx<'_>, chat: ChatId, bound: &Bound) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO chat_workspaces (chat_id, workspace_id, build_id, agent_id, request_id, bound_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            key(chat.0),
            key(bound.workspace.0),
            bound.build.map(|build| key(build.0)),
            bound.agent.map(|agent| key(agent.0)),
            bound.request.map(key),
            tx.now_ms()
        ],
    )?;
    Ok(())
}

/// Keeps with which build and which agent of its workspace a chat goes on; whether it has that workspace.
pub fn go_on_with(
    tx: &Tx<'_>,
    chat: ChatId,
    workspace: WorkspaceId,
    build: BuildId,
    agent: Option<AgentId>,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE chat_workspaces SET build_id = ?3, agent_id = ?4
         WHERE chat_id = ?1 AND workspace_id = ?2 AND released_at IS NULL",
        params![key(chat.0), key(workspace.0), key(build.0), agent.map(|agent| key(agent.0))],
    )?;
    Ok(changed == 1)
}

/// Takes a chat's workspace from it; whether it had that one.
pub fn release(tx: &Tx<'_>, chat: ChatId, workspace: WorkspaceId) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE chat_workspaces SET released_at = ?3
         WHERE chat_id = ?1 AND workspace_id = ?2 AND released_at IS NULL",
        params![key(chat.0), key(workspace.0), tx.now_ms()],
    )?;
    Ok(changed == 1)
}

/// After how long of running a chat's workspace is stopped by itself, as an administrator has written it.
pub fn workspace_ttl(tx: &Tx<'_>) -> Result<String, StoreError> {
    let ttl = tx.row("SELECT workspace_ttl FROM chat_settings WHERE only_row = 1", [], |row| row.get(0))?;
    Ok(ttl.unwrap_or_default())
}

/// Keeps that.
pub fn set_workspace_ttl(tx: &Tx<'_>, ttl: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE chat_settings SET workspace_ttl = ?1 WHERE only_row = 1", [ttl])?;
    Ok(())
}

fn uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Uuid>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(Uuid::from_bytes))
}
