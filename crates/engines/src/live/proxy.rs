//! The local proxy: every stream between two hosts goes through it, so that a path can be cut.
//!
//! A stream is three sockets in a row: from the host that opens it to the proxy, and from there, by the first host's
//! address, to the other's. While the path is shut nothing is handed on: senders come to a stop when the buffers are full,
//! and when it is open again everything goes on where it stopped, as TCP has it.

use std::{io, net::Ipv4Addr, net::SocketAddrV4, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, tcp},
    runtime::Handle,
};

use super::{
    gate::Gate,
    network::{Listed, Network, Path},
};

/// How much the proxy reads at once, in bytes.
const READ_BYTES: usize = 16 << 10;

/// Opens a stream from one host to a port of another. It hangs while packets do not get through.
pub(super) async fn open(
    runtime: &Handle,
    network: &Arc<Network>,
    from: &str,
    to: &str,
    port: u16,
) -> io::Result<TcpStream> {
    let path = network.path(from, to)?;
    path.opened().await;
    let far = call(path.from, SocketAddrV4::new(path.to, port)).await?;
    // What a fault does to streams that are open it does to this one, from here on.
    let listed = network.list(from, to);
    let listener = TcpListener::bind(SocketAddrV4::new(network.proxy, 0)).await?;
    let std::net::SocketAddr::V4(door) = listener.local_addr()? else {
        return Err(io::Error::other("the proxy's address is not one of version 4"));
    };
    let own = call(path.from, door).await?;
    let near = loop {
        let (near, peer) = listener.accept().await?;
        // Whoever else on this machine tries the door is sent away.
        if peer == own.local_addr()? {
            break near;
        }
    };
    near.set_nodelay(true)?;
    runtime.spawn(carry(near, far, path, listed));
    Ok(own)
}

async fn call(from: Ipv4Addr, to: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddrV4::new(from, 0).into())?;
    let stream = socket.connect(to.into()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Hands on what comes from either side, until both have ended.
async fn carry(mut near: TcpStream, mut far: TcpStream, path: Path, listed: Listed) {
    let ends = listed.ends.clone();
    let carried = {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let both =
            async { tokio::try_join!(one_way(near_in, far_out, &path.there), one_way(far_in, near_out, &path.back)) };
        // In this order: what is silent or broken by now carries nothing more.
        tokio::select! {
            biased;
            () = ends.silence.cancelled() => Carried::Silent,
            () = ends.reset.cancelled() => Carried::Broken,
            result = both => if result.is_ok() { Carried::All } else { Carried::Failed },
        }
    };
    match carried {
        Carried::All => return,
        // The sockets stay open, so that no side is told.
        Carried::Silent => std::future::pending().await,
        Carried::Broken => {}
        // One side has broken it, which the other learns once a packet gets through.
        Carried::Failed => {
            // In this order: as above.
            tokio::select! {
                biased;
                () = ends.silence.cancelled() => std::future::pending().await,
                () = ends.reset.cancelled() => {}
                () = path.opened() => {}
            }
        }
    }
    for side in [&near, &far] {
        // Fails only for a side that is gone, and need not be told.
        let _ = side.set_zero_linger();
    }
}

/// What became of a stream.
enum Carried {
    /// Everything was handed on, and both sides have ended.
    All,
    /// A side has broken it.
    Failed,
    /// A fault has.
    Broken,
    /// A machine is gone.
    Silent,
}

async fn one_way(mut from: tcp::ReadHalf<'_>, mut to: tcp::WriteHalf<'_>, gate: &Gate) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        gate.opened().await;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..count]).await?;
    }
}
