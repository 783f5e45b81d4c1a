//! Agents' log lines, as many at a time as were reported.

use groundhog_wire::v1;
use prost::Message;
use rusqlite::params;
use uuid::Uuid;

use super::{
    StoreError, Tx,
    tx::{key, message},
};
use crate::log_limit::LogUse;

/// Reports that are read for one page; most have few lines.
const REPORTS_PER_PAGE: u32 = 256;

/// Who counts lines: a source, in one start of the agent's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The source.
    pub source: Uuid,
    /// The start of the process.
    pub process: Uuid,
}

/// The number of the last line that is there; none if none is.
pub fn last(tx: &Tx<'_>, agent: i64, counter: Counter) -> Result<Option<u64>, StoreError> {
    tx.row(
        "SELECT sequence FROM agent_log_sources WHERE agent = ?1 AND source_id = ?2 AND process_id = ?3",
        params![agent, key(counter.source), key(counter.process)],
        |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()),
    )
}

/// How many counters an agent has.
pub fn counters(tx: &Tx<'_>, agent: i64) -> Result<u32, StoreError> {
    let count = tx.row("SELECT COUNT(*) FROM agent_log_sources WHERE agent = ?1", [agent], |row| row.get(0))?;
    Ok(count.unwrap_or(0))
}

/// Stores lines, of which there is at least one, and what the agent's logs take up with them. Their ids count the
/// agent's lines, and `last` is the number of the last one.
pub fn insert(
    tx: &Tx<'_>,
    agent: i64,
    counter: Counter,
    last: u64,
    lines: &v1::ListAgentLogsResponse,
) -> Result<(), StoreError> {
    let last_id = lines.lines.last().map_or(0, |line| line.id);
    tx.execute(
        "INSERT INTO agent_logs (agent, last_id, lines) VALUES (?1, ?2, ?3)",
        params![agent, last_id.cast_signed(), lines.encode_to_vec()],
    )?;
    tx.execute(
        "INSERT INTO agent_log_sources (agent, source_id, process_id, sequence) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (agent, source_id, process_id) DO UPDATE SET sequence = excluded.sequence",
        params![agent, key(counter.source), key(counter.process), last.cast_signed()],
    )?;
    Ok(())
}

/// Keeps what an agent's logs take up.
pub fn set_use(tx: &Tx<'_>, agent: i64, log_use: LogUse) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE agents SET log_bytes = ?2, log_lines = ?3, log_overflowed = ?4 WHERE number = ?1",
        params![agent, log_use.bytes.cast_signed(), log_use.lines.cast_signed(), log_use.overflowed],
    )?;
    Ok(())
}

/// The reports with lines after the one with the id `after`, oldest first; not all of them if there are many. The first
/// may begin with lines before it.
pub fn after(tx: &Tx<'_>, agent: i64, after: u64) -> Result<Vec<v1::ListAgentLogsResponse>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    tx.rows(
        "SELECT lines FROM agent_logs WHERE agent = ?1 AND last_id > ?2 ORDER BY last_id LIMIT ?3",
        params![agent, after, REPORTS_PER_PAGE],
        |row| message(row, 0),
    )
}
