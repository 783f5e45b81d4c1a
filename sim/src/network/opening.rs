//! How a connection comes to be: a request travels, is accepted, refused or lost, and the answer travels back.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use groundhog_host::{Address, Listener, Stream, machine::BoxFuture, net::Accept};

use super::{
    Event, Network, Side,
    connection::{self, Arrives, Connection, End, Lane, SimStream},
    link::{OPENING_RETRIES_MAX, opening_retry_delay},
    link_between,
};
use crate::{
    arena::Key,
    hosts::{HostId, Status},
    kernel::{self, Kernel},
};

/// How many connections wait for a listener that does not accept, before further requests are dropped.
pub(crate) const BACKLOG: usize = 128;

/// A port with a listener.
#[derive(Default)]
pub(crate) struct Listening {
    waiting: VecDeque<Key>,
    waker: Option<Waker>,
}

/// Sends a request to open a connection.
pub(crate) fn connect(kernel: &Kernel, from: HostId, to: &Address) -> io::Result<Connecting> {
    let target = super::resolve(&kernel.hosts.borrow(), from, &to.host).ok_or_else(|| {
        io::Error::new(io::ErrorKind::NotFound, format!("{to}: no host of that name in this network"))
    })?;
    let (there, back) = (link_between(kernel, from, target), link_between(kernel, target, from));
    let mut network = kernel.network.borrow_mut();
    let key = network.connections.insert(Connection {
        ends: [End::new(from, true), End::new(target, false)],
        lanes: [Lane::new(there), Lane::new(back)],
        port: to.port,
        established: false,
        retries: 0,
    });
    let arrives = kernel.now.get() + network.link_mut(there).latency();
    kernel.schedule(arrives, kernel::Event::Network(Event::Opening(key)));
    Ok(Connecting { key, peer: to.host.clone(), to: to.clone(), established: false })
}

/// Tries again after an unanswered request, or gives up when it is time to do so once too often: the last request is
/// waited for as long as it would take to send another.
fn retry(kernel: &Kernel, network: &mut Network, key: Key) {
    let Some(connection) = network.connections.get_mut(key) else { return };
    connection.retries += 1;
    let at = kernel.now.get() + opening_retry_delay(connection.retries);
    kernel.schedule(at, kernel::Event::Network(Event::Opening(key)));
}

pub(super) fn request_arrives(kernel: &Kernel, key: Key) {
    let mut network = kernel.network.borrow_mut();
    let hosts = kernel.hosts.borrow();
    let Network { connections, links, listening, .. } = &mut *network;
    let Some(connection) = connections.get_mut(key) else { return };
    if connection.established || !connection.ends[0].open {
        return;
    }
    if connection.retries > OPENING_RETRIES_MAX {
        return connection.end(Side::Opener).fail(io::ErrorKind::TimedOut);
    }
    let there = &mut links[connection.lanes[0].link.0 as usize];
    match connection::gets_through(there, &hosts, Event::Opening(key)) {
        Arrives::Later => return,
        Arrives::Never => return retry(kernel, &mut network, key),
        Arrives::Now => {}
    }
    let target = connection.ends[1].host;
    let back = &mut links[connection.lanes[1].link.0 as usize];
    let answered = kernel.now.get() + back.latency();
    let listener = listening.get_mut(&(target, connection.port)).filter(|_| hosts[target].status == Status::Running);
    let answer = match listener {
        // The answer to an earlier request was lost: the same answer again.
        _ if connection.ends[1].open => Event::Opened(key),
        None => Event::Refused(key),
        Some(listener) if listener.waiting.len() >= BACKLOG => return retry(kernel, &mut network, key),
        Some(listener) => {
            connection.ends[1].open = true;
            connection.lanes[1].not_before(answered);
            listener.waiting.push_back(key);
            if let Some(waker) = listener.waker.take() {
                waker.wake();
            }
            Event::Opened(key)
        }
    };
    kernel.schedule(answered, kernel::Event::Network(answer));
}

/// Whether the answer of a request reaches the opener; a lost one makes it ask again.
fn answer_arrives(kernel: &Kernel, network: &mut Network, key: Key, event: Event) -> bool {
    let hosts = kernel.hosts.borrow();
    let Some(connection) = network.connections.get(key) else { return false };
    let back = &mut network.links[connection.lanes[1].link.0 as usize];
    match connection::gets_through(back, &hosts, event) {
        Arrives::Now => true,
        Arrives::Later => false,
        Arrives::Never => {
            retry(kernel, network, key);
            false
        }
    }
}

pub(super) fn acceptance_arrives(kernel: &Kernel, key: Key) {
    let mut network = kernel.network.borrow_mut();
    if answer_arrives(kernel, &mut network, key, Event::Opened(key))
        && let Some(connection) = network.connections.get_mut(key)
    {
        connection.established = true;
        connection.end(Side::Opener).wake();
    }
}

pub(super) fn refusal_arrives(kernel: &Kernel, key: Key) {
    let mut network = kernel.network.borrow_mut();
    if answer_arrives(kernel, &mut network, key, Event::Refused(key))
        && let Some(connection) = network.connections.get_mut(key)
    {
        connection.end(Side::Opener).fail(io::ErrorKind::ConnectionRefused);
    }
}

/// A connection that is being opened. Dropping it gives the attempt up.
pub(crate) struct Connecting {
    key: Key,
    peer: String,
    to: Address,
    established: bool,
}

impl Future for Connecting {
    type Output = io::Result<Stream>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        let outcome = kernel::with(|kernel| {
            let mut network = kernel.network.borrow_mut();
            let connection = network.connections.get_mut(self.key).filter(|connection| connection.ends[0].open)?;
            if connection.established {
                return Some(Ok(()));
            }
            let end = connection.end(Side::Opener);
            if end.failure.is_none() {
                end.reader.register(context);
            }
            end.failure.map(Err)
        });
        match outcome.flatten() {
            None => Poll::Pending,
            Some(Ok(())) => {
                self.established = true;
                Poll::Ready(Ok(Stream::new(SimStream { key: self.key, side: Side::Opener }, &*self.peer)))
            }
            Some(Err(kind)) => Poll::Ready(Err(io::Error::new(kind, format!("{}: {kind}", self.to)))),
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if !self.established {
            kernel::with(|kernel| connection::close(kernel, self.key, Side::Opener));
        }
    }
}

/// Opens a port.
pub(crate) fn listen(kernel: &Kernel, host: HostId, port: u16) -> io::Result<Listener> {
    let mut network = kernel.network.borrow_mut();
    let port = match port {
        0 => network
            .free_port(|network, port| network.listening.contains_key(&(host, port)))
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "every ephemeral port has a listener"))?,
        port => port,
    };
    if network.listening.contains_key(&(host, port)) {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("port {port} has a listener already")));
    }
    network.listening.insert((host, port), Listening::default());
    let start = kernel.hosts.borrow()[host].start;
    Ok(Listener::new(SimListener { host, start, port }))
}

struct SimListener {
    host: HostId,
    start: u32,
    port: u16,
}

impl SimListener {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        let accepted = kernel::with(|kernel| {
            let hosts = kernel.hosts.borrow();
            if !hosts.lives(self.host, self.start) {
                return None;
            }
            let mut network = kernel.network.borrow_mut();
            let Network { connections, listening, .. } = &mut *network;
            let listening = listening.get_mut(&(self.host, self.port))?;
            while let Some(key) = listening.waiting.pop_front() {
                if let Some(connection) = connections.get(key) {
                    return Some((key, hosts[connection.ends[0].host].name.to_string()));
                }
            }
            listening.waker = Some(context.waker().clone());
            None
        });
        match accepted.flatten() {
            Some((key, peer)) => Poll::Ready(Ok(Stream::new(SimStream { key, side: Side::Accepter }, peer))),
            None => Poll::Pending,
        }
    }
}

impl Accept for SimListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Stream>> {
        Box::pin(std::future::poll_fn(|context| self.poll_accept(context)))
    }

    fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        kernel::with(|kernel| {
            // A listener of an earlier start must not close the port of the present one.
            if !kernel.hosts.borrow().lives(self.host, self.start) {
                return;
            }
            let closed = kernel.network.borrow_mut().listening.remove(&(self.host, self.port));
            for key in closed.into_iter().flat_map(|listening| listening.waiting) {
                connection::refuse(kernel, key);
            }
        });
    }
}
