//! Datagrams.

use std::{io, net::Ipv4Addr};

use groundhog_host::{
    Address, DatagramSocket,
    machine::BoxFuture,
    net::{DATAGRAM_BYTES_MAX, Datagrams},
};
use tokio::sync::{Mutex, mpsc};
use turmoil::net::UdpSocket;

use super::{machine::TurmoilMachine, resident::Resident};

/// How many datagrams may wait to be received or to be sent; more are lost, as in a full buffer.
const QUEUE: usize = 256;

type Datagram = (Vec<u8>, Address);

/// A socket: a task of its machine's sends and receives, so that it can be used by anybody's code.
struct Socket {
    port: u16,
    outgoing: mpsc::Sender<Datagram>,
    incoming: Mutex<mpsc::Receiver<Datagram>>,
    _work: Resident,
}

/// Binds a port of the host that runs.
pub(crate) async fn bind(machine: &TurmoilMachine, port: u16) -> io::Result<DatagramSocket> {
    let name = &machine.station.name;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("datagram port {port} of host {name}: {error}")))?;
    let port = socket.local_addr()?.port();
    let (outgoing, to_send) = mpsc::channel(QUEUE);
    let (received, incoming) = mpsc::channel(QUEUE);
    let work = Resident::new(machine, "datagrams", Box::pin(pass_on(socket, to_send, received)));
    Ok(DatagramSocket::new(Socket { port, outgoing, incoming: Mutex::new(incoming), _work: work }))
}

async fn pass_on(socket: UdpSocket, mut to_send: mpsc::Receiver<Datagram>, received: mpsc::Sender<Datagram>) {
    let mut buffer = [0; DATAGRAM_BYTES_MAX];
    loop {
        // In this order: a socket that is gone receives nothing any more.
        tokio::select! {
            biased;
            outgoing = to_send.recv() => {
                let Some((bytes, to)) = outgoing else { return };
                // To nobody, or to a name that nobody has: lost, as datagrams may be.
                let _ = socket.send_to(&bytes, (to.host.as_str(), to.port)).await;
            }
            incoming = socket.recv_from(&mut buffer) => {
                let Ok((count, from)) = incoming else { return };
                let name = turmoil::reverse_lookup(from.ip()).unwrap_or_else(|| from.ip().to_string());
                let _ = received.try_send((buffer[..count].to_vec(), Address::new(name, from.port())));
            }
        }
    }
}

impl Datagrams for Socket {
    fn send<'a>(&'a self, bytes: &'a [u8], to: &'a Address) -> BoxFuture<'a, io::Result<()>> {
        let _ = self.outgoing.try_send((bytes.to_vec(), to.clone()));
        Box::pin(std::future::ready(Ok(())))
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(Vec<u8>, Address)>> {
        Box::pin(async {
            match self.incoming.lock().await.recv().await {
                Some(datagram) => Ok(datagram),
                // It died with its machine.
                None => std::future::pending().await,
            }
        })
    }

    fn port(&self) -> u16 {
        self.port
    }
}
