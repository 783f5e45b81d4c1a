//! Jobs' log lines: each number of a job once (J2).

use groundhog_wire::{id::JobId, v1};
use rusqlite::params;

use super::{StoreError, Tx, tx::key};

/// The largest sequence number that is kept: what the database's integers hold.
pub const SEQUENCE_MAX: u64 = i64::MAX as u64;

/// Whether the line of this number is there. Numbers above [`SEQUENCE_MAX`] never are.
pub fn is_stored(tx: &Tx<'_>, job: JobId, sequence: u64) -> Result<bool, StoreError> {
    let Ok(sequence) = i64::try_from(sequence) else { return Ok(false) };
    let found = tx.row(
        "SELECT 1 FROM job_logs WHERE job_id = ?1 AND sequence = ?2",
        params![key(job.0), sequence],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Stores a line. Its number must be new to the job, from 1 to [`SEQUENCE_MAX`].
pub fn insert(tx: &Tx<'_>, job: JobId, line: &v1::LogLine) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO job_logs (job_id, sequence, source, level, created_at, stage, output)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            key(job.0),
            line.sequence.cast_signed(),
            line.source,
            line.level,
            line.created_at_ms,
            line.stage,
            line.output
        ],
    )?;
    Ok(())
}

/// The stage and the number of the job's last line.
pub fn last(tx: &Tx<'_>, job: JobId) -> Result<Option<(String, u64)>, StoreError> {
    tx.row(
        "SELECT stage, sequence FROM job_logs WHERE job_id = ?1 ORDER BY sequence DESC LIMIT 1",
        [key(job.0)],
        |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())),
    )
}

/// The job's lines that were stored after the line with the id `after`, oldest first, at most `limit`.
pub fn after(tx: &Tx<'_>, job: JobId, after: u64, limit: u32) -> Result<Vec<v1::StoredLogLine>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    tx.rows(
        "SELECT id, sequence, source, level, created_at, stage, output
         FROM job_logs WHERE job_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        params![key(job.0), after, limit],
        |row| {
            Ok(v1::StoredLogLine {
                id: row.get::<_, i64>(0)?.cast_unsigned(),
                line: Some(v1::LogLine {
                    sequence: row.get::<_, i64>(1)?.cast_unsigned(),
                    source: row.get(2)?,
                    level: row.get(3)?,
                    created_at_ms: row.get(4)?,
                    stage: row.get(5)?,
                    output: row.get(6)?,
                }),
            })
        },
    )
}
