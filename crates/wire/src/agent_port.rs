//! What an agent serves, by the port that a [`PeerHello`](crate::v1::PeerHello) names. The numbers are this
//! platform's customary ones.

/// Nothing but a stream that stays open: by it a client knows whether the agent is there.
pub const KEEP_ALIVE: u32 = 1;

/// A terminal session: see [`terminal`](crate::terminal).
pub const TERMINAL: u32 = 2;

/// A measurement of the path: see [`speedtest`](crate::speedtest).
pub const SPEEDTEST: u32 = 3;

/// HTTP/1: what listens in the workspace, and so on.
pub const HTTP_API: u32 = 4;

/// Any port from here on is one of the machine's own: the stream is connected to it.
pub const FORWARD_MIN: u32 = 1_024;
