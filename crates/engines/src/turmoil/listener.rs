//! Listening for streams.

use std::{io, net::Ipv4Addr, sync::Arc};

use groundhog_host::{Listener, Stream, machine::BoxFuture, net::Accept};
use tokio::sync::mpsc;
use turmoil::net::TcpListener;

use super::{machine::TurmoilMachine, resident::Resident, station::Station, stream};

/// How many streams may wait to be accepted. Who calls when as many do waits, too. Linux's `somaxconn` is as much.
const BACKLOG: usize = 4_096;

/// Listens on a port of the host that runs.
pub(crate) async fn listen(machine: &TurmoilMachine, port: u16) -> io::Result<Listener> {
    let station = machine.station.clone();
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("port {port} of host {}: {error}", station.name)))?;
    let port = listener.local_addr()?.port();
    let (sender, accepted) = mpsc::channel(BACKLOG);
    // turmoil leaves taking calls to whoever accepts, but who calls must not wait for that.
    let acceptor = Resident::new(machine, "acceptor", Box::pin(take_calls(station, listener, sender)));
    Ok(Listener::new(Accepting { accepted, port, _acceptor: acceptor }))
}

async fn take_calls(station: Arc<Station>, listener: TcpListener, sender: mpsc::Sender<Stream>) {
    loop {
        // In this order: a listener that is gone takes nobody any more.
        let accepted = tokio::select! {
            biased;
            () = sender.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = accepted.and_then(|(io, _)| stream::new(&station, io));
        let Ok(stream) = stream else { continue };
        if sender.send(stream).await.is_err() {
            return;
        }
    }
}

struct Accepting {
    accepted: mpsc::Receiver<Stream>,
    port: u16,
    _acceptor: Resident,
}

impl Accept for Accepting {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Stream>> {
        Box::pin(async {
            match self.accepted.recv().await {
                Some(stream) => Ok(stream),
                // The acceptor ends after its listener, unless the machine ends first.
                None => std::future::pending().await,
            }
        })
    }

    fn port(&self) -> u16 {
        self.port
    }
}
