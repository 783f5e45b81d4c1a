//! Claims: which workspaces that were built ahead can be given, and who was given which. A workspace is claimed once.

use std::collections::BTreeMap;

use groundhog_wire::{
    id::{BuildId, JobId, PresetId, UserId, WorkspaceId},
    v1,
};
use rusqlite::{Row, params};

use super::{
    StoreError, Tx,
    tx::{id, key, message},
    users,
    workspaces::Life,
};
use crate::{
    claim_state::{Claim, Facts},
    job_status::{self, status},
};

/// An unclaimed workspace whose latest build is a start that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which one.
    pub workspace: WorkspaceId,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// Its latest build.
    pub build: BuildId,
    /// The last step of each of its agents' lives.
    pub agents: Vec<v1::AgentLifecycle>,
}

/// A person who is given a workspace, and how they want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taker<'a> {
    /// Who.
    pub owner: UserId,
    /// What they call it.
    pub name: &'a str,
    /// How it is to live by the clock; none if nobody has said so: then it lives as its template has it.
    pub life: Option<Life<'a>>,
}

/// The unclaimed workspaces of the account that builds ahead that were built for a preset and run, the oldest first,
/// then by id (P15); at most `limit`.
pub fn candidates(tx: &Tx<'_>, preset: PresetId, limit: u32) -> Result<Vec<Candidate>, StoreError> {
    let sql = format!("{CANDIDATES} ORDER BY w.created_at, w.id LIMIT ?3");
    let mut candidates = tx.rows(&sql, params![key(users::PREBUILDS.0), key(preset.0), limit], read_candidate)?;
    let agents = agents(tx, &format!("{AGENTS} ORDER BY a.number"), params![key(users::PREBUILDS.0), key(preset.0)])?;
    for candidate in &mut candidates {
        candidate.agents = steps(&agents, candidate.build);
    }
    Ok(candidates)
}

/// One of those that [`candidates`] gives, if it still is one.
pub fn candidate(tx: &Tx<'_>, preset: PresetId, workspace: WorkspaceId) -> Result<Option<Candidate>, StoreError> {
    let ids = params![key(users::PREBUILDS.0), key(preset.0), key(workspace.0)];
    let Some(mut candidate) = tx.row(&format!("{CANDIDATES} AND w.id = ?3"), ids, read_candidate)? else {
        return Ok(None);
    };
    let agents = agents(tx, &format!("{AGENTS} AND w.id = ?3 ORDER BY a.number"), ids)?;
    candidate.agents = steps(&agents, candidate.build);
    Ok(Some(candidate))
}

/// The live workspaces `w` of the account ?1 whose first build was for the preset ?2, with their latest build `l`, if
/// that is a start which succeeded. It is the account by which they are found: those that were claimed or deleted are as
/// many as there ever were.
const CANDIDATES: &str = "SELECT w.id, w.created_at, l.id
    FROM workspaces w
    JOIN builds f ON f.workspace_id = w.id AND f.number = 1
    JOIN builds l ON l.workspace_id = w.id
        AND l.number = (SELECT MAX(m.number) FROM builds m WHERE m.workspace_id = w.id)
    JOIN jobs j ON j.id = l.job_id
    WHERE w.owner_id = ?1 AND w.deleted_at IS NULL AND f.preset_id = ?2 AND l.transition = 'start'
      AND j.completed_at IS NOT NULL AND j.canceled_at IS NULL AND j.error = ''";

/// The agents `a` that the latest builds `l` of such workspaces have made.
const AGENTS: &str = "SELECT l.id, COALESCE(r.report, x'')
    FROM workspaces w
    JOIN builds f ON f.workspace_id = w.id AND f.number = 1
    JOIN builds l ON l.workspace_id = w.id
        AND l.number = (SELECT MAX(m.number) FROM builds m WHERE m.workspace_id = w.id)
    JOIN agents a ON a.build_id = l.id
    LEFT JOIN agent_reports r ON r.agent = a.number
    WHERE w.owner_id = ?1 AND w.deleted_at IS NULL AND f.preset_id = ?2";

fn read_candidate(row: &Row<'_>) -> rusqlite::Result<Candidate> {
    let agents = Vec::new();
    Ok(Candidate { workspace: id(row, 0, WorkspaceId)?, created_at: row.get(1)?, build: id(row, 2, BuildId)?, agents })
}

fn agents(
    tx: &Tx<'_>,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<BTreeMap<BuildId, Vec<v1::AgentLifecycle>>, StoreError> {
    let rows = tx.rows(sql, parameters, |row| {
        let report: v1::AgentView = message(row, 1)?;
        let step = report.lifecycles.last().map_or(v1::AgentLifecycle::Created, v1::UpdateLifecycleRequest::state);
        Ok((id(row, 0, BuildId)?, step))
    })?;
    let mut agents = BTreeMap::<_, Vec<_>>::new();
    for (build, step) in rows {
        agents.entry(build).or_default().push(step);
    }
    Ok(agents)
}

fn steps(agents: &BTreeMap<BuildId, Vec<v1::AgentLifecycle>>, build: BuildId) -> Vec<v1::AgentLifecycle> {
    agents.get(&build).cloned().unwrap_or_default()
}

/// Gives a workspace to a person, if it still belongs to an account that builds ahead and `latest` still is its latest
/// build; whether it did. Of several who try, one succeeds (P6).
///
/// It counts as used now, and is not laid aside. When it was made stays.
pub fn hand_over(tx: &Tx<'_>, workspace: WorkspaceId, latest: BuildId, taker: &Taker<'_>) -> Result<bool, StoreError> {
    let Taker { owner, name, life } = *taker;
    let Life { autostart, next_start_at, .. } = life.unwrap_or_default();
    let changed = tx.execute(
        "UPDATE workspaces SET owner_id = ?2, name = ?3, last_used_at = ?4, autostart = ?5, next_start_at = ?6,
                               dormant_at = NULL, deleting_at = NULL,
                               ttl_ms = COALESCE(?7, (SELECT t.default_ttl_ms FROM templates t WHERE t.id = template_id))
         WHERE id = ?1 AND deleted_at IS NULL AND owner_id IN (SELECT id FROM users WHERE role = 'prebuilds')
           AND ?8 = (SELECT b.id FROM builds b WHERE b.workspace_id = ?1 ORDER BY b.number DESC LIMIT 1)",
        params![
            key(workspace.0),
            key(owner.0),
            name,
            tx.now_ms(),
            autostart,
            next_start_at,
            life.map(|life| life.ttl_ms),
            key(latest.0)
        ],
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
