//! Listening for streams.

use std::{
    future::poll_fn,
    io,
    net::Ipv4Addr,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use groundhog_host::{Listener, Machine, Stream, machine::BoxFuture, net::Accept};
use tokio::sync::mpsc;
use turmoil::net::TcpListener;

use super::{machine::TurmoilMachine, station::Station, stream};

/// How many streams may wait to be accepted. Who calls when as many do waits, too. Linux's `somaxconn` is as much.
const BACKLOG: usize = 4_096;

/// What takes calls, which turmoil leaves to whoever accepts: who calls must not wait for that. Behind a lock, so that the
/// listener can drop it, and with it free the port at once.
type Acceptor = Arc<Mutex<Option<BoxFuture<'static, ()>>>>;

fn lock(acceptor: &Acceptor) -> MutexGuard<'_, Option<BoxFuture<'static, ()>>> {
    acceptor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens on a port of the host that runs.
pub(crate) async fn listen(machine: &TurmoilMachine, port: u16) -> io::Result<Listener> {
    let station = machine.station.clone();
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("port {port} of host {}: {error}", station.name)))?;
    let port = listener.local_addr()?.port();
    let (sender, accepted) = mpsc::channel(BACKLOG);
    let take_calls: BoxFuture<'static, ()> = Box::pin(take_calls(station.clone(), listener, sender));
    let acceptor: Acceptor = Arc::new(Mutex::new(Some(take_calls)));
    let accepting = acceptor.clone();
    let task = poll_fn(move |context| match lock(&accepting).as_mut() {
        Some(take_calls) => take_calls.as_mut().poll(context),
        None => Poll::Ready(()),
    });
    machine.spawn("acceptor", Location::caller(), Box::pin(task)).detach();
    Ok(Listener::new(Accepting { accepted, acceptor, station, port }))
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
    acceptor: Acceptor,
    station: Arc<Station>,
    port: u16,
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

impl Drop for Accepting {
    fn drop(&mut self) {
        // Elsewhere the port can't be freed; the acceptor sees that nobody is left, and does.
        if self.station.runs() {
            let acceptor = lock(&self.acceptor).take();
            drop(acceptor);
        }
    }
}
