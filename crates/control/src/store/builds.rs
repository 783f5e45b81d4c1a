//! Builds of workspaces, and what they left behind.

use groundhog_wire::{
    id::{BuildId, JobId, PresetId, UserId, VersionId, WorkspaceId},
    v1,
};
use prost::Message;
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key, message},
};
use crate::{build_reason::BuildReason, transition::Transition};

/// A build, with what its workspace adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// Which one.
    pub id: BuildId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its workspace's name.
    pub workspace_name: String,
    /// Whose workspace it is.
    pub owner: UserId,
    /// From which version it is built.
    pub version: VersionId,
    /// The job that carries it out.
    pub job: JobId,
    /// Counts the workspace's builds from 1.
    pub number: u32,
    /// What it does.
    pub transition: Transition,
    /// What the workspace costs with it, in credits a day: the cost that was committed for this build, or until
    /// then that of the build before.
    pub daily_cost: i32,
    /// Whether `daily_cost` was committed for this build.
    pub cost_is_own: bool,
    /// What the owner chose: parameters and the log's level, and nothing else of the message.
    pub asked: v1::WorkspaceBuild,
    /// When it was asked for, in milliseconds since 1970.
    pub created_at: i64,
    /// The preset that it is of, if it is a workspace's first one, or a claim's.
    pub preset: Option<PresetId>,
    /// The preset that the workspace's first build is of: what the workspace was built for.
    pub built_for: Option<PresetId>,
    /// Whether it is the one by which the workspace was claimed.
    pub is_claim: bool,
    /// Why it was asked for.
    pub reason: BuildReason,
    /// The name of whoever asked for it.
    pub initiator: String,
    /// What the workspace has is left behind: its provisioner is told of no state.
    pub orphan: bool,
    /// When what it started is stopped by itself, in milliseconds since 1970; none for never.
    pub deadline_at: Option<i64>,
    /// By which clock its workspace lives.
    pub clock: Clock,
}

/// By which clock the workspace of a build lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// It was built ahead, and nobody has claimed it: no clock touches it.
    pub unclaimed: bool,
    /// When it is started by itself: see [`autobuild::schedule`](crate::autobuild::schedule). Empty for never.
    pub autostart: String,
    /// After how long of running it is stopped by itself, in milliseconds; 0 for never.
    pub ttl_ms: i64,
    /// Whether it is laid aside.
    pub dormant: bool,
    /// After how long unused its template has it laid aside, in milliseconds; 0 for never.
    pub dormant_after_ms: i64,
}

/// A build that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewBuild<'a> {
    /// Which one.
    pub id: BuildId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// From which version it is built.
    pub version: VersionId,
    /// The job that carries it out.
    pub job: JobId,
    /// One more than the workspace's latest.
    pub number: u32,
    /// What it does.
    pub transition: Transition,
    /// What the workspace costs until this build's own cost is known.
    pub daily_cost: i32,
    /// What the owner chose: parameters and the log's level, and nothing else of the message.
    pub asked: &'a v1::WorkspaceBuild,
    /// The preset that it is of, if it is a workspace's first one, or a claim's.
    pub preset: Option<PresetId>,
    /// Why it is asked for.
    pub reason: BuildReason,
    /// What the workspace has is left behind.
    pub orphan: bool,
}

/// What a provisioner is told of a build.
#[derive(Clone, Debug, PartialEq)]
pub struct Names {
    /// The owner's name.
    pub owner: String,
    /// The template's name.
    pub template: String,
    /// The version's name.
    pub version: String,
    /// The version's source.
    pub source: Vec<u8>,
    /// What the version's author gave.
    pub given: v1::TemplateImport,
    /// What the version's source declares.
    pub declared: v1::Declarations,
}

/// Writes a build.
pub fn insert(tx: &Tx<'_>, build: &NewBuild<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO builds (id, workspace_id, version_id, job_id, number, transition, created_at, daily_cost, asked,
                             preset_id, reason, orphan)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            key(build.id.0),
            key(build.workspace.0),
            key(build.version.0),
            key(build.job.0),
            build.number,
            build.transition,
            tx.now_ms(),
            build.daily_cost,
            build.asked.encode_to_vec(),
            build.preset.map(|preset| key(preset.0)),
            build.reason,
            build.orphan
        ],
    )?;
    Ok(())
}

/// The build with this id.
pub fn by_id(tx: &Tx<'_>, build: BuildId) -> Result<Option<Build>, StoreError> {
    tx.row(&select("b.id = ?1"), [key(build.0)], read)
}

/// The build that a job carries out.
pub fn by_job(tx: &Tx<'_>, job: JobId) -> Result<Option<Build>, StoreError> {
    tx.row(&select("b.job_id = ?1"), [key(job.0)], read)
}

/// A workspace's latest build.
pub fn latest(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<Build>, StoreError> {
    tx.row(&select("b.workspace_id = ?1 ORDER BY b.number DESC LIMIT 1"), [key(workspace.0)], read)
}

/// The build by which a workspace became its owner's: its claim's if it was built ahead, else its first one.
pub fn first_of_owner(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<Build>, StoreError> {
    let sql = "b.workspace_id = ?1 AND b.number >= COALESCE(
                   (SELECT f.number FROM claims c JOIN builds f ON f.id = c.build_id WHERE c.workspace_id = ?1), 1)
               ORDER BY b.number LIMIT 1";
    tx.row(&select(sql), [key(workspace.0)], read)
}

/// What the workspace cost its owner with the build before this one, in credits a day: 0 before the first, and before
/// the one by which it was claimed.
pub fn cost_before(tx: &Tx<'_>, build: &Build) -> Result<i32, StoreError> {
    let cost = tx.row(
        "SELECT daily_cost FROM builds WHERE workspace_id = ?1 AND number < ?2
           AND NOT EXISTS (SELECT 1 FROM claims WHERE build_id = ?3)
         ORDER BY number DESC LIMIT 1",
        params![key(build.workspace.0), build.number, key(build.id.0)],
        |row| row.get(0),
    )?;
    Ok(cost.unwrap_or(0))
}

/// The provisioner's state after the build before this one; empty before the first.
pub fn state_before(tx: &Tx<'_>, build: &Build) -> Result<Vec<u8>, StoreError> {
    let state = tx.row(
        "SELECT COALESCE(state, x'') FROM builds WHERE workspace_id = ?1 AND number < ?2
         ORDER BY number DESC LIMIT 1",
        params![key(build.workspace.0), build.number],
        |row| row.get(0),
    )?;
    Ok(state.unwrap_or_default())
}

/// The provisioner's state after this build; none while it has not ended.
pub fn state(tx: &Tx<'_>, build: BuildId) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(tx.row("SELECT state FROM builds WHERE id = ?1", [key(build.0)], |row| row.get(0))?.flatten())
}

/// Keeps the state that a build left behind.
pub fn set_state(tx: &Tx<'_>, build: BuildId, state: &[u8]) -> Result<(), StoreError> {
    tx.execute("UPDATE builds SET state = ?2 WHERE id = ?1", params![key(build.0), state])?;
    Ok(())
}

/// Keeps what a build reported at its end beside its state and its resources: timings and replacements.
pub fn set_report(tx: &Tx<'_>, build: BuildId, report: &v1::CompletedWorkspaceBuild) -> Result<(), StoreError> {
    let replaced = i64::try_from(report.replacements.len()).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE builds SET report = ?2, replaced = ?3 WHERE id = ?1",
        params![key(build.0), report.encode_to_vec(), replaced],
    )?;
    Ok(())
}

/// What a build reported at its end: timings and replacements, and nothing else of the message.
pub fn report(tx: &Tx<'_>, build: BuildId) -> Result<v1::CompletedWorkspaceBuild, StoreError> {
    let report = tx.row("SELECT report FROM builds WHERE id = ?1", [key(build.0)], |row| message(row, 0))?;
    Ok(report.unwrap_or_default())
}

/// Keeps what a build costs, in credits a day.
pub fn set_cost(tx: &Tx<'_>, build: BuildId, daily_cost: i32) -> Result<(), StoreError> {
    tx.execute("UPDATE builds SET daily_cost = ?2, cost_is_own = 1 WHERE id = ?1", params![key(build.0), daily_cost])?;
    Ok(())
}

/// Sets when what a build started is to be stopped by itself, in milliseconds since 1970.
pub fn set_deadline(tx: &Tx<'_>, build: BuildId, deadline_at: Option<i64>) -> Result<(), StoreError> {
    tx.execute("UPDATE builds SET deadline_at = ?2 WHERE id = ?1", params![key(build.0), deadline_at])?;
    Ok(())
}

/// Writes what a build made, without its agents' tokens.
pub fn insert_resources(tx: &Tx<'_>, build: BuildId, resources: &[v1::Resource]) -> Result<(), StoreError> {
    for (position, resource) in (0_i64..).zip(resources) {
        let without_token = |agent: &v1::Agent| v1::Agent { token: String::new(), ..agent.clone() };
        let agents = resource.agents.iter().map(without_token).collect();
        let agents = v1::Resource { agents, ..v1::Resource::default() };
        tx.execute(
            "INSERT INTO build_resources (build_id, position, name, type, daily_cost, agents)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                key(build.0),
                position,
                resource.name,
                resource.r#type,
                resource.daily_cost,
                agents.encode_to_vec()
            ],
        )?;
    }
    Ok(())
}

/// What a build made, in the order in which it was reported.
pub fn resources(tx: &Tx<'_>, build: BuildId) -> Result<Vec<v1::Resource>, StoreError> {
    tx.rows(
        "SELECT name, type, daily_cost, agents FROM build_resources WHERE build_id = ?1 ORDER BY position",
        [key(build.0)],
        |row| {
            let v1::Resource { agents, .. } = message(row, 3)?;
            Ok(v1::Resource { name: row.get(0)?, r#type: row.get(1)?, daily_cost: row.get(2)?, agents })
        },
    )
}

/// What a provisioner is told of a build beside its ids.
pub fn names(tx: &Tx<'_>, build: BuildId) -> Result<Option<Names>, StoreError> {
    tx.row(
        "SELECT u.name, t.name, v.name, v.source, v.given, v.declared
         FROM builds b
         JOIN workspaces w ON w.id = b.workspace_id
         JOIN users u ON u.id = w.owner_id
         JOIN template_versions v ON v.id = b.version_id
         JOIN templates t ON t.id = v.template_id
         WHERE b.id = ?1",
        [key(build.0)],
        |row| {
            Ok(Names {
                owner: row.get(0)?,
                template: row.get(1)?,
                version: row.get(2)?,
                source: row.get(3)?,
                given: message(row, 4)?,
                declared: message(row, 5)?,
            })
        },
    )
}

/// A build's columns, from [`TABLES`]. What a damaged database lacks is left empty, so that whoever needs it can say what
/// is missing.
pub(super) const COLUMNS: &str = "b.id, b.workspace_id, w.name, w.owner_id, b.version_id, b.job_id, b.number,
    b.transition, b.daily_cost, b.cost_is_own, b.asked, b.created_at, b.preset_id, b.reason, b.orphan, b.deadline_at,
    COALESCE((SELECT i.name FROM jobs k JOIN users i ON i.id = k.initiator_id WHERE k.id = b.job_id), ''),
    EXISTS (SELECT 1 FROM users o WHERE o.id = w.owner_id AND o.role = 'prebuilds'), w.autostart, w.ttl_ms,
    w.dormant_at IS NOT NULL,
    COALESCE((SELECT t.dormant_after_ms FROM templates t WHERE t.id = w.template_id), 0),
    (SELECT f.preset_id FROM builds f WHERE f.workspace_id = b.workspace_id AND f.number = 1),
    EXISTS (SELECT 1 FROM claims c WHERE c.build_id = b.id)";

/// How many columns those are.
pub(super) const COLUMNS_COUNT: usize = 24;

/// A build `b` and its workspace `w`.
pub(super) const TABLES: &str = "builds b JOIN workspaces w ON w.id = b.workspace_id";

fn select(condition: &'static str) -> String {
    format!("SELECT {COLUMNS} FROM {TABLES} WHERE {condition}")
}

/// Reads [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Build> {
    Ok(Build {
        id: id(row, 0, BuildId)?,
        workspace: id(row, 1, WorkspaceId)?,
        workspace_name: row.get(2)?,
        owner: id(row, 3, UserId)?,
        version: id(row, 4, VersionId)?,
        job: id(row, 5, JobId)?,
        number: row.get(6)?,
        transition: row.get(7)?,
        daily_cost: row.get(8)?,
        cost_is_own: row.get(9)?,
        asked: message(row, 10)?,
        created_at: row.get(11)?,
        preset: preset(row, 12)?,
        reason: row.get(13)?,
        orphan: row.get(14)?,
        deadline_at: row.get(15)?,
        initiator: row.get(16)?,
        built_for: preset(row, 22)?,
        is_claim: row.get(23)?,
        clock: Clock {
            unclaimed: row.get(17)?,
            autostart: row.get(18)?,
            ttl_ms: row.get(19)?,
            dormant: row.get(20)?,
            dormant_after_ms: row.get(21)?,
        },
    })
}

fn preset(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<PresetId>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(|bytes| PresetId(Uuid::from_bytes(bytes))))
}
