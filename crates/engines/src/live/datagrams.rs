//! Datagrams that get through or do not.

use std::{io, sync::Arc};

use groundhog_host::{Address, DatagramSocket, machine::BoxFuture, net::Datagrams};
use tokio::runtime::Handle;

use super::{gate::Shut, network::Network};

/// A real socket behind the gates of its host.
pub(super) struct Gated {
    pub(super) socket: Arc<DatagramSocket>,
    pub(super) host: String,
    pub(super) network: Arc<Network>,
    pub(super) runtime: Handle,
}

impl Datagrams for Gated {
    fn send<'a>(&'a self, bytes: &'a [u8], to: &'a Address) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let to = Address::new(self.network.find(&self.host, &to.host)?, to.port);
            let gate = self.network.gate(&self.host, &to.host);
            match gate.is_shut() {
                None => self.socket.send(bytes, &to).await,
                Some(Shut::Cut) => Ok(()),
                Some(Shut::Held) => {
                    let (socket, bytes) = (self.socket.clone(), bytes.to_vec());
                    self.runtime.spawn(async move {
                        gate.opened().await;
                        // Whether it arrives nobody was promised.
                        let _ = socket.send(&bytes, &to).await;
                    });
                    Ok(())
                }
            }
        })
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(Vec<u8>, Address)>> {
        Box::pin(self.socket.receive())
    }

    fn port(&self) -> u16 {
        self.socket.port()
    }
}
