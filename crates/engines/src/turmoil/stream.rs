//! One end of a stream of turmoil's, as the seam has it.

use std::{
    io,
    net::SocketAddr,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use groundhog_host::{Machine, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use super::{
    machine::TurmoilMachine,
    network::{Lane, WINDOW_BYTES},
    station::Station,
};

/// One end of a stream, on its own host.
struct End {
    io: TcpStream,
    station: Arc<Station>,
    here: SocketAddr,
    there: SocketAddr,
    /// What is written here.
    out: Arc<Lane>,
    /// What is read here.
    into: Arc<Lane>,
    is_finished: bool,
}

/// The end `io` on the host `station`, for components.
pub(crate) fn new(station: &Arc<Station>, io: TcpStream) -> io::Result<Stream> {
    let (here, there) = (io.local_addr()?, io.peer_addr()?);
    let peer = turmoil::reverse_lookup(there.ip()).unwrap_or_else(|| there.ip().to_string());
    let network = &station.network;
    let (out, into) = (network.lane((here, there)), network.lane((there, here)));
    Ok(Stream::new(End { io, station: station.clone(), here, there, out, into, is_finished: false }, peer))
}

/// A stream whose end is on `machine`, for use by code of another: a task of the machine's passes the bytes on.
pub(crate) fn brought_over(machine: &TurmoilMachine, mut stream: Stream) -> Stream {
    let (near, mut far) = tokio::io::duplex(WINDOW_BYTES);
    let peer = stream.peer().to_owned();
    let pass_on = async move {
        // However it ends, both ends are closed by it.
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut far).await;
    };
    machine.spawn("pass on", Location::caller(), Box::pin(pass_on)).detach();
    Stream::new(near, peer)
}

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the connection was reset")
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.into.is_broken() {
            return Poll::Ready(Err(reset()));
        }
        this.into.read_by(context);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(context, buffer))?;
        match buffer.filled().len() - before {
            // The end: turmoil ends the streams of a host that is killed in good order.
            0 if buffer.remaining() > 0 && this.into.was_killed() => Poll::Ready(Err(reset())),
            bytes => {
                this.into.read(bytes);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.out.is_broken() {
            return Poll::Ready(Err(reset()));
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(this.out.poll_room(context)).min(bytes.len());
        let written = ready!(Pin::new(&mut this.io).poll_write(context, &bytes[..room]))?;
        this.out.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.out.is_broken() {
            return Poll::Ready(Err(reset()));
        }
        // A second time is fine, which turmoil has otherwise.
        if !self.is_finished {
            ready!(Pin::new(&mut self.io).poll_shutdown(context))?;
            self.is_finished = true;
            self.out.finish();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let network = self.station.network.clone();
        // A machine without power says nothing, not even that nobody reads there any more.
        if !network.is_dark(&self.station.name) {
            self.into.abandon();
        }
        network.retire((self.here, self.there), &self.out);
        network.retire((self.there, self.here), &self.into);
    }
}
