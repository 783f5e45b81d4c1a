//! Workspaces.

use std::collections::BTreeSet;

use groundhog_wire::id::{TemplateId, UserId, WorkspaceId};
use rusqlite::{Row, params};

use super::{
    StoreError, Tx,
    builds::{self, Build, COLUMNS, COLUMNS_COUNT, TABLES},
    jobs::JobEnd,
    tx::{id, key},
    users::{Role, User},
};
use crate::job_status::{self, status};

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

/// A workspace with all that people see of it. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Whose it is, without the organisations that they are members of.
    pub owner: User,
    /// Its template's name.
    pub template: String,
    /// The preset of its first build; empty without one.
    pub preset: String,
    /// When it was made.
    pub created_at: i64,
    /// When it was last used, as far as is known: see [`clock::set_used`](super::clock::set_used).
    pub last_used_at: i64,
    /// When it is started by itself next.
    pub next_start_at: Option<i64>,
    /// Since when it is laid aside.
    pub dormant_at: Option<i64>,
    /// When it is deleted if it still is laid aside then.
    pub deleting_at: Option<i64>,
    /// After how long of being laid aside its template has it deleted, in milliseconds; 0 for never.
    pub deleted_after_ms: i64,
    /// It was destroyed.
    pub deleted: bool,
    /// Its latest build.
    pub latest: Build,
    /// How that build's job stands.
    pub job: JobEnd,
}

impl Listed {
    /// Which one.
    pub const fn id(&self) -> WorkspaceId {
        self.latest.workspace
    }
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

/// Whose a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Which person or account.
    pub id: UserId,
    /// What they are to the platform.
    pub role: Role,
}

/// Whose a live workspace is.
pub fn live_owner(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<Owner>, StoreError> {
    tx.row(
        "SELECT w.owner_id, u.role FROM workspaces w JOIN users u ON u.id = w.owner_id
         WHERE w.id = ?1 AND w.deleted_at IS NULL",
        [key(workspace.0)],
        read_owner,
    )
}

/// Whose a workspace is, or was when it was destroyed.
pub fn owner(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<Owner>, StoreError> {
    tx.row(
        "SELECT w.owner_id, u.role FROM workspaces w JOIN users u ON u.id = w.owner_id WHERE w.id = ?1",
        [key(workspace.0)],
        read_owner,
    )
}

fn read_owner(row: &Row<'_>) -> rusqlite::Result<Owner> {
    Ok(Owner { id: id(row, 0, UserId)?, role: row.get(1)? })
}

/// Marks a workspace as gone. Its name is free again, and it is not started any more.
pub fn mark_deleted(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE workspaces SET deleted_at = ?2, next_start_at = NULL WHERE id = ?1 AND deleted_at IS NULL",
        params![key(workspace.0), tx.now_ms()],
    )?;
    Ok(())
}

/// A workspace with all that people see of it, whether or not it was destroyed.
pub fn listed(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<Listed>, StoreError> {
    tx.row(&select_listed("w.id = ?1"), [key(workspace.0)], read_listed)
}

/// The owner's live workspaces, by name, at most `limit`.
pub fn listed_of(tx: &Tx<'_>, owner: UserId, limit: u32) -> Result<Vec<Listed>, StoreError> {
    let of_owner = select_listed("w.owner_id = ?1 AND w.deleted_at IS NULL ORDER BY w.name, w.id LIMIT ?2");
    tx.rows(&of_owner, params![key(owner.0), limit], read_listed)
}

fn select_listed(condition: &'static str) -> String {
    format!(
        "SELECT {COLUMNS}, o.name, o.role, t.name,
                COALESCE((SELECT p.name FROM builds f JOIN presets p ON p.id = f.preset_id
                          WHERE f.workspace_id = w.id AND f.number = 1), ''),
                w.created_at, w.last_used_at, w.next_start_at, w.dormant_at, w.deleting_at, t.deleted_after_ms,
                w.deleted_at IS NOT NULL, j.started_at IS NOT NULL, j.canceled_at, j.completed_at, j.error, j.error_code
         FROM {TABLES}
         JOIN users o ON o.id = w.owner_id
         JOIN templates t ON t.id = w.template_id
         JOIN jobs j ON j.id = b.job_id
         WHERE b.number = (SELECT MAX(l.number) FROM builds l WHERE l.workspace_id = w.id) AND {condition}"
    )
}

fn read_listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    const NEXT: usize = COLUMNS_COUNT;
    let latest = builds::read(row)?;
    let (canceled_at, completed_at): (Option<i64>, Option<i64>) = (row.get(NEXT + 12)?, row.get(NEXT + 13)?);
    let error: String = row.get(NEXT + 14)?;
    let status = status(job_status::Facts {
        started: row.get(NEXT + 11)?,
        canceled: canceled_at.is_some(),
        completed: completed_at.is_some(),
        error: !error.is_empty(),
    });
    Ok(Listed {
        owner: User {
            id: latest.owner,
            name: row.get(NEXT)?,
            role: row.get(NEXT + 1)?,
            organizations: BTreeSet::new(),
        },
        template: row.get(NEXT + 2)?,
        preset: row.get(NEXT + 3)?,
        created_at: row.get(NEXT + 4)?,
        last_used_at: row.get(NEXT + 5)?,
        next_start_at: row.get(NEXT + 6)?,
        dormant_at: row.get(NEXT + 7)?,
        deleting_at: row.get(NEXT + 8)?,
        deleted_after_ms: row.get(NEXT + 9)?,
        deleted: row.get(NEXT + 10)?,
        job: JobEnd { status, canceled_at, completed_at, error, error_code: row.get(NEXT + 15)? },
        latest,
    })
}
