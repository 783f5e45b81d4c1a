//! What agents report of themselves: a message for each agent, which grows.

use groundhog_wire::v1;
use prost::Message;
use rusqlite::params;

use super::{StoreError, Tx, tx::message};

/// What an agent has reported so far: its version and folder, its life's steps, its scripts' timings, its apps'
/// healths and the sum of its stats; nothing else of the message.
pub fn report(tx: &Tx<'_>, agent: i64) -> Result<v1::AgentView, StoreError> {
    let report = tx.row("SELECT report FROM agent_reports WHERE agent = ?1", [agent], |row| message(row, 0))?;
    Ok(report.unwrap_or_default())
}

/// Keeps what an agent has reported.
pub fn set_report(tx: &Tx<'_>, agent: i64, report: &v1::AgentView) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO agent_reports (agent, report) VALUES (?1, ?2)
         ON CONFLICT (agent) DO UPDATE SET report = excluded.report",
        params![agent, report.encode_to_vec()],
    )?;
    Ok(())
}

/// What an agent is to do, without its token, and the last value of each of its metadata.
pub fn metadata(tx: &Tx<'_>, agent: i64) -> Result<(v1::Agent, v1::UpdateMetadataRequest), StoreError> {
    let found = tx.row(
        "SELECT d.description, COALESCE(m.found, x'')
         FROM agent_descriptions d LEFT JOIN agent_metadata m ON m.agent = d.agent WHERE d.agent = ?1",
        [agent],
        |row| Ok((message(row, 0)?, message(row, 1)?)),
    )?;
    Ok(found.unwrap_or_default())
}

/// What an agent is to do, without its token, and what it has reported so far: see [`report`].
pub fn described(tx: &Tx<'_>, agent: i64) -> Result<(v1::Agent, v1::AgentView), StoreError> {
    let found = tx.row(
        "SELECT d.description, COALESCE(r.report, x'')
         FROM agent_descriptions d LEFT JOIN agent_reports r ON r.agent = d.agent WHERE d.agent = ?1",
        [agent],
        |row| Ok((message(row, 0)?, message(row, 1)?)),
    )?;
    Ok(found.unwrap_or_default())
}

/// Keeps the values of an agent's metadata.
pub fn set_metadata(tx: &Tx<'_>, agent: i64, found: &v1::UpdateMetadataRequest) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO agent_metadata (agent, found) VALUES (?1, ?2)
         ON CONFLICT (agent) DO UPDATE SET found = excluded.found",
        params![agent, found.encode_to_vec()],
    )?;
    Ok(())
}
