//! An agent comes, lives and goes.
//!
//! Each connection has a number, and only the newest one counts: the end of an older one, which may be noticed minutes
//! late, does not make the agent look gone that has long been back.

use crate::{
    events, outdated,
    refusal::{CallError, Refusal},
    store::{
        StoreError, Tx,
        agents::{self, Agent},
    },
};

/// What comes of a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// The agent was noted as present.
    Noted,
    /// Its build is outdated: it is to go.
    Outdated,
    /// A newer connection has taken over.
    TakenOver,
}

/// Notes that `agent` has connected; the number of its connection.
pub fn connect(tx: &Tx<'_>, agent: &Agent) -> Result<i64, CallError> {
    let connection = agents::connect(tx, agent.number)?
        // Agents are never deleted, so only a damaged database gets here.
        .ok_or_else(|| Refusal::NotFound(format!("there is no agent {}", agent.id)))?;
    let (id, first) = (agent.id.event(), agent.contact.first_connected_at.is_none());
    tx.after_commit(move || events::agent_online(id, first));
    Ok(connection)
}

/// Notes a beat on the connection of this number.
pub fn beat(tx: &Tx<'_>, agent: &Agent, connection: i64) -> Result<Beat, StoreError> {
    let Some(beaten) = agents::beat(tx, agent.number, connection)? else { return Ok(Beat::TakenOver) };
    if outdated::is_outdated(beaten.build_number, beaten.build_done) {
        return Ok(Beat::Outdated);
    }
    let id = agent.id.event();
    tx.after_commit(move || events::agent_beat(id));
    Ok(Beat::Noted)
}

/// Notes that the connection of this number has ended, if it is the one that counts.
pub fn disconnect(tx: &Tx<'_>, agent: &Agent, connection: i64, why: &str) -> Result<(), StoreError> {
    if agents::disconnect(tx, agent.number, connection)? {
        let (id, why) = (agent.id.event(), why.to_owned());
        tx.after_commit(move || events::agent_offline(id, &why));
    }
    Ok(())
}
