//! Agents: who they are, when something was heard of them, and the sessions by which they call.

use groundhog_wire::{
    id::{AgentId, BuildId, UserId, WorkspaceId},
    v1,
};
use prost::Message;
use rusqlite::{Row, params};

use super::{
    StoreError, Tx,
    tx::{id, key, message},
};
use crate::{agent_status::Contact, log_limit::LogUse, secret_hash::SecretHash};

/// Sessions that are kept of an agent. An agent needs one; the others are for calls to open one that arrive late, or
/// twice, and must not end the one in use.
const SESSIONS_MAX: u32 = 4;

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Which one, among the tables of agents: the later it was made, the larger.
    pub number: i64,
    /// Which one.
    pub id: AgentId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The build that made it.
    pub build: BuildId,
    /// That build's number.
    pub build_number: u32,
    /// The newest of the workspace's later builds that a worker has carried out without an error.
    pub build_done: Option<u32>,
    /// What it is called; unique within the build.
    pub name: String,
    /// When something was heard of it.
    pub contact: Contact,
    /// What its logs take up.
    pub log_use: LogUse,
}

/// An agent that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewAgent<'a> {
    /// Which one.
    pub id: AgentId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The build that made it.
    pub build: BuildId,
    /// That build's number.
    pub build_number: u32,
    /// The token by which it calls.
    pub token: &'a SecretHash,
    /// How long it may take to connect for the first time, in milliseconds.
    pub connection_timeout_ms: i64,
    /// What it is to do, without its token.
    pub description: &'a v1::Agent,
}

/// What an agent is told of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Names {
    /// Its workspace's name.
    pub workspace: String,
    /// Whose workspace it is.
    pub owner: UserId,
    /// The owner's name.
    pub owner_name: String,
    /// What it is to do, without its token.
    pub description: v1::Agent,
}

/// An agent with all that people see of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Itself.
    pub agent: Agent,
    /// What it is to do, without its token.
    pub description: v1::Agent,
    /// What it has reported: see [`agent_reports::report`](super::agent_reports::report).
    pub report: v1::AgentView,
    /// The last value of each of its metadata.
    pub metadata: v1::UpdateMetadataRequest,
}

/// What comes of a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beaten {
    /// The agent's own build.
    pub build_number: u32,
    /// As [`Agent::build_done`].
    pub build_done: Option<u32>,
}

/// An agent's columns, from a table that is called `a`.
pub(super) const COLUMNS: &str = "a.number, a.id, a.workspace_id, a.build_id, a.build_number, a.name, a.created_at,
    a.connection_timeout_ms, a.first_connected_at, a.last_connected_at, a.disconnected_at, a.log_bytes, a.log_lines,
    a.log_overflowed";

/// The newest later build that was carried out. A job without a worker was never begun, whatever it says of its end.
pub(super) const DONE: &str = "(SELECT MAX(l.number) FROM builds l JOIN jobs j ON j.id = l.job_id
    WHERE l.workspace_id = a.workspace_id AND l.number > a.build_number
      AND j.completed_at IS NOT NULL AND j.error = '' AND j.worker_id IS NOT NULL)";

/// Writes an agent and what it is to do.
pub fn insert(tx: &Tx<'_>, agent: &NewAgent<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO agents (id, workspace_id, build_id, build_number, name, token_hash, created_at,
                             connection_timeout_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            key(agent.id.0),
            key(agent.workspace.0),
            key(agent.build.0),
            agent.build_number,
            agent.description.name,
            agent.token.as_bytes(),
            tx.now_ms(),
            agent.connection_timeout_ms
        ],
    )?;
    tx.execute(
        "INSERT INTO agent_descriptions (agent, description) SELECT number, ?2 FROM agents WHERE id = ?1",
        params![key(agent.id.0), agent.description.encode_to_vec()],
    )?;
    Ok(())
}

/// The agent with this id.
pub fn by_id(tx: &Tx<'_>, agent: AgentId) -> Result<Option<Agent>, StoreError> {
    tx.row(&format!("SELECT {COLUMNS}, {DONE} FROM agents a WHERE a.id = ?1"), [key(agent.0)], read)
}

/// Whether a build has made agents.
pub fn are_made_by(tx: &Tx<'_>, build: BuildId) -> Result<bool, StoreError> {
    let made = tx.row("SELECT EXISTS (SELECT 1 FROM agents WHERE build_id = ?1)", [key(build.0)], |row| row.get(0))?;
    Ok(made.unwrap_or(false))
}

/// The agents of a build, by their names.
pub fn of_build(tx: &Tx<'_>, build: BuildId) -> Result<Vec<Listed>, StoreError> {
    tx.rows(&select_listed("a.build_id = ?1 ORDER BY a.name"), [key(build.0)], read_listed)
}

/// The agent with this number.
pub fn listed(tx: &Tx<'_>, agent: i64) -> Result<Option<Listed>, StoreError> {
    tx.row(&select_listed("a.number = ?1"), [agent], read_listed)
}

fn select_listed(condition: &'static str) -> String {
    format!(
        "SELECT {COLUMNS}, {DONE}, d.description, COALESCE(r.report, x''), COALESCE(m.found, x'')
         FROM agents a
         JOIN agent_descriptions d ON d.agent = a.number
         LEFT JOIN agent_reports r ON r.agent = a.number
         LEFT JOIN agent_metadata m ON m.agent = a.number
         WHERE {condition}"
    )
}

fn read_listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        agent: read(row)?,
        description: message(row, 15)?,
        report: message(row, 16)?,
        metadata: message(row, 17)?,
    })
}

/// An agent, with the steps of its life.
#[derive(Clone, Debug, PartialEq)]
pub struct Life {
    /// Which one.
    pub agent: AgentId,
    /// What it is called.
    pub name: String,
    /// The last step that it has reported; none before the first.
    pub last: Option<v1::AgentLifecycle>,
}

/// The lives of a build's agents, by the agents' names.
pub fn lives_of_build(tx: &Tx<'_>, build: BuildId) -> Result<Vec<Life>, StoreError> {
    tx.rows(
        "SELECT a.id, a.name, COALESCE(r.report, x'')
         FROM agents a LEFT JOIN agent_reports r ON r.agent = a.number
         WHERE a.build_id = ?1 ORDER BY a.name",
        [key(build.0)],
        |row| {
            let report: v1::AgentView = message(row, 2)?;
            let last = report.lifecycles.last().map(v1::UpdateLifecycleRequest::state);
            Ok(Life { agent: id(row, 0, AgentId)?, name: row.get(1)?, last })
        },
    )
}

/// The newest agent whose token has this hash.
pub fn newest_by_token(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<Agent>, StoreError> {
    tx.row(
        &format!("SELECT {COLUMNS}, {DONE} FROM agents a WHERE a.token_hash = ?1 ORDER BY a.number DESC LIMIT 1"),
        [token.as_bytes()],
        read,
    )
}

/// The agent whose session has this hash, and when that was opened.
pub fn by_session(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<(Agent, i64)>, StoreError> {
    tx.row(
        &format!(
            "SELECT {COLUMNS}, {DONE}, s.opened_at
             FROM agent_sessions s JOIN agents a ON a.number = s.agent WHERE s.token_hash = ?1"
        ),
        [token.as_bytes()],
        |row| Ok((read(row)?, row.get(15)?)),
    )
}

/// Opens a session, and forgets the oldest ones beyond those that are kept.
pub fn open_session(tx: &Tx<'_>, agent: i64, token: &SecretHash) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO agent_sessions (agent, token_hash, opened_at) VALUES (?1, ?2, ?3)",
        params![agent, token.as_bytes(), tx.now_ms()],
    )?;
    tx.execute(
        "DELETE FROM agent_sessions WHERE agent = ?1 AND number NOT IN (
             SELECT number FROM agent_sessions WHERE agent = ?1 ORDER BY number DESC LIMIT ?2
         )",
        params![agent, SESSIONS_MAX],
    )?;
    Ok(())
}

/// Notes that an agent has connected; the number of its connection, which from now on is the one that counts.
pub fn connect(tx: &Tx<'_>, agent: i64) -> Result<Option<i64>, StoreError> {
    tx.row(
        "UPDATE agents SET connection = connection + 1, first_connected_at = COALESCE(first_connected_at, ?2),
                           last_connected_at = ?2, disconnected_at = NULL
         WHERE number = ?1 RETURNING connection",
        params![agent, tx.now_ms()],
        |row| row.get(0),
    )
}

/// Notes a sign of life on an agent's connection; none if that is no longer the one that counts.
pub fn beat(tx: &Tx<'_>, agent: i64, connection: i64) -> Result<Option<Beaten>, StoreError> {
    let read = |row: &Row<'_>| Ok(Beaten { build_number: row.get(0)?, build_done: row.get(1)? });
    let beaten = tx.row(
        &format!("SELECT a.build_number, {DONE} FROM agents a WHERE a.number = ?1 AND a.connection = ?2"),
        [agent, connection],
        read,
    )?;
    // One after the other rather than a change that returns something, for which SQLite makes a table each time: of
    // all statements, this is the one that is run most.
    if beaten.is_some() {
        let heard = "UPDATE agents SET last_connected_at = ?2 WHERE number = ?1";
        tx.together(|| tx.execute(heard, params![agent, tx.now_ms()]))?;
    }
    Ok(beaten)
}

/// Notes that an agent's connection has ended; whether it was the one that counts and had not ended before.
pub fn disconnect(tx: &Tx<'_>, agent: i64, connection: i64) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE agents SET disconnected_at = ?3 WHERE number = ?1 AND connection = ?2 AND disconnected_at IS NULL",
        params![agent, connection, tx.now_ms()],
    )?;
    Ok(changed > 0)
}

/// What an agent is told of itself.
pub fn names(tx: &Tx<'_>, agent: i64) -> Result<Option<Names>, StoreError> {
    tx.row(
        "SELECT w.name, w.owner_id, u.name, d.description
         FROM agents a
         JOIN agent_descriptions d ON d.agent = a.number
         JOIN workspaces w ON w.id = a.workspace_id
         JOIN users u ON u.id = w.owner_id
         WHERE a.number = ?1",
        [agent],
        |row| {
            Ok(Names {
                workspace: row.get(0)?,
                owner: id(row, 1, UserId)?,
                owner_name: row.get(2)?,
                description: message(row, 3)?,
            })
        },
    )
}

/// Reads [`COLUMNS`] and [`DONE`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Agent> {
    Ok(Agent {
        number: row.get(0)?,
        id: id(row, 1, AgentId)?,
        workspace: id(row, 2, WorkspaceId)?,
        build: id(row, 3, BuildId)?,
        build_number: row.get(4)?,
        name: row.get(5)?,
        contact: Contact {
            created_at: row.get(6)?,
            connection_timeout_ms: row.get(7)?,
            first_connected_at: row.get(8)?,
            last_connected_at: row.get(9)?,
            disconnected_at: row.get(10)?,
        },
        log_use: LogUse {
            bytes: row.get::<_, i64>(11)?.cast_unsigned(),
            lines: row.get::<_, i64>(12)?.cast_unsigned(),
            overflowed: row.get(13)?,
        },
        build_done: row.get(14)?,
    })
}
