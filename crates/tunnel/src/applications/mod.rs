//! What runs over a connection to an agent.
//!
//! - [`Application`]: what a tunnel asks of it.
//! - [`forward`]: a port of the agent's machine on this one. [`terminal`]: a terminal session.

pub mod forward;
pub mod terminal;

use std::io;

use crate::connection::AgentConnection;

pub use self::{forward::PortForward, terminal::TerminalSession};

/// What runs over a tunnel. The tunnel starts it once, closes it once if it came up, and calls nothing side by side but
/// [`lost`](Self::lost).
#[tonic::async_trait]
pub trait Application: Send + Sync {
    /// Starts it over `connection`. It is up once this has returned, which takes 30 s at most: then it is
    /// [abandoned](Self::abandon), as it is when this fails.
    async fn start(&self, connection: AgentConnection) -> io::Result<()>;

    /// Closes it, in its own time but within 10 s: then it is [abandoned](Self::abandon). It is down once this has
    /// returned, with or without an error, and has let go of the connection.
    async fn close(&self) -> io::Result<()>;

    /// Waits until an application that is up has ended by itself, and says why. Pending as long as it has not. Cancel
    /// safe.
    async fn lost(&self) -> String;

    /// Lets go of everything at once, whatever it was doing: nobody waits for it any more. By default nothing, for those
    /// who have nothing beside their [`start`](Self::start) and [`close`](Self::close).
    fn abandon(&self) {}
}
