//! What is known of all pools at once: presets, the workspaces that were built ahead for them and that nobody has
//! claimed, and how the latest builds ahead went.
//!
//! A few statements for all presets together, however many there are; and presets of versions that nothing is left of are
//! counted and not read.

use groundhog_wire::{
    id::{BuildId, JobId, OrganizationId, PresetId, TemplateId, UserId, VersionId, WorkspaceId},
    v1,
};
use rusqlite::{Row, params};

use super::{
    StoreError, Tx,
    tx::{id, key, message},
};
use crate::{
    job_status::{self, JobStatus},
    preset_status::PresetStatus,
    transition::Transition,
};

/// A preset for which workspaces are built ahead, or once were.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// Which one.
    pub id: PresetId,
    /// Its name; unique within its version.
    pub name: String,
    /// Its version.
    pub version: VersionId,
    /// Its version's name.
    pub version_name: String,
    /// Its template.
    pub template: TemplateId,
    /// Its template's name.
    pub template_name: String,
    /// Its template's organisation.
    pub organization: OrganizationId,
    /// That organisation's name.
    pub organization_name: String,
    /// Its version is the one that new workspaces are made from.
    pub using_active_version: bool,
    /// Its template is deleted.
    pub deleted: bool,
    /// Its template is deprecated.
    pub deprecated: bool,
    /// How many are wanted, unless a schedule says otherwise.
    pub desired_instances: u32,
    /// What the version declares.
    pub declared: v1::Preset,
    /// Whether workspaces are built ahead for it, as it was last noted.
    pub status: PresetStatus,
    /// Those that were made before then are to be made anew; milliseconds since 1970.
    pub last_invalidated_at: Option<i64>,
}

/// A live workspace that was built ahead and that nobody has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclaimed {
    /// Which one.
    pub id: WorkspaceId,
    /// For which preset: that of its first build.
    pub preset: PresetId,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// Its latest build.
    pub build: BuildId,
    /// Counts its builds from 1.
    pub number: u32,
    /// What the latest build does.
    pub transition: Transition,
    /// The latest build is of its template's active version.
    pub of_active_version: bool,
    /// The latest build's job.
    pub job: JobId,
    /// Where that stands.
    pub status: JobStatus,
    /// A worker has it, or had it.
    pub taken: bool,
    /// When it ended, in milliseconds since 1970.
    pub ended_at: Option<i64>,
}

/// The first build of a workspace that was built ahead, whoever owns that now (P12). Only of those that a worker took: one
/// that nobody took says nothing about its preset (J20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstBuild {
    /// Which one.
    pub id: BuildId,
    /// For which preset.
    pub preset: PresetId,
    /// When it was begun, in milliseconds since 1970.
    pub created_at: i64,
    /// Where it stands.
    pub status: JobStatus,
}

/// Presets for which workspaces are built ahead, of all versions of all templates.
pub fn count(tx: &Tx<'_>) -> Result<u64, StoreError> {
    let count =
        tx.row("SELECT COUNT(*) FROM presets WHERE desired_instances IS NOT NULL", [], |row| row.get::<_, i64>(0))?;
    Ok(count.unwrap_or(0).cast_unsigned())
}

/// The presets about which there may be anything to do, by template, version and place: those of versions from which
/// workspaces are made, and those of which `account` has a workspace.
pub fn presets(tx: &Tx<'_>, account: UserId) -> Result<Vec<Preset>, StoreError> {
    tx.rows(
        "SELECT p.id, p.name, v.id, v.name, t.id, t.name, t.organization_id, t.active_version_id = v.id,
                t.deleted_at IS NOT NULL, t.deprecated <> '', p.desired_instances, p.declared,
                p.status, p.last_invalidated_at, o.name
         FROM presets p
         JOIN template_versions v ON v.id = p.version_id
         JOIN templates t ON t.id = v.template_id
         JOIN organizations o ON o.id = t.organization_id
         WHERE p.desired_instances IS NOT NULL AND p.id IN (
             SELECT a.id FROM templates s JOIN presets a ON a.version_id = s.active_version_id
             WHERE s.deleted_at IS NULL AND s.deprecated = '' AND a.desired_instances IS NOT NULL
             UNION
             SELECT f.preset_id FROM workspaces w JOIN builds f ON f.workspace_id = w.id AND f.number = 1
             WHERE w.owner_id = ?1 AND w.deleted_at IS NULL AND f.preset_id IS NOT NULL)
         ORDER BY t.name, t.id, v.created_at, v.id, p.position, p.id",
        [key(account.0)],
        |row| {
            Ok(Preset {
                id: id(row, 0, PresetId)?,
                name: row.get(1)?,
                version: id(row, 2, VersionId)?,
                version_name: row.get(3)?,
                template: id(row, 4, TemplateId)?,
                template_name: row.get(5)?,
                organization: id(row, 6, OrganizationId)?,
                using_active_version: row.get(7)?,
                deleted: row.get(8)?,
                deprecated: row.get(9)?,
                desired_instances: row.get(10)?,
                declared: message(row, 11)?,
                status: row.get(12)?,
                last_invalidated_at: row.get(13)?,
                organization_name: row.get(14)?,
            })
        },
    )
}

/// The live workspaces of `account` that were built for a preset, oldest first, then by id (P15).
pub fn unclaimed(tx: &Tx<'_>, account: UserId) -> Result<Vec<Unclaimed>, StoreError> {
    tx.rows(
        &select_unclaimed(
            "w.owner_id = ?1 AND w.deleted_at IS NULL AND f.preset_id IS NOT NULL ORDER BY w.created_at, w.id",
        ),
        [key(account.0)],
        read_unclaimed,
    )
}

/// The same of one workspace; none if it is not there, or not `account`'s, or was built for no preset.
pub fn unclaimed_by_id(tx: &Tx<'_>, account: UserId, workspace: WorkspaceId) -> Result<Option<Unclaimed>, StoreError> {
    tx.row(
        &select_unclaimed("w.id = ?2 AND w.owner_id = ?1 AND w.deleted_at IS NULL AND f.preset_id IS NOT NULL"),
        params![key(account.0), key(workspace.0)],
        read_unclaimed,
    )
}

/// The last step of the life of each agent of `account`'s workspaces that run, by their builds.
pub fn agents(tx: &Tx<'_>, account: UserId) -> Result<Vec<(BuildId, v1::AgentLifecycle)>, StoreError> {
    tx.rows(
        "SELECT a.build_id, COALESCE(r.report, x'')
         FROM workspaces w
         JOIN builds l ON l.workspace_id = w.id
             AND l.number = (SELECT MAX(m.number) FROM builds m WHERE m.workspace_id = w.id)
         JOIN agents a ON a.build_id = l.id
         LEFT JOIN agent_reports r ON r.agent = a.number
         WHERE w.owner_id = ?1 AND w.deleted_at IS NULL AND l.transition = 'start'
         ORDER BY a.number",
        [key(account.0)],
        |row| Ok((id(row, 0, BuildId)?, last_step(&message(row, 1)?))),
    )
}

/// How builds ahead of active presets went, the latest first: of each preset the last `depth`, and all since `since`
/// (milliseconds since 1970).
pub fn first_builds(tx: &Tx<'_>, account: UserId, depth: u32, since: i64) -> Result<Vec<FirstBuild>, StoreError> {
    // The daemon of a job that is over may be forgotten; that a worker spoke of it is not.
    tx.rows(
        "WITH pools AS MATERIALIZED (
             SELECT p.id AS id, COALESCE((
                 SELECT c.created_at FROM builds c JOIN jobs k ON k.id = c.job_id
                 WHERE c.preset_id = p.id AND c.number = 1 AND c.transition = 'start'
                   AND k.initiator_id = ?1 AND (k.worker_id IS NOT NULL OR k.delivered = 1)
                 ORDER BY c.created_at DESC, c.id DESC LIMIT 1 OFFSET ?2), 0) AS earliest
             FROM templates t JOIN presets p ON p.version_id = t.active_version_id
             WHERE t.deleted_at IS NULL AND t.deprecated = '' AND p.desired_instances IS NOT NULL)
         SELECT b.id, b.preset_id, b.created_at, j.started_at IS NOT NULL, j.canceled_at IS NOT NULL,
                j.completed_at IS NOT NULL, j.error <> ''
         FROM pools p
         JOIN builds b ON b.preset_id = p.id
             AND b.created_at >= CASE WHEN p.earliest < ?3 THEN p.earliest ELSE ?3 END
         JOIN jobs j ON j.id = b.job_id
         WHERE b.number = 1 AND b.transition = 'start'
           AND j.initiator_id = ?1 AND (j.worker_id IS NOT NULL OR j.delivered = 1)
         ORDER BY b.preset_id, b.created_at DESC, b.id DESC",
        params![key(account.0), depth.saturating_sub(1), since],
        |row| {
            let (id, preset) = (id(row, 0, BuildId)?, id(row, 1, PresetId)?);
            Ok(FirstBuild { id, preset, created_at: row.get(2)?, status: status(row, 3)? })
        },
    )
}

/// Whether workspaces may be built ahead for a preset at this moment: its version is its template's active one, and the
/// template is neither deleted nor deprecated.
pub fn is_active(tx: &Tx<'_>, preset: PresetId) -> Result<bool, StoreError> {
    let active = tx.row(
        "SELECT t.active_version_id = v.id AND t.deleted_at IS NULL AND t.deprecated = ''
         FROM presets p JOIN template_versions v ON v.id = p.version_id JOIN templates t ON t.id = v.template_id
         WHERE p.id = ?1",
        [key(preset.0)],
        |row| row.get(0),
    )?;
    Ok(active.unwrap_or(false))
}

fn select_unclaimed(condition: &'static str) -> String {
    format!(
        "SELECT w.id, f.preset_id, w.created_at, l.id, l.number, l.transition, l.version_id = t.active_version_id,
                j.id, j.worker_id IS NOT NULL, j.completed_at,
                j.started_at IS NOT NULL, j.canceled_at IS NOT NULL, j.completed_at IS NOT NULL, j.error <> ''
         FROM workspaces w
         JOIN templates t ON t.id = w.template_id
         JOIN builds f ON f.workspace_id = w.id AND f.number = 1
         JOIN builds l ON l.workspace_id = w.id
             AND l.number = (SELECT MAX(m.number) FROM builds m WHERE m.workspace_id = w.id)
         JOIN jobs j ON j.id = l.job_id
         WHERE {condition}"
    )
}

fn read_unclaimed(row: &Row<'_>) -> rusqlite::Result<Unclaimed> {
    Ok(Unclaimed {
        id: id(row, 0, WorkspaceId)?,
        preset: id(row, 1, PresetId)?,
        created_at: row.get(2)?,
        build: id(row, 3, BuildId)?,
        number: row.get(4)?,
        transition: row.get(5)?,
        of_active_version: row.get(6)?,
        job: id(row, 7, JobId)?,
        taken: row.get(8)?,
        ended_at: row.get(9)?,
        status: status(row, 10)?,
    })
}

/// A job's status by four columns in a row: whether it was started, canceled, completed, and has an error.
fn status(row: &Row<'_>, first: usize) -> rusqlite::Result<JobStatus> {
    Ok(job_status::status(job_status::Facts {
        started: row.get(first)?,
        canceled: row.get(first + 1)?,
        completed: row.get(first + 2)?,
        error: row.get(first + 3)?,
    }))
}

/// The last step of an agent's life that it has reported.
fn last_step(report: &v1::AgentView) -> v1::AgentLifecycle {
    report.lifecycles.last().map_or(v1::AgentLifecycle::Created, v1::UpdateLifecycleRequest::state)
}
