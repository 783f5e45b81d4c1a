//! How the tools reach agents.

use groundhog_chattool::AgentDialer;
use groundhog_host::Host;
use groundhog_tunnel::connection::Dialer;
use groundhog_wire::{ChannelConfig, Endpoints, Secret, id::AgentId};

/// Reaches agents by connections of their own, which are let go of at once.
pub(super) struct Dials {
    pub(super) host: Host,
    pub(super) control: Endpoints,
}

#[tonic::async_trait]
impl AgentDialer for Dials {
    async fn dial(&self, token: &Secret, agent: AgentId) -> Result<(), String> {
        let dialer = Dialer::new(&self.host, self.control.clone(), token.clone(), ChannelConfig::default());
        let connection = dialer.dial(agent).await.map_err(|error| error.to_string())?;
        connection.close().await;
        Ok(())
    }
}
