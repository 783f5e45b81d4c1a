//! The job queue. What a worker did to a job, and when; never a status, see [`crate::job_status`].

use std::collections::BTreeMap;

use groundhog_wire::id::{JobId, UserId, WorkerId, WorkspaceId};
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{id, key},
    users::{Role, User},
};
use crate::{
    job_kind::JobKind,
    job_status::{Facts, JobStatus, status},
    log_limit::LogUse,
    tags::Tags,
};

/// A job. Times are milliseconds since 1970 by the control plane's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Which one.
    pub id: JobId,
    /// What it is for.
    pub kind: JobKind,
    /// What kind of provisioner runs it.
    pub provisioner_type: String,
    /// Who asked for it.
    pub initiator: UserId,
    /// When it was queued.
    pub created_at: i64,
    /// When something was last heard of it from its worker; before that, when it was queued.
    pub updated_at: i64,
    /// When a worker took it.
    pub started_at: Option<i64>,
    /// When its end was asked for.
    pub canceled_at: Option<i64>,
    /// When it ended.
    pub completed_at: Option<i64>,
    /// Who has it, or had it when it ended.
    pub worker: Option<WorkerId>,
    /// Why it failed; empty unless it did.
    pub error: String,
    /// The failure's code; empty without one.
    pub error_code: String,
    /// The digest of the worker's message that ended it; none if something else did.
    pub terminal_digest: Option<[u8; 32]>,
    /// What its log takes up.
    pub log_use: LogUse,
}

impl Job {
    /// Where it stands.
    pub fn status(&self) -> JobStatus {
        status(Facts {
            started: self.started_at.is_some(),
            canceled: self.canceled_at.is_some(),
            completed: self.completed_at.is_some(),
            error: !self.error.is_empty(),
        })
    }
}

/// How a job stands, for whoever looks at what it builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// Where it stands.
    pub status: JobStatus,
    /// When its end was asked for, in milliseconds since 1970.
    pub canceled_at: Option<i64>,
    /// When it ended, in milliseconds since 1970.
    pub completed_at: Option<i64>,
    /// Why it failed; empty unless it did.
    pub error: String,
    /// The failure's code; empty without one.
    pub error_code: String,
}

/// A job that is to be queued.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// Which one.
    pub id: JobId,
    /// What it is for.
    pub kind: JobKind,
    /// What kind of provisioner runs it.
    pub provisioner_type: &'a str,
    /// Who asked for it. People's jobs come before those of the account that builds ahead.
    pub initiator: &'a User,
    /// What it asks of a daemon.
    pub tags: &'a Tags,
}

/// How a job ends.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Empty unless it failed.
    pub error: &'a str,
    /// Empty without one.
    pub error_code: &'a str,
    /// The digest of the worker's message that says so; none if no worker said so.
    pub terminal_digest: Option<[u8; 32]>,
}

/// A job that nothing was heard of for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Running jobs count as hung whose last update is older than this time, in milliseconds since 1970.
    pub hung_before: i64,
    /// The same for jobs that no worker took.
    pub pending_before: i64,
}

/// Queues a job.
pub fn insert(tx: &Tx<'_>, job: &NewJob<'_>) -> Result<(), StoreError> {
    let priority = match job.initiator.role {
        Role::Member | Role::TemplateAdmin | Role::Admin => 0,
        Role::Prebuilds => 1,
    };
    tx.execute(
        "INSERT INTO jobs (id, kind, provisioner_type, initiator_id, priority, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
        params![key(job.id.0), job.kind, job.provisioner_type, key(job.initiator.id.0), priority, tx.now_ms()],
    )?;
    for (tag, content) in job.tags.iter() {
        tx.execute(
            "INSERT INTO job_tags (job_id, tag, content) VALUES (?1, ?2, ?3)",
            params![key(job.id.0), tag, content],
        )?;
    }
    Ok(())
}

/// The job with this id.
pub fn by_id(tx: &Tx<'_>, job: JobId) -> Result<Option<Job>, StoreError> {
    tx.row(
        "SELECT id, provisioner_type, initiator_id, created_at, updated_at, started_at, canceled_at, completed_at,
                worker_id, error, error_code, terminal_digest, log_bytes, log_lines, log_overflowed, kind
         FROM jobs WHERE id = ?1",
        [key(job.0)],
        read,
    )
}

/// A job's tags.
pub fn tags(tx: &Tx<'_>, job: JobId) -> Result<Tags, StoreError> {
    let tags = tx.rows("SELECT tag, content FROM job_tags WHERE job_id = ?1 ORDER BY tag", [key(job.0)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    Ok(Tags::from_stored(tags.into_iter().collect()))
}

/// The first waiting job that `accepts` takes: people's before those of builds ahead, then the oldest, then by id.
/// Waiting is a job that no worker took and that is not over: one that was cancelled while it waited is (J12).
pub fn first_waiting(tx: &Tx<'_>, mut accepts: impl FnMut(&str, &Tags) -> bool) -> Result<Option<JobId>, StoreError> {
    // Every job has tags, its scope at least, so the join loses none. Reading stops at the first match.
    let mut statement = tx.statement(
        "SELECT j.id, j.provisioner_type, t.tag, t.content
         FROM jobs j JOIN job_tags t ON t.job_id = j.id
         WHERE j.started_at IS NULL AND j.completed_at IS NULL
         ORDER BY j.priority, j.created_at, j.id, t.tag",
    )?;
    let mut rows = statement.query([])?;
    let mut current: Option<(JobId, String, BTreeMap<String, String>)> = None;
    loop {
        let row = rows.next()?;
        let next = row.map(|row| id(row, 0, JobId)).transpose()?;
        if let Some((job, provisioner_type, tags)) = current.take_if(|(job, ..)| next != Some(*job))
            && accepts(&provisioner_type, &Tags::from_stored(tags))
        {
            return Ok(Some(job));
        }
        let (Some(row), Some(job)) = (row, next) else { return Ok(None) };
        if current.is_none() {
            current = Some((job, row.get(1)?, BTreeMap::new()));
        }
        if let Some((.., tags)) = &mut current {
            tags.insert(row.get(2)?, row.get(3)?);
        }
    }
}

/// Locks a waiting job for a worker; whether it was still waiting.
pub fn lock(tx: &Tx<'_>, job: JobId, worker: WorkerId) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE jobs SET started_at = ?3, updated_at = ?3, worker_id = ?2, delivered = 0
         WHERE id = ?1 AND started_at IS NULL AND completed_at IS NULL",
        params![key(job.0), key(worker.0), tx.now_ms()],
    )?;
    Ok(changed == 1)
}

/// Takes a job back from a worker that never had it; none if the worker no longer had it locked, else the workspace
/// that the job builds, if it builds one. A job of which the worker said anything is its own and stays so.
pub fn put_back(tx: &Tx<'_>, job: JobId, worker: WorkerId) -> Result<Option<Option<WorkspaceId>>, StoreError> {
    tx.row(
        "UPDATE jobs SET started_at = NULL, worker_id = NULL, updated_at = ?3
         WHERE id = ?1 AND worker_id = ?2 AND delivered = 0 AND completed_at IS NULL
         RETURNING (SELECT b.workspace_id FROM builds b WHERE b.job_id = jobs.id)",
        params![key(job.0), key(worker.0), tx.now_ms()],
        |row| Ok(row.get::<_, Option<[u8; 16]>>(0)?.map(|bytes| WorkspaceId(Uuid::from_bytes(bytes)))),
    )
}

/// Notes that the job's worker was heard of now.
pub fn touch(tx: &Tx<'_>, job: JobId) -> Result<(), StoreError> {
    tx.execute("UPDATE jobs SET updated_at = ?2, delivered = 1 WHERE id = ?1", params![key(job.0), tx.now_ms()])?;
    Ok(())
}

/// Notes what the job's log takes up.
pub fn set_log_use(tx: &Tx<'_>, job: JobId, log_use: LogUse) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE jobs SET log_bytes = ?2, log_lines = ?3, log_overflowed = ?4 WHERE id = ?1",
        params![key(job.0), log_use.bytes.cast_signed(), log_use.lines.cast_signed(), log_use.overflowed],
    )?;
    Ok(())
}

/// Notes that the job's end was asked for. When it was last heard of is another matter and stays.
pub fn cancel(tx: &Tx<'_>, job: JobId) -> Result<(), StoreError> {
    tx.execute("UPDATE jobs SET canceled_at = ?2 WHERE id = ?1", params![key(job.0), tx.now_ms()])?;
    Ok(())
}

/// Ends a job; whether it had not ended before. What is over stays as it ended (J10).
pub fn end(tx: &Tx<'_>, job: JobId, end: &End<'_>) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE jobs SET completed_at = ?2, error = ?3, error_code = ?4, terminal_digest = ?5
         WHERE id = ?1 AND completed_at IS NULL",
        params![key(job.0), tx.now_ms(), end.error, end.error_code, end.terminal_digest],
    )?;
    Ok(changed == 1)
}

/// Notes a job as started although no worker took it: what the reaper does to a pending one.
pub fn set_started(tx: &Tx<'_>, job: JobId) -> Result<(), StoreError> {
    tx.execute("UPDATE jobs SET started_at = ?2 WHERE id = ?1", params![key(job.0), tx.now_ms()])?;
    Ok(())
}

/// The jobs that nothing was heard of, at most `limit`: the longest silent first, then by id.
pub fn silent(tx: &Tx<'_>, silence: Silence, limit: u32) -> Result<Vec<JobId>, StoreError> {
    tx.rows(
        "SELECT id FROM jobs
         WHERE completed_at IS NULL
           AND ((started_at IS NULL AND updated_at < ?1) OR (started_at IS NOT NULL AND updated_at < ?2))
         ORDER BY updated_at, id LIMIT ?3",
        params![silence.pending_before, silence.hung_before, limit],
        |row| id(row, 0, JobId),
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Job> {
    let worker: Option<[u8; 16]> = row.get(8)?;
    Ok(Job {
        id: id(row, 0, JobId)?,
        kind: row.get(15)?,
        provisioner_type: row.get(1)?,
        initiator: id(row, 2, UserId)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
        started_at: row.get(5)?,
        canceled_at: row.get(6)?,
        completed_at: row.get(7)?,
        worker: worker.map(|bytes| WorkerId(Uuid::from_bytes(bytes))),
        error: row.get(9)?,
        error_code: row.get(10)?,
        terminal_digest: row.get(11)?,
        log_use: LogUse {
            bytes: row.get::<_, i64>(12)?.cast_unsigned(),
            lines: row.get::<_, i64>(13)?.cast_unsigned(),
            overflowed: row.get(14)?,
        },
    })
}
