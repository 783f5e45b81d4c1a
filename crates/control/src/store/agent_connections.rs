//! Who has connected to agents.

use rusqlite::params;
use uuid::Uuid;

use super::{StoreError, Tx, tx::key};

/// Connections that are kept of an agent, the newest ones.
const CONNECTIONS_MAX: u32 = 1_000;

/// A connection's begin or end, as an agent reports it.
#[derive(Clone, Copy, Debug)]
pub struct Reported<'a> {
    /// Which connection.
    pub connection: Uuid,
    /// What it is for.
    pub kind: &'a str,
    /// From where; empty if it is not known.
    pub ip: &'a str,
    /// When, in milliseconds since 1970 by the agent's clock.
    pub at: i64,
    /// Why it ended.
    pub reason: &'a str,
    /// The process's exit status.
    pub status_code: i32,
}

/// Notes that a connection began. What is known of its end stays.
pub fn begin(tx: &Tx<'_>, agent: i64, report: &Reported<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO agent_connections (agent, connection_id, type, ip, connected_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (agent, connection_id) DO UPDATE SET connected_at = excluded.connected_at",
        params![agent, key(report.connection), report.kind, report.ip, report.at],
    )?;
    // The oldest ones make room.
    tx.execute(
        "DELETE FROM agent_connections WHERE agent = ?1 AND number <= (
             SELECT number FROM agent_connections WHERE agent = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2
         )",
        params![agent, CONNECTIONS_MAX],
    )?;
    Ok(())
}

/// Notes that a connection ended, be its begin known or not.
pub fn end(tx: &Tx<'_>, agent: i64, report: &Reported<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO agent_connections (agent, connection_id, type, ip, disconnected_at, reason, status_code)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (agent, connection_id) DO UPDATE SET
             disconnected_at = excluded.disconnected_at, reason = excluded.reason, status_code = excluded.status_code",
        params![agent, key(report.connection), report.kind, report.ip, report.at, report.reason, report.status_code],
    )?;
    Ok(())
}

/// How many connections of an agent are known, and how many of them have not ended.
pub fn count(tx: &Tx<'_>, agent: i64) -> Result<(u32, u32), StoreError> {
    let counts = tx.row(
        "SELECT COUNT(*), COUNT(*) - COUNT(disconnected_at) FROM agent_connections WHERE agent = ?1",
        [agent],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(counts.unwrap_or_default())
}
