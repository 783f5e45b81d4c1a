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
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let name = bracketed.unwrap_or(host);
        // Colons outside brackets are an IPv6 address whose last group would be taken for the port.
        let is_name = |c: char| !c.is_whitespace() && !c.is_control() && c != '[' && c != ']';
        if name.is_empty() || !name.chars().all(is_name) || (bracketed.is_none() && name.contains(':')) {
            return Err(error());
        }
        // Only digits: the standard parser would take a sign as well.
        match port.parse() {
            Ok(number @ 1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self::new(name, number)),
            _ => Err(error()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_and_prints() {
        let check = |text: &str, host: &str, port: u16, printed: &str| {
            assert_eq!(text.parse(), Ok(Address::new(host, port)));
            assert_eq!(Address::new(host, port).to_string(), printed);
        };
        check("control:7080", "control", 7080, "control:7080");
        check("a.b-c.example:1", "a.b-c.example", 1, "a.b-c.example:1");
        check("127.0.0.1:65535", "127.0.0.1", 65535, "127.0.0.1:65535");
        check("[::1]:80", "::1", 80, "[::1]:80");
        check("[name]:80", "name", 80, "name:80");
    }

    #[test]
    fn what_is_no_address_is_told_in_full() {
        let texts = [
            "",
            ":",
            "name",
            "name:",
            ":80",
            "name:0",
            "name:65536",
            "name:+80",
            "name:-1",
            "name:8o",
            "name: 80",
            " name:80",
            "na me:80",
            "::1:80",
            "::1",
            "[::1]",
            "[]:80",
            "[::1:80",
            "::1]:80",
            "[[::1]]:80",
        ];
        for text in texts {
            let error = text.parse::<Address>().expect_err(text);
            assert_eq!(
                error.to_string(),
                format!("{text:?} is not an address: expected NAME:PORT with a port from 1 to 65535")
            );
        }
    }
}
