//! Byte streams: two lanes of bytes between two ends.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    Event, Network, Side,
    link::{Link, LinkId, RETRANSMISSIONS_MAX},
};
use crate::{
    arena::Key,
    hosts::{HostId, Hosts, Status},
    kernel::{self, Kernel},
    trace::Step,
};

/// How many bytes may be on their way or unread on one lane before the writer must wait: the usual first size
/// of a socket's send and receive buffers taken together.
const WINDOW_BYTES: usize = 256 << 10;

/// What one write put on the lane.
struct Segment {
    bytes: u32,
    /// The sender has nothing more to say after this.
    last: bool,
    arrives: u64,
}

/// The bytes from one side to the other.
pub(super) struct Lane {
    pub(super) link: LinkId,
    /// The bytes that have arrived and were not read, then those in flight.
    bytes: VecDeque<u8>,
    /// How many of `bytes` have arrived.
    arrived: u32,
    /// The first segment in flight: its arrival is in the queue, or held on the link.
    first: Option<Segment>,
    /// Those behind it. Mostly none: a lane that carries one message at a time allocates nothing here.
    #[allow(clippy::box_collection, reason = "eight bytes instead of thirty-two, in what every round trip fetches")]
    behind: Option<Box<VecDeque<Segment>>>,
    /// How often the first segment was lost.
    losses: u8,
    /// The sender has closed its side; nothing more is written.
    finished: bool,
    /// The receiver has been told so.
    end_arrived: bool,
    /// Nothing is sent again any more: the sending machine has lost power or forgotten the connection.
    abandoned: bool,
    /// When the latest segment arrives: a later one arrives no earlier.
    latest_arrival: u64,
    /// Bytes that were read, which the sender does not know yet.
    unacknowledged: u32,
    /// When the last of them were read.
    read_at: u64,
    /// Whether an acknowledgement is on its way.
    acknowledging: bool,
}

impl Lane {
    pub(super) fn new(link: LinkId) -> Self {
        Self {
            link,
            bytes: VecDeque::new(),
            arrived: 0,
            first: None,
            behind: None,
            losses: 0,
            finished: false,
            end_arrived: false,
            abandoned: false,
            latest_arrival: 0,
            unacknowledged: 0,
            read_at: 0,
            acknowledging: false,
        }
    }

    /// How many bytes of the window are taken.
    #[inline]
    fn in_use(&self) -> usize {
        self.bytes.len() + self.unacknowledged as usize
    }

    /// Nothing sent after this arrives before `time`.
    pub(super) fn not_before(&mut self, time: u64) {
        self.latest_arrival = self.latest_arrival.max(time);
    }

    /// Puts a segment on its way. Gives the time of its arrival if it is the first in flight.
    // Every write comes through here, and the compiler finds it a little too long by itself.
    #[inline(always)]
    fn send(&mut self, link: &mut Link, now: u64, bytes: usize, last: bool) -> Option<u64> {
        let arrives = link.arrival(now, bytes).max(self.latest_arrival);
        self.latest_arrival = arrives;
        // A write is never larger than the window, which fits.
        let segment = Segment { bytes: bytes as u32, last, arrives };
        if self.first.is_some() {
            self.behind.get_or_insert_default().push_back(segment);
            return None;
        }
        self.first = Some(segment);
        Some(arrives)
    }

    /// Forgets what is in flight.
    fn drop_in_flight(&mut self) {
        self.first = None;
        self.behind = None;
        self.bytes.truncate(self.arrived as usize);
    }
}

/// Who is to be woken when there is something to read. The waker is kept when it has been used: the same task reads
/// again nearly always, and cloning a waker costs more than looking whether it is the same.
#[derive(Default)]
pub(super) struct Reader {
    waker: Option<Waker>,
    waits: bool,
}

impl Reader {
    #[inline]
    pub(super) fn register(&mut self, context: &Context<'_>) {
        self.waits = true;
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
    }

    #[inline]
    fn wake(&mut self) {
        if std::mem::take(&mut self.waits)
            && let Some(waker) = &self.waker
        {
            waker.wake_by_ref();
        }
    }
}

/// One end of a connection.
pub(super) struct End {
    pub(super) host: HostId,
    /// Whether a program on that host holds it, or a listener holds it for one.
    pub(super) open: bool,
    pub(super) failure: Option<io::ErrorKind>,
    pub(super) reader: Reader,
    writer: Option<Waker>,
}

impl End {
    pub(super) fn new(host: HostId, open: bool) -> Self {
        Self { host, open, failure: None, reader: Reader::default(), writer: None }
    }

    pub(super) fn wake(&mut self) {
        self.reader.wake();
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }

    /// From now on every operation at this end fails. The first reason stands.
    pub(super) fn fail(&mut self, kind: io::ErrorKind) {
        self.failure.get_or_insert(kind);
        self.wake();
    }

    fn abandon(&mut self) {
        self.open = false;
        self.reader = Reader::default();
        self.writer = None;
    }
}

/// A byte stream between two hosts, from the first request to open it until both ends have let go.
pub(crate) struct Connection {
    pub(super) ends: [End; 2],
    /// By the side that sends.
    pub(super) lanes: [Lane; 2],
    pub(super) port: u16,
    /// Whether the opener knows that it was accepted.
    pub(super) established: bool,
    /// How often its opening was tried in vain.
    pub(super) retries: u32,
}

impl Connection {
    pub(super) fn end(&mut self, side: Side) -> &mut End {
        &mut self.ends[side.index()]
    }

    /// The opener's host and the accepter's.
    pub(super) fn hosts(&self) -> (HostId, HostId) {
        (self.ends[0].host, self.ends[1].host)
    }

    fn lane(&mut self, from: Side) -> &mut Lane {
        &mut self.lanes[from.index()]
    }

    fn is_forgotten(&self) -> bool {
        !self.ends[0].open && !self.ends[1].open
    }
}

/// The connection `key`, the link that `side` sends on and the link that it receives on.
fn parts(network: &mut Network, key: Key, side: Side) -> Option<(&mut Connection, &mut [Link], LinkId, LinkId)> {
    let connection = network.connections.get_mut(key)?;
    let (sends, receives) = (connection.lanes[side.index()].link, connection.lanes[side.other().index()].link);
    Some((connection, &mut network.links, sends, receives))
}

fn schedule(kernel: &Kernel, at: u64, event: Event) {
    kernel.schedule(at, kernel::Event::Network(event));
}

/// Sends a reset from `side` to the other one.
fn send_reset(kernel: &Kernel, network: &mut Network, key: Key, from: Side) {
    let Some((connection, links, sends, _)) = parts(network, key, from) else { return };
    let arrives = kernel.now.get() + links[sends.0 as usize].latency();
    // What was sent before is on its way, and comes first.
    let arrives = arrives.max(connection.lane(from).latest_arrival);
    schedule(kernel, arrives, Event::Reset(key, from.other()));
}

/// Whether a packet that arrives now gets through. A held one is put aside for later.
pub(super) fn gets_through(link: &mut Link, hosts: &Hosts, event: Event) -> Arrives {
    if link.holds(event) {
        return Arrives::Later;
    }
    if link.loses() || !hosts[link.to].status.answers() { Arrives::Never } else { Arrives::Now }
}

/// What becomes of a packet at the end of its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrives {
    Now,
    /// It waits on a held link.
    Later,
    /// It is lost.
    Never,
}

/// The first segment in flight from `side` has come to the end of its way.
pub(super) fn arrive(kernel: &Kernel, key: Key, side: Side) {
    let now = kernel.now.get();
    let mut network = kernel.network.borrow_mut();
    let hosts = kernel.hosts.borrow();
    let Some((connection, links, sends, _)) = parts(&mut network, key, side) else { return };
    let link = &mut links[sends.0 as usize];
    let Connection { ends, lanes, .. } = connection;
    let lane = &mut lanes[side.index()];
    if lane.first.is_none() {
        return;
    }
    match gets_through(link, &hosts, Event::Arrival(key, side)) {
        Arrives::Later => return,
        Arrives::Never => {
            kernel.trace.packet(Step::Lose, key, 0, link.source(None));
            if lane.abandoned {
                lane.drop_in_flight();
                return;
            }
            // A machine that is suspended counts nothing and sends nothing: it goes on when it wakes.
            if !matches!(hosts[link.from].status, Status::Suspended { .. }) {
                lane.losses += 1;
            }
            if u32::from(lane.losses) > RETRANSMISSIONS_MAX {
                lane.drop_in_flight();
                ends[side.index()].fail(io::ErrorKind::TimedOut);
            } else {
                schedule(kernel, now + link.retransmission_delay(u32::from(lane.losses)), Event::Arrival(key, side));
            }
            return;
        }
        Arrives::Now => {}
    }
    lane.losses = 0;
    let receiver = &mut ends[side.other().index()];
    if !receiver.open {
        // Nobody holds that end any more: its machine says so.
        lane.drop_in_flight();
        send_reset(kernel, &mut network, key, side.other());
        return;
    }
    if let Some(segment) = lane.first.take() {
        kernel.trace.packet(Step::Deliver, key, segment.bytes, link.source(None));
        lane.arrived += segment.bytes;
        lane.end_arrived |= segment.last;
    }
    lane.first = lane.behind.as_mut().and_then(|behind| behind.pop_front());
    if let Some(next) = &lane.first {
        schedule(kernel, next.arrives.max(now), Event::Arrival(key, side));
    }
    receiver.reader.wake();
}

/// Word that the other side has read reaches `side`.
pub(super) fn acknowledge(kernel: &Kernel, key: Key, side: Side) {
    let now = kernel.now.get();
    let mut network = kernel.network.borrow_mut();
    let hosts = kernel.hosts.borrow();
    let Some((connection, links, _, receives)) = parts(&mut network, key, side) else { return };
    let link = &mut links[receives.0 as usize];
    match gets_through(link, &hosts, Event::Acknowledgement(key, side)) {
        Arrives::Later => {}
        // The sender asks again until it is answered.
        Arrives::Never => schedule(kernel, now + link.retransmission_delay(1), Event::Acknowledgement(key, side)),
        Arrives::Now => {
            let lane = connection.lane(side);
            lane.acknowledging = false;
            lane.unacknowledged = 0;
            if let Some(waker) = connection.end(side).writer.take() {
                waker.wake();
            }
        }
    }
}

/// A reset reaches `side`. Resets are not sent again: a lost one leaves that side hanging until it sends.
pub(super) fn reset_arrives(kernel: &Kernel, key: Key, side: Side) {
    let mut network = kernel.network.borrow_mut();
    let hosts = kernel.hosts.borrow();
    let Some((connection, links, _, receives)) = parts(&mut network, key, side) else { return };
    if gets_through(&mut links[receives.0 as usize], &hosts, Event::Reset(key, side)) == Arrives::Now {
        break_off(connection);
        connection.end(side).fail(io::ErrorKind::ConnectionReset);
    }
}

fn break_off(connection: &mut Connection) {
    for lane in &mut connection.lanes {
        lane.drop_in_flight();
    }
}

/// A middlebox resets the connection: both ends learn it at once.
pub(super) fn reset(network: &mut Network, key: Key) {
    let Some(connection) = network.connections.get_mut(key) else { return };
    break_off(connection);
    for end in &mut connection.ends {
        end.fail(io::ErrorKind::ConnectionReset);
    }
}

/// Closes what `side` still has to say.
fn shut_down(kernel: &Kernel, network: &mut Network, key: Key, side: Side) {
    let Some((connection, links, sends, _)) = parts(network, key, side) else { return };
    let failed = connection.end(side).failure.is_some();
    let lane = connection.lane(side);
    if failed || std::mem::replace(&mut lane.finished, true) {
        return;
    }
    if let Some(arrives) = lane.send(&mut links[sends.0 as usize], kernel.now.get(), 0, true) {
        schedule(kernel, arrives, Event::Arrival(key, side));
    }
}

/// The program at `side` lets go of the connection.
pub(super) fn close(kernel: &Kernel, key: Key, side: Side) {
    let mut network = kernel.network.borrow_mut();
    let Some(connection) = network.connections.get_mut(key) else { return };
    if !connection.end(side).open {
        return;
    }
    connection.end(side).abandon();
    if connection.is_forgotten() {
        network.connections.remove(key);
        return;
    }
    if connection.lane(side.other()).arrived > 0 {
        // What was sent to this side and never read is lost, and the sender has to know.
        connection.lane(side).drop_in_flight();
        send_reset(kernel, &mut network, key, side);
    } else {
        shut_down(kernel, &mut network, key, side);
    }
}

/// The listener that held the accepter's end is gone before anybody accepted.
pub(super) fn refuse(kernel: &Kernel, key: Key) {
    let mut network = kernel.network.borrow_mut();
    let Some(connection) = network.connections.get_mut(key) else { return };
    connection.end(Side::Accepter).abandon();
    if connection.is_forgotten() {
        network.connections.remove(key);
    } else {
        send_reset(kernel, &mut network, key, Side::Accepter);
    }
}

/// All ends on `host` are gone: killed, whereupon the machine resets them, or without power, silently.
pub(super) fn host_gone(kernel: &Kernel, network: &mut Network, host: HostId, resets: bool) {
    for key in network.connections.keys() {
        for side in [Side::Opener, Side::Accepter] {
            let Some(connection) = network.connections.get_mut(key) else { continue };
            let end = connection.end(side);
            if end.host != host || !end.open {
                continue;
            }
            end.abandon();
            let lane = connection.lane(side);
            lane.abandoned = true;
            if connection.is_forgotten() {
                network.connections.remove(key);
            } else if resets {
                send_reset(kernel, network, key, side);
            }
        }
    }
}

/// A program's hold on one end.
pub(super) struct SimStream {
    pub(super) key: Key,
    pub(super) side: Side,
}

impl SimStream {
    /// Calls `f` with this end's connection. Nothing behind it any more means that its host is dead: that pends.
    #[inline]
    fn with<T>(
        &self,
        f: impl FnOnce(&Kernel, &mut Connection, &mut [Link], LinkId, LinkId) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let result = kernel::with(|kernel| {
            let mut network = kernel.network.borrow_mut();
            let (connection, links, sends, receives) = parts(&mut network, self.key, self.side)?;
            connection.end(self.side).open.then(|| f(kernel, connection, links, sends, receives))
        });
        result.flatten().unwrap_or(Poll::Pending)
    }
}

impl AsyncRead for SimStream {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (key, side) = (self.key, self.side);
        self.with(|kernel, connection, links, sends, receives| {
            let Connection { ends, lanes, .. } = connection;
            let lane = &mut lanes[side.other().index()];
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if lane.arrived > 0 {
                let size = links[receives.0 as usize].read_size((lane.arrived as usize).min(buffer.remaining()));
                let (front, back) = lane.bytes.as_slices();
                let from_front = size.min(front.len());
                buffer.put_slice(&front[..from_front]);
                buffer.put_slice(&back[..size - from_front]);
                lane.bytes.drain(..size);
                lane.arrived -= size as u32;
                lane.unacknowledged += size as u32;
                lane.read_at = kernel.now.get();
                if ends[side.other().index()].writer.is_some() && !std::mem::replace(&mut lane.acknowledging, true) {
                    let arrives = lane.read_at + links[sends.0 as usize].latency();
                    schedule(kernel, arrives, Event::Acknowledgement(key, side.other()));
                }
                return Poll::Ready(Ok(()));
            }
            let end = &mut ends[side.index()];
            if let Some(kind) = end.failure {
                return Poll::Ready(Err(kind.into()));
            }
            if lane.end_arrived {
                return Poll::Ready(Ok(()));
            }
            end.reader.register(context);
            Poll::Pending
        })
    }
}

impl AsyncWrite for SimStream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let (key, side) = (self.key, self.side);
        self.with(|kernel, connection, links, sends, receives| {
            let now = kernel.now.get();
            let Connection { ends, lanes, .. } = connection;
            let (end, lane) = (&mut ends[side.index()], &mut lanes[side.index()]);
            if let Some(kind) = end.failure {
                return Poll::Ready(Err(kind.into()));
            }
            if lane.finished {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            if lane.in_use() >= WINDOW_BYTES && lane.unacknowledged > 0 {
                let known_at = lane.read_at + links[receives.0 as usize].latency();
                if known_at <= now {
                    lane.unacknowledged = 0;
                } else if !std::mem::replace(&mut lane.acknowledging, true) {
                    schedule(kernel, known_at, Event::Acknowledgement(key, side));
                }
            }
            let room = WINDOW_BYTES.saturating_sub(lane.in_use());
            if room == 0 && !bytes.is_empty() {
                end.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            let size = room.min(bytes.len());
            lane.bytes.extend(&bytes[..size]);
            if let Some(arrives) = lane.send(&mut links[sends.0 as usize], now, size, false) {
                schedule(kernel, arrives, Event::Arrival(key, side));
            }
            Poll::Ready(Ok(size))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|_, _, _, _, _| Poll::Ready(Ok(())))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let alive = self.with(|_, connection, _, _, _| {
            Poll::Ready(match connection.end(self.side).failure {
                Some(io::ErrorKind::ConnectionReset) | None => Ok(()),
                Some(kind) => Err(kind.into()),
            })
        });
        if matches!(alive, Poll::Ready(Ok(()))) {
            kernel::with(|kernel| shut_down(kernel, &mut kernel.network.borrow_mut(), self.key, self.side));
        }
        alive
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        kernel::with(|kernel| close(kernel, self.key, self.side));
    }
}
