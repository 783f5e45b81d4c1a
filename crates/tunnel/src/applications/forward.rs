//! A port of the agent's machine on this one.

use std::io;

use groundhog_host::Host;

use super::Application;
use crate::connection::AgentConnection;

/// Listens here, and opens a stream to the agent's machine for each connection that comes.
#[derive(Debug)]
pub struct PortForward {
    #[allow(dead_code)]
    host: Host,
}

impl PortForward {
    /// From `local_port` of `host` (0 for any free one) to `remote_port` of the agent's machine, at least
    /// [`FORWARD_MIN`](groundhog_wire::agent_port::FORWARD_MIN).
    pub fn new(host: &Host, local_port: u16, remote_port: u16) -> Self {
        let _ = (local_port, remote_port);
        Self { host: host.clone() }
    }

    /// The port that it listens on; none while it is not up.
    pub fn local_port(&self) -> Option<u16> {
        None
    }
}

#[tonic::async_trait]
impl Application for PortForward {
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
