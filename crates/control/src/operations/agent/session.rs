//! An agent's session begins.

use groundhog_wire::{Secret, v1};

use crate::{
    refusal::{CallError, Refusal},
    secret_hash::SecretHash,
    store::{
        Tx,
        agents::{self, Agent},
    },
};

/// Opens a session of `agent`'s. Only the token's hash is kept.
pub fn open(tx: &Tx<'_>, agent: &Agent) -> Result<v1::OpenSessionResponse, CallError> {
    let session_token = tx.new_secret("agent session");
    let token = Secret::new(&session_token).map_err(|error| Refusal::State(format!("open a session: {error}")))?;
    agents::open_session(tx, agent.number, &SecretHash::of(&token))?;
    Ok(v1::OpenSessionResponse { session_token, agent_id: agent.id.to_string() })
}
