//! A terminal session of the agent's.

use std::io;

use groundhog_host::{Host, TerminalSize};
use uuid::Uuid;

use super::Application;
use crate::connection::AgentConnection;

/// A terminal session: joined if it is there, begun if it is not.
#[derive(Debug)]
pub struct TerminalSession {
    #[allow(dead_code)]
    host: Host,
}

impl TerminalSession {
    /// The session `id`, which runs `command` by a shell if it is new; the login shell if that is empty.
    pub fn new(host: &Host, id: Uuid, size: TerminalSize, command: &str) -> Self {
        let _ = (id, size, command);
        Self { host: host.clone() }
    }

    /// Types `text`. Waits while much that was typed is on its way; fails with
    /// [`NotConnected`](io::ErrorKind::NotConnected) while the session is not up. Cancel safe.
    pub async fn type_text(&self, text: &str) -> io::Result<()> {
        let _ = text;
        Err(io::ErrorKind::NotConnected.into())
    }

    /// The next bytes that the terminal shows; empty once the session is over and all was shown. Cancel safe.
    pub async fn shown(&self) -> Vec<u8> {
        std::future::pending().await
    }
}

#[tonic::async_trait]
impl Application for TerminalSession {
    async fn start(&self, _: AgentConnection) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn close(&self) -> io::Result<()> {
        Ok(())
    }

    async fn lost(&self) -> String {
        std::future::pending().await
    }
}
