//! The audit trail: one entry for each build of a workspace that ended.

use groundhog_wire::{
    id::{BuildId, JobId, UserId, WorkspaceId},
    v1,
};
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{id, key},
};
use crate::transition::Transition;

/// An entry that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// Who asked for the build.
    pub user: UserId,
    /// What the build did.
    pub action: Transition,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The build.
    pub build: BuildId,
    /// Its job.
    pub job: JobId,
    /// How it ended, as HTTP would say it.
    pub status_code: u32,
    /// Why it failed; empty unless it did.
    pub error: &'a str,
}

/// Writes an entry; the name of who asked for the build.
pub fn insert(tx: &Tx<'_>, entry: &NewEntry<'_>) -> Result<String, StoreError> {
    let name = tx.row(
        "INSERT INTO audit_entries (at, user_name, action, workspace_id, build_id, job_id, status_code, error)
         SELECT ?1, name, ?3, ?4, ?5, ?6, ?7, ?8 FROM users WHERE id = ?2
         RETURNING user_name",
        params![
            tx.now_ms(),
            key(entry.user.0),
            entry.action,
            key(entry.workspace.0),
            key(entry.build.0),
            key(entry.job.0),
            entry.status_code,
            entry.error
        ],
        |row| row.get(0),
    )?;
    Ok(name.unwrap_or_default())
}

/// The entries after the one with the id `after`, oldest first, at most `limit`.
pub fn after(tx: &Tx<'_>, after: u64, limit: u32) -> Result<Vec<v1::AuditEntry>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    tx.rows(
        "SELECT id, at, user_name, action, workspace_id, build_id, job_id, status_code, error
         FROM audit_entries WHERE id > ?1 ORDER BY id LIMIT ?2",
        params![after, limit],
        |row| {
            Ok(v1::AuditEntry {
                id: row.get::<_, i64>(0)?.cast_unsigned(),
                at_ms: row.get(1)?,
                user: row.get(2)?,
                action: row.get(3)?,
                workspace_id: id(row, 4, WorkspaceId)?.to_string(),
                build_id: id(row, 5, BuildId)?.to_string(),
                job_id: id(row, 6, JobId)?.to_string(),
                status_code: row.get(7)?,
                error: row.get(8)?,
            })
        },
    )
}
