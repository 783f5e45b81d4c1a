//! What kind of token a token is: for callers who present one where another is expected.

use super::{StoreError, Tx};
use crate::secret_hash::SecretHash;

/// By what somebody calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A person's session, or one that a workspace has as its owner.
    Session,
    /// A daemon's key.
    DaemonKey,
    /// An agent's own token, which is good for opening a session only.
    Agent,
    /// An agent's session.
    AgentSession,
}

/// What the token with this hash is; none if it is nobody's.
pub fn kind(tx: &Tx<'_>, token: &SecretHash) -> Result<Option<TokenKind>, StoreError> {
    let found: Option<u8> = tx.row(
        "SELECT kind FROM (
             SELECT 0 AS kind FROM users WHERE token_hash = ?1
             UNION ALL SELECT 0 FROM workspace_sessions WHERE token_hash = ?1
             UNION ALL SELECT 1 FROM daemon_keys WHERE key_hash = ?1
             UNION ALL SELECT 2 FROM agents WHERE token_hash = ?1
             UNION ALL SELECT 3 FROM agent_sessions WHERE token_hash = ?1
         ) found ORDER BY kind LIMIT 1",
        [token.as_bytes()],
        |row| row.get(0),
    )?;
    Ok(found.map(|kind| match kind {
        0 => TokenKind::Session,
        1 => TokenKind::DaemonKey,
        2 => TokenKind::Agent,
        _ => TokenKind::AgentSession,
    }))
}
