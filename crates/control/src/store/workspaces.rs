//! Workspaces.

use groundhog_wire::id::{TemplateId, UserId, WorkspaceId};
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{id, key},
};

/// How a workspace lives by the clock. One that was built ahead and not claimed has none of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life<'a> {
    /// When it is started by itself: five cron fields, after "CRON_TZ=ZONE " if they are not in UTC; empty for never.
    pub autostart: &'a str,
    /// When that is next, in milliseconds since 1970.
    pub next_start_at: Option<i64>,
    /// After how long of running it is stopped by itself, in milliseconds; 0 for never.
    pub ttl_ms: i64,
}

/// A workspace that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewWorkspace<'a> {
    /// Which one.
    pub id: WorkspaceId,
    /// Whose.
    pub owner: UserId,
    /// From which template.
    pub template: TemplateId,
    /// What it is called; unique among the owner's live workspaces, whatever the case of its letters.
    pub name: &'a str,
    /// How it lives by the clock.
    pub life: Life<'a>,
}

/// Writes a workspace, which counts as used now.
pub fn insert(tx: &Tx<'_>, workspace: &NewWorkspace<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO workspaces
             (id, owner_id, template_id, name, created_at, last_used_at, autostart, next_start_at, ttl_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)",
        params![
            key(workspace.id.0),
            key(workspace.owner.0),
            key(workspace.template.0),
            workspace.name,
            tx.now_ms(),
            workspace.life.autostart,
            workspace.life.next_start_at,
            workspace.life.ttl_ms
        ],
    )?;
    Ok(())
}

/// The owner's live workspace of this name, whatever the case of its letters.
pub fn live_by_name(tx: &Tx<'_>, owner: UserId, name: &str) -> Result<Option<WorkspaceId>, StoreError> {
    tx.row(
        "SELECT id FROM workspaces WHERE owner_id = ?1 AND lower(name) = lower(?2) AND deleted_at IS NULL",
        params![key(owner.0), name],
        |row| id(row, 0, WorkspaceId),
    )
}

/// Whose live workspace this is; none if there is none of this id, or it was destroyed.
pub fn live_owner(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<UserId>, StoreError> {
    tx.row("SELECT owner_id FROM workspaces WHERE id = ?1 AND deleted_at IS NULL", [key(workspace.0)], |row| {
        id(row, 0, UserId)
    })
}

/// Whose a workspace is, or was when it was destroyed.
pub fn owner(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<UserId>, StoreError> {
    tx.row("SELECT owner_id FROM workspaces WHERE id = ?1", [key(workspace.0)], |row| id(row, 0, UserId))
}

/// Marks a workspace as gone. Its name is free again.
pub fn mark_deleted(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE workspaces SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL",
        params![key(workspace.0), tx.now_ms()],
    )?;
    Ok(())
}
