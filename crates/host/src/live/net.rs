//! Streams over TCP, datagrams over UDP.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

use super::{Directory, LiveConfig, named};
use crate::{
    machine::BoxFuture,
    net::{Accept, Address, DATAGRAM_BYTES_MAX, DatagramSocket, Datagrams, Listener, Stream},
};

/// Opens a stream to the first of the name's addresses that takes one.
pub(super) async fn connect(config: &LiveConfig, to: &Address) -> io::Result<Stream> {
    let mut failure = None;
    for address in resolve(&config.directory, to).await? {
        match open(config.bind, address).await {
            Ok(stream) => return Ok(Stream::new(stream, to.host.clone())),
            Err(error) => failure = Some(error),
        }
    }
    let failure = failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    Err(named(failure, format_args!("connecting to {to}")))
}

async fn open(bind: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Between loopback addresses the peer sees which machine calls. Elsewhere the route decides: a stream
    // that starts at a loopback address gets nowhere.
    if bind.is_loopback() && to.ip().is_loopback() && bind.is_ipv4() == to.is_ipv4() {
        socket.bind(SocketAddr::new(bind, 0))?;
    }
    let stream = socket.connect(to).await?;
    // A socket that happens to be given the very port it calls connects to itself. Nobody listens there.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn resolve(directory: &Directory, to: &Address) -> io::Result<Vec<SocketAddr>> {
    if let Some(address) = directory.address(&to.host) {
        return Ok(vec![SocketAddr::new(address, to.port)]);
    }
    match tokio::net::lookup_host((to.host.as_str(), to.port)).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(io::Error::new(io::ErrorKind::NotFound, format!("finding the host {}: {error}", to.host))),
    }
}

/// How the network knows the machine at `address`.
fn host_name(directory: &Directory, address: IpAddr) -> String {
    let address = address.to_canonical();
    directory.name(address).unwrap_or_else(|| address.to_string())
}

/// Listens on the machine's address.
pub(super) async fn listen(config: &LiveConfig, port: u16) -> io::Result<Listener> {
    let place = SocketAddr::new(config.bind, port);
    let bound = async {
        let listener = TcpListener::bind(place).await?;
        let port = listener.local_addr()?.port();
        Ok(LiveListener { listener, port, directory: config.directory.clone() })
    };
    match bound.await {
        Ok(listener) => Ok(Listener::new(listener)),
        Err(error) => Err(named(error, format_args!("listening on {place}"))),
    }
}

struct LiveListener {
    listener: TcpListener,
    port: u16,
    directory: Directory,
}

impl Accept for LiveListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Stream>> {
        Box::pin(async move {
            loop {
                match self.listener.accept().await {
                    Ok((stream, peer)) => {
                        // Fails only for a stream that has ended already, which its first read will tell.
                        let _ = stream.set_nodelay(true);
                        return Ok(Stream::new(stream, host_name(&self.directory, peer.ip())));
                    }
                    // A caller that gave up while it waited is no failure of the listener.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => return Err(named(error, format_args!("accepting on port {}", self.port))),
                }
            }
        })
    }

    fn port(&self) -> u16 {
        self.port
    }
}

/// Binds a datagram socket to the machine's address.
pub(super) async fn bind_datagram(config: &LiveConfig, port: u16) -> io::Result<DatagramSocket> {
    let place = SocketAddr::new(config.bind, port);
    let bound = async {
        let socket = UdpSocket::bind(place).await?;
        let port = socket.local_addr()?.port();
        Ok(LiveDatagrams { socket, port, directory: config.directory.clone() })
    };
    match bound.await {
        Ok(datagrams) => Ok(DatagramSocket::new(datagrams)),
        Err(error) => Err(named(error, format_args!("binding datagrams to {place}"))),
    }
}

struct LiveDatagrams {
    socket: UdpSocket,
    port: u16,
    directory: Directory,
}

impl LiveDatagrams {
    async fn send_to(&self, bytes: &[u8], to: &Address) -> io::Result<()> {
        let own = self.socket.local_addr()?;
        let addresses = resolve(&self.directory, to).await?;
        let address = addresses.into_iter().find(|address| address.is_ipv4() == own.is_ipv4()).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("the name has no address that {own} can send to"))
        })?;
        match self.socket.send_to(bytes, address).await {
            // What an earlier datagram's fate or the route tells the sender is no part of a datagram's promise.
            Err(error) if is_loss(error.kind()) => Ok(()),
            result => result.map(drop),
        }
    }
}

impl Datagrams for LiveDatagrams {
    fn send<'a>(&'a self, bytes: &'a [u8], to: &'a Address) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let sent = self.send_to(bytes, to).await;
            sent.map_err(|error| named(error, format_args!("sending a datagram to {to}")))
        })
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(Vec<u8>, Address)>> {
        Box::pin(async move {
            // One byte more than any datagram of ours has: a fuller buffer means a stranger's, cut off.
            let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
            loop {
                match self.socket.recv_from(&mut buffer).await {
                    Ok((length, from)) if length > DATAGRAM_BYTES_MAX => {
                        tracing::debug!(%from, "dropped a datagram above {DATAGRAM_BYTES_MAX} bytes");
                    }
                    Ok((length, from)) => {
                        buffer.truncate(length);
                        return Ok((buffer, Address::new(host_name(&self.directory, from.ip()), from.port())));
                    }
                    Err(error) if is_loss(error.kind()) => {}
                    Err(error) => return Err(named(error, format_args!("receiving datagrams on port {}", self.port))),
                }
            }
        })
    }

    fn port(&self) -> u16 {
        self.port
    }
}

fn is_loss(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    matches!(kind, ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable)
}
