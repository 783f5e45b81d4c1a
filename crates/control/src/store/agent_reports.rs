//! What agents report of themselves: a message for each agent, which grows.

use groundhog_wire::{id::BuildId, v1};
use prost::Message;
use rusqlite::params;

use super::{
    StoreError, Tx,
    tx::{id, message},
};

/// What an agent has reported so far: its version and folder, its life's steps, its scripts' timings, its apps'
/// healths and the sum of its stats; nothing else of the message.
pub fn report(tx: &Tx<'_>, agent: i64) -> Result<v1::AgentView, StoreError> {
    let report = tx.row("SELECT report FROM agent_reports WHERE agent = ?1", [agent], |row| message(row, 0))?;
    Ok(report.unwrap_or_default())
}

/// What an agent's workspace has to do with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The build that made the agent.
    pub build: BuildId,
    /// The workspace was built ahead, and nobody has claimed it.
    pub unclaimed: bool,
    /// After how long of running it is stopped by itself, in milliseconds; 0 for never.
    pub ttl_ms: i64,
    /// After how long unused its template has it laid aside, in milliseconds; 0 for never.
    pub dormant_after_ms: i64,
    /// When what the build started is to be stopped by itself, in milliseconds since 1970.
    pub deadline_at: Option<i64>,
}

/// What an agent has reported so far, as [`report`] has it, and what its workspace has to do with the clock.
pub fn report_and_use(tx: &Tx<'_>, agent: i64) -> Result<Option<(v1::AgentView, Use)>, StoreError> {
    tx.row(
        "SELECT COALESCE(r.report, x''), b.id, o.role = 'prebuilds', w.ttl_ms, t.dormant_after_ms, b.deadline_at
         FROM agents a
         JOIN builds b ON b.id = a.build_id
         JOIN workspaces w ON w.id = a.workspace_id
         JOIN users o ON o.id = w.owner_id
         JOIN templates t ON t.id = w.template_id
         LEFT JOIN agent_reports r ON r.agent = a.number
         WHERE a.number = ?1",
        [agent],
        |row| {
            let known = Use {
                build: id(row, 1, BuildId)?,
                unclaimed: row.get(2)?,
                ttl_ms: row.get(3)?,
                dormant_after_ms: row.get(4)?,
                deadline_at: row.get(5)?,
            };
            Ok((message(row, 0)?, known))
        },
    )
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
