//! The agent's token for a session's, before each connection.

use groundhog_wire::{
    Channel, ChannelConfig, Endpoints, Identity, Limited, Secret, call,
    id::AgentId,
    v1::{OpenSessionRequest, OpenSessionResponse, agents_client::AgentsClient},
};

use super::Failure;
use crate::{config::AgentConfig, shared::Shared};

/// The name of the call.
const CALL: &str = "open session";

/// A session: one connection's.
#[derive(Debug)]
pub(crate) struct Session {
    /// To the one replica that has answered: if that goes, the connection has ended.
    pub(crate) channel: Channel,
    pub(crate) agent: AgentId,
    token: Secret,
}

impl Session {
    /// Another channel to the same replica.
    pub(crate) fn another_channel(&self, shared: &Shared) -> Channel {
        let identity = Identity::user(self.token.clone());
        Channel::new(&shared.host, self.channel.address(), identity, shared.config().channel.clone())
    }
}

/// Opens sessions. Between tries that failed it remembers which replica comes next; once there is a session it lets go of
/// its own connection, so that an agent at rest has one and not two.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    channel: Option<Channel>,
}

impl Exchange {
    /// Opens a session.
    pub(crate) async fn open(&mut self, shared: &Shared) -> Result<Session, Failure> {
        let (host, config) = (&shared.host, shared.config());
        let channel = self.channel.get_or_insert_with(|| {
            let identity = Identity::user(config.token.clone());
            Channel::new(host, config.control.clone(), identity, exchange_config(config))
        });
        let mut client = AgentsClient::new(channel.clone()).limited();
        let answer = call(host, config.call_timeout, client.open_session(OpenSessionRequest {})).await;
        let OpenSessionResponse { session_token, agent_id } =
            answer.map_err(|status| Failure::of_call(CALL, &status))?.into_inner();
        let agent = agent_id.parse().map_err(|error| Failure::new(CALL, error))?;
        let token = Secret::new(session_token).map_err(|error| Failure::new(CALL, error))?;
        let to = Endpoints::from(channel.address());
        self.channel = None;
        let channel = Channel::new(host, to, Identity::user(token.clone()), config.channel.clone());
        Ok(Session { channel, agent, token })
    }
}

/// The agent waits between its tries by a rule of its own: the channel is not to add to it.
fn exchange_config(config: &AgentConfig) -> ChannelConfig {
    let floor = config.channel.backoff_floor.min(config.reconnect_wait_min);
    ChannelConfig { backoff_floor: floor, backoff_ceiling: floor, ..config.channel.clone() }
}
