//! Dry runs of template versions.

use groundhog_wire::{
    id::{DryRunId, JobId, VersionId},
    v1,
};
use prost::Message;
use rusqlite::{Row, params};

use super::{
    StoreError, Tx,
    tx::{id, key, message},
};

/// A dry run.
#[derive(Clone, Debug, PartialEq)]
pub struct DryRun {
    /// Which one.
    pub id: DryRunId,
    /// Of which version.
    pub version: VersionId,
    /// The job that carries it out.
    pub job: JobId,
    /// What was asked for: the name of a workspace, and parameters.
    pub asked: v1::TemplateDryRun,
    /// What it found; nothing before it has succeeded.
    pub found: v1::CompletedTemplateDryRun,
}

/// Writes a dry run.
pub fn insert(
    tx: &Tx<'_>,
    dry_run: DryRunId,
    version: VersionId,
    job: JobId,
    asked: &v1::TemplateDryRun,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO dry_runs (id, version_id, job_id, asked) VALUES (?1, ?2, ?3, ?4)",
        params![key(dry_run.0), key(version.0), key(job.0), asked.encode_to_vec()],
    )?;
    Ok(())
}

/// The dry run with this id.
pub fn by_id(tx: &Tx<'_>, dry_run: DryRunId) -> Result<Option<DryRun>, StoreError> {
    tx.row(
        "SELECT id, version_id, job_id, asked, COALESCE(found, x'') FROM dry_runs WHERE id = ?1",
        [key(dry_run.0)],
        read,
    )
}

/// The dry run that a job carries out.
pub fn by_job(tx: &Tx<'_>, job: JobId) -> Result<Option<DryRun>, StoreError> {
    tx.row(
        "SELECT id, version_id, job_id, asked, COALESCE(found, x'') FROM dry_runs WHERE job_id = ?1",
        [key(job.0)],
        read,
    )
}

/// Keeps what a dry run found.
pub fn set_found(tx: &Tx<'_>, job: JobId, found: &v1::CompletedTemplateDryRun) -> Result<(), StoreError> {
    tx.execute("UPDATE dry_runs SET found = ?2 WHERE job_id = ?1", params![key(job.0), found.encode_to_vec()])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<DryRun> {
    Ok(DryRun {
        id: id(row, 0, DryRunId)?,
        version: id(row, 1, VersionId)?,
        job: id(row, 2, JobId)?,
        asked: message(row, 3)?,
        found: message(row, 4)?,
    })
}
