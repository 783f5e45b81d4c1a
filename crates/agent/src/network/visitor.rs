//! One stream to an agent, from its hello to its end.

use std::{io, sync::Arc, time::Duration};

use groundhog_host::{Address, Stream};
use groundhog_wire::{
    agent_port, frame,
    v1::{PeerHello, PeerWelcome},
};
use prost::Message;
use tokio_util::sync::CancellationToken;

use crate::{http::api, shared::Shared, speedtest, stats::counted::Counted};

/// How long whoever connects may take to say who they are.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
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
    /// What is behind a port of the agent's.
    fn at(port: u32) -> Option<Self> {
        match port {
            agent_port::TERMINAL => Some(Self::Terminal),
            agent_port::SPEEDTEST => Some(Self::Speedtest),
            agent_port::HTTP_API => Some(Self::HttpApi),
            agent_port::FORWARD_MIN.. => u16::try_from(port).ok().map(Self::Forward),
            _ => None,
        }
    }

    /// As stats name it.
    const fn protocol(self) -> &'static str {
        match self {
            Self::Terminal => "pty",
            Self::Speedtest => "speedtest",
            Self::HttpApi => "http",
            Self::Forward(_) => "forward",
        }
    }
}

/// Serves a stream until it, its peer or the service has gone.
pub(super) async fn serve(shared: &Arc<Shared>, mut stream: Stream) {
    let admitted = match shared.host.timeout(HELLO_TIMEOUT, hello(shared, &mut stream)).await {
        Ok(Ok(admitted)) => admitted,
        Ok(Err(error)) => return tracing::debug!(peer = stream.peer(), %error, "a stream was not let in"),
        Err(_) => return tracing::debug!(peer = stream.peer(), "a stream did not say hello"),
    };
    let (service, gone) = admitted;
    shared.stats.counters().connected(service.protocol());
    let stream = Counted::wrap(stream, shared);
    tokio::select! {
        biased;
        // The end first: a peer that has gone for good is not served.
        () = gone.cancelled() => {}
        () = carry_out(shared, service, stream) => {}
    }
}

/// Takes the hello and answers it. What the stream is for, and what ends with its peer.
async fn hello(shared: &Shared, stream: &mut Stream) -> io::Result<(Service, CancellationToken)> {
    let hello = PeerHello::decode(frame::read(stream).await?.as_slice()).map_err(io::Error::other)?;
    let admitted = shared.network.peers().admit(&hello.peer_id, &hello.secret, shared.host.now());
    // Who is not let in learns nothing of what there is.
    let answer = match (admitted, Service::at(hello.port)) {
        (None, _) => Err("this peer is not let in".to_owned()),
        (Some(_), None) => Err(format!("nothing is served on port {}", hello.port)),
        (Some(gone), Some(service)) => Ok((service, gone)),
    };
    let error = answer.as_ref().err().cloned().unwrap_or_default();
    frame::write(stream, &PeerWelcome { error, ..PeerWelcome::default() }.encode_to_vec()).await?;
    answer.map_err(io::Error::other)
}

async fn carry_out(shared: &Arc<Shared>, service: Service, mut stream: Stream) {
    match service {
        Service::Terminal => match shared.surroundings.login_shell().await {
            Ok(shell) => {
                let _visit = shared.connections.begin("reconnecting_pty", stream.peer());
                shared.terminals.serve(stream, shell).await;
            }
            Err(error) => tracing::debug!(%error, "a terminal could not be begun"),
        },
        Service::Speedtest => speedtest::serve(&shared.host, stream).await,
        Service::HttpApi => {
            let own = shared.network.port().unwrap_or(shared.config().listen_port);
            api::serve(&shared.host, own, stream).await;
        }
        Service::Forward(port) => {
            let to = Address::new(shared.host.name(), port);
            match shared.host.connect(&to).await {
                Ok(mut local) => {
                    // Either end may break at any time, which ends the other.
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut local).await;
                }
                Err(error) => tracing::debug!(%to, %error, "nothing listens where a stream was to go"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_names_a_service() {
        assert_eq!(Service::at(0), None);
        assert_eq!(Service::at(agent_port::TERMINAL), Some(Service::Terminal));
        assert_eq!(Service::at(agent_port::SPEEDTEST), Some(Service::Speedtest));
        assert_eq!(Service::at(agent_port::HTTP_API), Some(Service::HttpApi));
        assert_eq!(Service::at(agent_port::FORWARD_MIN - 1), None);
        assert_eq!(Service::at(agent_port::FORWARD_MIN), Some(Service::Forward(1_024)));
        assert_eq!(Service::at(65_535), Some(Service::Forward(65_535)));
        assert_eq!(Service::at(65_536), None);
    }
}
