//! Datagrams: lost, doubled and overtaken as the links have it.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    task::{Context, Poll, Waker},
};

use groundhog_host::{Address, DatagramSocket, machine::BoxFuture, net};

use super::{
    Event, Network,
    connection::{self, Arrives},
    link::LinkId,
    link_between,
};
use crate::{
    arena::{Arena, Key},
    hosts::{HostId, Status},
    kernel::{self, Kernel},
};

/// How many datagrams wait for a socket that does not receive, before further ones are lost.
const QUEUE_MAX: usize = 256;

#[derive(Default)]
struct Socket {
    waiting: VecDeque<(Vec<u8>, Address)>,
    waker: Option<Waker>,
}

struct Packet {
    link: LinkId,
    from: Address,
    port: u16,
    bytes: Vec<u8>,
}

/// All datagram sockets, and the datagrams between them.
#[derive(Default)]
pub(crate) struct Datagrams {
    sockets: BTreeMap<(HostId, u16), Socket>,
    in_flight: Arena<Packet>,
}

impl Datagrams {
    /// The sockets of a host are gone with its software.
    pub(super) fn host_gone(&mut self, host: HostId) {
        self.sockets.retain(|(owner, _), _| *owner != host);
    }
}

/// Opens a port for datagrams.
pub(crate) fn bind(kernel: &Kernel, host: HostId, port: u16) -> io::Result<DatagramSocket> {
    let mut network = kernel.network.borrow_mut();
    let port = match port {
        0 => network
            .free_port(|network, port| network.datagrams.sockets.contains_key(&(host, port)))
            .ok_or_else(|| io::Error::new(io::ErrorKind::AddrInUse, "every ephemeral port has a socket"))?,
        port => port,
    };
    if network.datagrams.sockets.contains_key(&(host, port)) {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("port {port} has a socket already")));
    }
    network.datagrams.sockets.insert((host, port), Socket::default());
    let start = kernel.hosts.borrow()[host].start;
    Ok(DatagramSocket::new(SimDatagrams { host, start, port }))
}

fn send(kernel: &Kernel, socket: &SimDatagrams, bytes: &[u8], to: &Address) -> io::Result<()> {
    let (target, from) = {
        let hosts = kernel.hosts.borrow();
        let target = super::resolve(&hosts, socket.host, &to.host).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("{to}: no host of that name in this network"))
        })?;
        (target, Address::new(&*hosts[socket.host].name, socket.port))
    };
    let link = link_between(kernel, socket.host, target);
    let mut network = kernel.network.borrow_mut();
    let Network { links, datagrams, .. } = &mut *network;
    let path = &mut links[link.0 as usize];
    let copies = if path.doubles() { 2 } else { 1 };
    for _ in 0..copies {
        let arrives = path.arrival(kernel.now.get(), bytes.len());
        let packet = Packet { link, from: from.clone(), port: to.port, bytes: bytes.to_vec() };
        let key = datagrams.in_flight.insert(packet);
        kernel.schedule(arrives, kernel::Event::Network(Event::Datagram(key)));
    }
    Ok(())
}

pub(super) fn arrive(kernel: &Kernel, key: Key) {
    let hosts = kernel.hosts.borrow();
    let mut network = kernel.network.borrow_mut();
    let Network { links, datagrams, .. } = &mut *network;
    let Some(packet) = datagrams.in_flight.get(key) else { return };
    let link = &mut links[packet.link.0 as usize];
    let arrives = connection::gets_through(link, &hosts, Event::Datagram(key));
    if arrives == Arrives::Later {
        return;
    }
    let target = link.to;
    let Some(packet) = datagrams.in_flight.remove(key) else { return };
    if arrives == Arrives::Never || hosts[target].status != Status::Running {
        return;
    }
    if let Some(socket) = datagrams.sockets.get_mut(&(target, packet.port))
        && socket.waiting.len() < QUEUE_MAX
    {
        socket.waiting.push_back((packet.bytes, packet.from));
        if let Some(waker) = socket.waker.take() {
            waker.wake();
        }
    }
}

struct SimDatagrams {
    host: HostId,
    start: u32,
    port: u16,
}

impl SimDatagrams {
    fn alive<T>(&self, f: impl FnOnce(&Kernel) -> Poll<T>) -> Poll<T> {
        let result = kernel::with(|kernel| {
            let lives = kernel.hosts.borrow().lives(self.host, self.start);
            lives.then(|| f(kernel))
        });
        result.flatten().unwrap_or(Poll::Pending)
    }

    fn poll_receive(&self, context: &mut Context<'_>) -> Poll<io::Result<(Vec<u8>, Address)>> {
        self.alive(|kernel| {
            let mut network = kernel.network.borrow_mut();
            let Some(socket) = network.datagrams.sockets.get_mut(&(self.host, self.port)) else {
                return Poll::Pending;
            };
            match socket.waiting.pop_front() {
                Some(datagram) => Poll::Ready(Ok(datagram)),
                None => {
                    socket.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
}

impl net::Datagrams for SimDatagrams {
    fn send<'a>(&'a self, bytes: &'a [u8], to: &'a Address) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(std::future::poll_fn(|_| self.alive(|kernel| Poll::Ready(send(kernel, self, bytes, to)))))
    }

    fn receive(&self) -> BoxFuture<'_, io::Result<(Vec<u8>, Address)>> {
        Box::pin(std::future::poll_fn(|context| self.poll_receive(context)))
    }

    fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for SimDatagrams {
    fn drop(&mut self) {
        kernel::with(|kernel| {
            if kernel.hosts.borrow().lives(self.host, self.start) {
                kernel.network.borrow_mut().datagrams.sockets.remove(&(self.host, self.port));
            }
        });
    }
}
