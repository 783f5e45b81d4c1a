//! What a stream to an agent is for.

use std::sync::Arc;

use groundhog_host::{Address, Stream};
use groundhog_wire::{agent_port, resumable::ResumableStream};
use tokio::io::AsyncReadExt;

use crate::{http::api, shared::Shared, speedtest, stats::counted::Counted};

/// What is behind a port of the agent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Nothing but a sign of life.
    KeepAlive,
    /// A terminal.
    Terminal,
    /// A measurement of the path.
    Speedtest,
    /// What the agent tells over HTTP.
    HttpApi,
    /// Something that listens on the machine, on this port.
    Forward(u16),
}

impl Service {
    /// What is behind a port.
    pub(super) fn at(port: u32) -> Option<Self> {
        match port {
            agent_port::KEEP_ALIVE => Some(Self::KeepAlive),
            agent_port::TERMINAL => Some(Self::Terminal),
            agent_port::SPEEDTEST => Some(Self::Speedtest),
            agent_port::HTTP_API => Some(Self::HttpApi),
            agent_port::FORWARD_MIN.. => u16::try_from(port).ok().map(Self::Forward),
            _ => None,
        }
    }

    /// As stats name it; what serves nobody is not in them.
    const fn protocol(self) -> Option<&'static str> {
        match self {
            Self::KeepAlive => None,
            Self::Terminal => Some("pty"),
            Self::Speedtest => Some("speedtest"),
            Self::HttpApi => Some("http"),
            Self::Forward(_) => Some("forward"),
        }
    }

    /// Serves a stream that somebody on the host `from` has begun, until either is done with it.
    pub(super) async fn serve(self, shared: &Arc<Shared>, mut stream: ResumableStream, from: String) {
        if let Some(protocol) = self.protocol() {
            shared.stats.counters().connected(protocol);
        }
        match self {
            Self::KeepAlive => {
                // What comes means nothing. It ends with the stream, in whatever way.
                while let Ok(1..) = stream.read(&mut [0; 64]).await {}
            }
            Self::Terminal => match shared.surroundings.login_shell().await {
                Ok(shell) => {
                    let stream = Counted::wrap(stream, from, shared);
                    let _visit = shared.connections.begin("reconnecting_pty", stream.peer());
                    shared.terminals.serve(stream, shell).await;
                }
                Err(error) => {
                    tracing::debug!(%error, "a terminal could not be begun");
                    stream.handle().reset("the machine has no shell");
                }
            },
            Self::Speedtest => speedtest::serve(&shared.host, Counted::wrap(stream, from, shared)).await,
            Self::HttpApi => {
                let own = shared.network.port().unwrap_or(shared.config().listen_port);
                api::serve(&shared.host, own, Counted::wrap(stream, from, shared)).await;
            }
            Self::Forward(port) => forward(shared, port, stream, from).await,
        }
    }
}

/// Joins a stream to what listens on a port of the machine.
async fn forward(shared: &Arc<Shared>, port: u16, stream: ResumableStream, from: String) {
    let to = Address::new(shared.host.name(), port);
    match shared.host.connect(&to).await {
        Ok(mut local) => {
            let handle = stream.handle().clone();
            let mut stream: Stream = Counted::wrap(stream, from, shared);
            // Either end may break at any time, which ends the other.
            if let Err(error) = tokio::io::copy_bidirectional(&mut stream, &mut local).await {
                handle.reset(&error.to_string());
            }
        }
        Err(error) => {
            tracing::debug!(%to, %error, "nothing listens where a stream was to go");
            stream.handle().reset(&format!("nothing listens on port {port} of the machine"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_names_a_service() {
        assert_eq!(Service::at(0), None);
        assert_eq!(Service::at(agent_port::KEEP_ALIVE), Some(Service::KeepAlive));
        assert_eq!(Service::at(agent_port::TERMINAL), Some(Service::Terminal));
        assert_eq!(Service::at(agent_port::SPEEDTEST), Some(Service::Speedtest));
        assert_eq!(Service::at(agent_port::HTTP_API), Some(Service::HttpApi));
        assert_eq!(Service::at(agent_port::FORWARD_MIN - 1), None);
        assert_eq!(Service::at(agent_port::FORWARD_MIN), Some(Service::Forward(1_024)));
        assert_eq!(Service::at(65_535), Some(Service::Forward(65_535)));
        assert_eq!(Service::at(65_536), None);
    }
}
