//! Claims: who was given which workspace that was built ahead. A workspace is claimed once.

use groundhog_wire::id::{BuildId, JobId, UserId, WorkspaceId};
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{id, key},
};
use crate::{
    claim_state::{Claim, Facts},
    job_status::{self, status},
};

/// Gives a workspace to `owner` under `name`, if it still belongs to an account that builds ahead; whether it did. Of
/// several who try, one succeeds (P6).
pub fn hand_over(tx: &Tx<'_>, workspace: WorkspaceId, owner: UserId, name: &str) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE workspaces SET owner_id = ?2, name = ?3
         WHERE id = ?1 AND deleted_at IS NULL AND owner_id IN (SELECT id FROM users WHERE role = 'prebuilds')",
        params![key(workspace.0), key(owner.0), name],
    )?;
    Ok(changed > 0)
}

/// Writes a claim.
pub fn insert(tx: &Tx<'_>, workspace: WorkspaceId, owner: UserId, build: BuildId) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO claims (workspace_id, owner_id, build_id, claimed_at) VALUES (?1, ?2, ?3, ?4)",
        params![key(workspace.0), key(owner.0), key(build.0), tx.now_ms()],
    )?;
    Ok(())
}

/// What is known of a workspace's claim.
pub fn facts(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<Facts>, StoreError> {
    tx.row(
        "SELECT u.role, c.owner_id, j.id, j.started_at IS NOT NULL, j.canceled_at IS NOT NULL,
                j.completed_at IS NOT NULL, j.error <> '',
                EXISTS (SELECT 1 FROM builds l JOIN jobs k ON k.id = l.job_id
                        WHERE l.workspace_id = w.id AND l.number >= b.number AND l.transition = 'start'
                          AND k.started_at IS NOT NULL AND k.completed_at IS NOT NULL AND k.error = ''
                          AND k.canceled_at IS NULL)
         FROM workspaces w
         JOIN users u ON u.id = w.owner_id
         LEFT JOIN claims c ON c.workspace_id = w.id
         LEFT JOIN builds b ON b.id = c.build_id
         LEFT JOIN jobs j ON j.id = b.job_id
         WHERE w.id = ?1",
        [key(workspace.0)],
        |row| {
            let owner = row.get(0)?;
            if row.get_ref(2)? == rusqlite::types::ValueRef::Null {
                return Ok(Facts { owner, claim: None });
            }
            let status = status(job_status::Facts {
                started: row.get(3)?,
                canceled: row.get(4)?,
                completed: row.get(5)?,
                error: row.get(6)?,
            });
            let claim = Claim { owner: id(row, 1, UserId)?, job: id(row, 2, JobId)?, status, started: row.get(7)? };
            Ok(Facts { owner, claim: Some(claim) })
        },
    )
}
