//! Byte streams and datagrams between hosts.

use std::{
    fmt, io,
    pin::Pin,
    str::FromStr,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::machine::BoxFuture;

/// Where a listener is: a host's name and a port. Written `name:port`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The host's name, or whatever the engine's network resolves (live: a DNS name or an IP address).
    pub host: String,
    /// The port, 1 to 65535.
    pub port: u16,
}

impl Address {
    /// The address of `port` on `host`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An IPv6 address has colons of its own and is set in brackets.
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The text was not `name:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError(String);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an address: expected NAME:PORT with a port from 1 to 65535", self.0)
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port: u16 = port.parse().map_err(|_| error())?;
        if host.is_empty() || port == 0 { Err(error()) } else { Ok(Self::new(host, port)) }
    }
}

/// What an engine's byte stream can do.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A byte stream between two hosts: ordered, reliable, with back-pressure. Shutting down the write side leaves
/// the read side open. Dropping it closes both.
///
/// A stream whose path is cut does not fail by itself: it hangs until something times out.
pub struct Stream {
    io: Box<dyn Io>,
    peer: String,
}

impl Stream {
    /// A stream over `io` whose other end is on the host `peer`.
    pub fn new(io: impl Io, peer: impl Into<String>) -> Self {
        Self { io: Box::new(io), peer: peer.into() }
    }

    /// The other end's host, as far as the network knows it. For diagnostics; not an identity.
    pub fn peer(&self) -> &str {
        &self.peer
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(context)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// What an engine's listener can do.
pub trait Accept: Send + 'static {
    /// The next stream, in the order in which handshakes completed.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Stream>>;

    /// The port listened on.
    fn port(&self) -> u16;
}

/// Accepts byte streams. Dropping it refuses those that nobody accepted yet, and frees the port.
pub struct Listener {
    accept: Box<dyn Accept>,
}

impl Listener {
    /// A listener over an engine's own.
    pub fn new(accept: impl Accept) -> Self {
        Self { accept: Box::new(accept) }
    }

    /// Waits for the next stream. Cancel safe.
    pub async fn accept(&mut self) -> io::Result<Stream> {
        self.accept.accept().await
    }

    /// The port listened on.
    pub fn port(&self) -> u16 {
        self.accept.port()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("port", &self.port()).finish_non_exhaustive()
    }
}

/// The largest datagram that [`DatagramSocket::send`] takes, in bytes: what fits an Ethernet frame without
/// fragmentation on any real path.
pub const DATAGRAM_BYTES_MAX: usize = 1_400;

/// What an engine's datagram socket can do.
pub trait Datagrams: Send + Sync + 'static {
    /// Sends one datagram, without any promise that it arrives.
    fn send<'a>(&'a self, bytes: &'a [u8], to: &'a Address) -> BoxFuture<'a, io::Result<()>>;

    /// The next datagram and who sent it.
    fn receive(&self) -> BoxFuture<'_, io::Result<(Vec<u8>, Address)>>;

    /// The port bound.
    fn port(&self) -> u16;
}

/// Sends and receives datagrams, which may be lost, doubled or reordered on the way.
pub struct DatagramSocket {
    datagrams: Box<dyn Datagrams>,
}

impl DatagramSocket {
    /// A socket over an engine's own.
    pub fn new(datagrams: impl Datagrams) -> Self {
        Self { datagrams: Box::new(datagrams) }
    }

    /// Sends one datagram. Fails with [`InvalidInput`](io::ErrorKind::InvalidInput) above
    /// [`DATAGRAM_BYTES_MAX`]; succeeds when the datagram is lost, as networks do.
    pub async fn send(&self, bytes: &[u8], to: &Address) -> io::Result<()> {
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a datagram of {} bytes is over the limit of {DATAGRAM_BYTES_MAX}", bytes.len()),
            ));
        }
        self.datagrams.send(bytes, to).await
    }

    /// Waits for the next datagram. Cancel safe.
    pub async fn receive(&self) -> io::Result<(Vec<u8>, Address)> {
        self.datagrams.receive().await
    }

    /// The port bound.
    pub fn port(&self) -> u16 {
        self.datagrams.port()
    }
}

impl fmt::Debug for DatagramSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramSocket").field("port", &self.port()).finish_non_exhaustive()
    }
}
