//! When workspaces start, stop and go by themselves. A workspace that nobody has claimed is in none of these lists, and
//! none of these statements changes it.

use groundhog_wire::id::WorkspaceId;
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{id, key},
};

/// That no account that builds ahead owns the workspace `w`.
const NOT_AHEAD: &str = "NOT EXISTS (SELECT 1 FROM users o WHERE o.id = w.owner_id AND o.role = 'prebuilds')";

/// The same of the workspace that an update is about: SQLite knows it under no other name there.
const UPDATED_NOT_AHEAD: &str = "owner_id NOT IN (SELECT id FROM users WHERE role = 'prebuilds')";

/// Tables to look up for each workspace `w`, for [`ENDED`]. They are joined in this order and no other, or every build
/// that there ever was might be read to find the few workspaces that are meant.
const BUILDS: &str = "CROSS JOIN builds b CROSS JOIN jobs j";

/// That `b` is the latest build of the workspace `w`, and its job `j` has ended.
const ENDED: &str = "b.workspace_id = w.id
    AND b.number = (SELECT MAX(l.number) FROM builds l WHERE l.workspace_id = w.id)
    AND j.id = b.job_id AND j.completed_at IS NOT NULL";

/// Live workspaces whose time for a start has come, at most `limit`: the longest due first, then by id.
pub fn due_to_start(tx: &Tx<'_>, limit: u32) -> Result<Vec<WorkspaceId>, StoreError> {
    let due = format!(
        "SELECT w.id FROM workspaces w {BUILDS}
         WHERE {ENDED} AND w.next_start_at IS NOT NULL AND w.next_start_at <= ?1 AND w.deleted_at IS NULL AND {NOT_AHEAD}
         ORDER BY w.next_start_at, w.id LIMIT ?2"
    );
    tx.rows(&due, params![tx.now_ms(), limit], |row| id(row, 0, WorkspaceId))
}

/// Live workspaces that a build has started whose deadline has come, at most `limit`: the longest due first, then by id.
pub fn due_to_stop(tx: &Tx<'_>, limit: u32) -> Result<Vec<WorkspaceId>, StoreError> {
    let due = format!(
        "SELECT w.id FROM builds b JOIN workspaces w ON w.id = b.workspace_id
         WHERE b.deadline_at IS NOT NULL AND b.deadline_at <= ?1 AND w.deleted_at IS NULL AND {NOT_AHEAD}
           AND b.number = (SELECT MAX(l.number) FROM builds l WHERE l.workspace_id = w.id)
         ORDER BY b.deadline_at, w.id LIMIT ?2"
    );
    tx.rows(&due, params![tx.now_ms(), limit], |row| id(row, 0, WorkspaceId))
}

/// Live workspaces that nobody has used for as long as their templates allow, at most `limit`: the longest unused first,
/// then by id.
pub fn due_to_be_laid_aside(tx: &Tx<'_>, limit: u32) -> Result<Vec<WorkspaceId>, StoreError> {
    let due = format!(
        "SELECT w.id FROM templates t CROSS JOIN workspaces w {BUILDS}
         WHERE w.template_id = t.id AND {ENDED} AND t.dormant_after_ms > 0 AND w.last_used_at + t.dormant_after_ms <= ?1
           AND w.dormant_at IS NULL AND w.deleted_at IS NULL AND {NOT_AHEAD}
         ORDER BY w.last_used_at, w.id LIMIT ?2"
    );
    tx.rows(&due, params![tx.now_ms(), limit], |row| id(row, 0, WorkspaceId))
}

/// Live workspaces that are laid aside and whose latest build is a start, at most `limit`: by when they are deleted, then
/// by id, which is the order of the index.
pub fn laid_aside_and_started(tx: &Tx<'_>, limit: u32) -> Result<Vec<WorkspaceId>, StoreError> {
    let due = format!(
        "SELECT w.id FROM workspaces w {BUILDS}
         WHERE {ENDED} AND w.dormant_at IS NOT NULL AND w.deleted_at IS NULL AND b.transition = 'start' AND {NOT_AHEAD}
         ORDER BY w.deleting_at, w.id LIMIT ?1"
    );
    tx.rows(&due, params![limit], |row| id(row, 0, WorkspaceId))
}

/// Live workspaces that are laid aside and whose time to go has come, at most `limit`: the longest due first, then by id.
/// One whose destroy ended after `tried_after` (milliseconds since 1970) is not among them.
pub fn due_to_go(tx: &Tx<'_>, tried_after: i64, limit: u32) -> Result<Vec<WorkspaceId>, StoreError> {
    let due = format!(
        "SELECT w.id FROM workspaces w {BUILDS}
         WHERE {ENDED} AND w.deleting_at <= ?1 AND w.dormant_at IS NOT NULL AND w.deleted_at IS NULL
           AND NOT (b.transition = 'destroy' AND j.completed_at > ?2) AND {NOT_AHEAD}
         ORDER BY w.deleting_at, w.id LIMIT ?3"
    );
    tx.rows(&due, params![tx.now_ms(), tried_after, limit], |row| id(row, 0, WorkspaceId))
}

/// Sets when a workspace is to be started by itself, and the first time of that in milliseconds since 1970.
pub fn set_autostart(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    autostart: &str,
    next_start_at: Option<i64>,
) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE workspaces SET autostart = ?2, next_start_at = ?3 WHERE id = ?1 AND {UPDATED_NOT_AHEAD}"),
        params![key(workspace.0), autostart, next_start_at],
    )?;
    Ok(())
}

/// Sets the next time at which a workspace is to be started by itself, in milliseconds since 1970.
pub fn set_next_start(tx: &Tx<'_>, workspace: WorkspaceId, next_start_at: Option<i64>) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE workspaces SET next_start_at = ?2 WHERE id = ?1 AND {UPDATED_NOT_AHEAD}"),
        params![key(workspace.0), next_start_at],
    )?;
    Ok(())
}

/// Sets after how long of running a workspace is stopped by itself, in milliseconds; 0 for never.
pub fn set_ttl(tx: &Tx<'_>, workspace: WorkspaceId, ttl_ms: i64) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE workspaces SET ttl_ms = ?2 WHERE id = ?1 AND {UPDATED_NOT_AHEAD}"),
        params![key(workspace.0), ttl_ms],
    )?;
    Ok(())
}

/// Lays a workspace aside, until it is deleted at `deleting_at` in milliseconds since 1970; none for never.
pub fn lay_aside(tx: &Tx<'_>, workspace: WorkspaceId, deleting_at: Option<i64>) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE workspaces SET dormant_at = ?2, deleting_at = ?3 WHERE id = ?1 AND {UPDATED_NOT_AHEAD}"),
        params![key(workspace.0), tx.now_ms(), deleting_at],
    )?;
    Ok(())
}

/// Takes a workspace up again that was laid aside: it counts as used now.
pub fn take_up(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.execute(
        &format!(
            "UPDATE workspaces SET dormant_at = NULL, deleting_at = NULL, last_used_at = ?2
             WHERE id = ?1 AND {UPDATED_NOT_AHEAD}"
        ),
        params![key(workspace.0), tx.now_ms()],
    )?;
    Ok(())
}

/// Notes that a workspace is used now.
pub fn set_used(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE workspaces SET last_used_at = ?2 WHERE id = ?1 AND {UPDATED_NOT_AHEAD}"),
        params![key(workspace.0), tx.now_ms()],
    )?;
    Ok(())
}
