//! An agent's status, and whether its session is good, as pure functions of clocks.

use std::time::Duration;

use groundhog_wire::v1;

use crate::millis::millis;

/// Whether an agent is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentStatus {
    /// It has never connected, and there is still time.
    Connecting,
    /// It is there.
    Connected,
    /// It was there.
    Disconnected,
    /// It has never connected, and it took too long.
    TimedOut,
}

/// When something was heard of an agent; times are milliseconds since 1970 by the control plane's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// When its build made it known.
    pub created_at: i64,
    /// How long it may take to connect for the first time, in milliseconds.
    pub connection_timeout_ms: i64,
    /// When it first connected; none if it never did.
    pub first_connected_at: Option<i64>,
    /// When it last connected or beat.
    pub last_connected_at: Option<i64>,
    /// When its newest connection ended; none while that is open.
    pub disconnected_at: Option<i64>,
}

/// The status at `now_ms` of an agent that counts as disconnected once nothing was heard of it for `inactive_after`,
/// even though its connection is open: a machine that lost its power says no good-bye.
pub fn status(contact: &Contact, now_ms: i64, inactive_after: Duration) -> AgentStatus {
    let (Some(_), Some(last)) = (contact.first_connected_at, contact.last_connected_at) else {
        let waited_ms = now_ms.saturating_sub(contact.created_at);
        let late = waited_ms > contact.connection_timeout_ms;
        return if late { AgentStatus::TimedOut } else { AgentStatus::Connecting };
    };
    let silent_ms = now_ms.saturating_sub(last);
    let gone = contact.disconnected_at.is_some() || silent_ms >= millis(inactive_after);
    if gone { AgentStatus::Disconnected } else { AgentStatus::Connected }
}

/// Whether a session that was opened at `opened_at` is still good at `now_ms`: for `lifetime` after the agent's last
/// sign of life, be it the opening itself. A laptop whose lid was closed for less finds its session as it left it.
pub fn session_is_good(opened_at: i64, last_connected_at: Option<i64>, now_ms: i64, lifetime: Duration) -> bool {
    let last = opened_at.max(last_connected_at.unwrap_or(opened_at));
    now_ms.saturating_sub(last) < millis(lifetime)
}

impl AgentStatus {
    /// The status as the protocol writes it.
    pub const fn to_wire(self) -> v1::AgentStatus {
        match self {
            Self::Connecting => v1::AgentStatus::Connecting,
            Self::Connected => v1::AgentStatus::Connected,
            Self::Disconnected => v1::AgentStatus::Disconnected,
            Self::TimedOut => v1::AgentStatus::TimedOut,
        }
    }
}
