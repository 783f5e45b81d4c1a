//! Whether a client may reach an agent over a relay.

use groundhog_wire::id::{AgentId, PeerId};

use super::agent::view;
use crate::{
    outdated,
    refusal::{CallError, Refusal},
    store::{Tx, peers, users::User},
};

/// The refusal of a client that may not reach an agent: the peer is `user`'s and has a tunnel to the agent, `user` may
/// see the agent, and the agent has something to come back for.
///
/// A peer that is lost may (T10): its call of coordination is another connection, and may be back.
pub fn check_allowed(tx: &Tx<'_>, user: &User, peer: PeerId, agent: AgentId) -> Result<(), CallError> {
    let agent = view::visible(tx, user, agent)?;
    if outdated::is_outdated(agent.build_number, agent.build_done) {
        return Err(Refusal::State(format!("the agent {} has gone: its build is outdated", agent.id)).into());
    }
    if !peers::has_tunnel(tx, peer, user.id, agent.number)? {
        let text = format!("the client {peer} has no tunnel to the agent {}: add one first", agent.id);
        return Err(Refusal::State(text).into());
    }
    Ok(())
}
