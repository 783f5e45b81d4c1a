//! What is known of the network beside turmoil itself: which hosts are without power, and how much is under way on each
//! stream.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// How many bytes may be on their way or unread on one lane before the writer must wait; the simulator's own figure.
///
/// turmoil has a limit of its own, in segments, but whose stream is full when it ends never sees the end: turmoil has no
/// room for it then, and never tries again. So its limit is set out of reach, and this one counts.
pub(crate) const WINDOW_BYTES: usize = 256 << 10;

/// Turmoil's own limit on what waits to be read or accepted: more segments than fit into the window, and an end.
pub(crate) const TURMOIL_CAPACITY: usize = WINDOW_BYTES + 1;

/// One direction of a stream.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    state: Mutex<LaneState>,
}

#[derive(Debug, Default)]
struct LaneState {
    /// How many bytes were written and not read yet.
    unread: usize,
    /// Nobody reads any more.
    abandoned: bool,
    /// The writer has ended it in good order.
    finished: bool,
    /// The writer was killed: its end is a reset.
    killed: bool,
    /// Something between the two reset the stream.
    broken: bool,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes the writer may write now: none while the window is full. Nothing holds back who writes to nobody.
    pub(crate) fn poll_room(&self, context: &mut Context<'_>) -> Poll<usize> {
        let mut state = self.lock();
        // Kept in any case, for a reset.
        state.writer = Some(context.waker().clone());
        match WINDOW_BYTES.saturating_sub(state.unread) {
            _ if state.abandoned => Poll::Ready(WINDOW_BYTES),
            0 => Poll::Pending,
            room => Poll::Ready(room),
        }
    }

    /// So many bytes were written.
    pub(crate) fn wrote(&self, bytes: usize) {
        self.lock().unread += bytes;
    }

    /// So many bytes were read.
    pub(crate) fn read(&self, bytes: usize) {
        let mut state = self.lock();
        state.unread = state.unread.saturating_sub(bytes);
        wake(&mut state.writer);
    }

    /// Who is to be woken when the stream is reset.
    pub(crate) fn read_by(&self, context: &Context<'_>) {
        self.lock().reader = Some(context.waker().clone());
    }

    /// Nobody reads any more.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.abandoned = true;
        wake(&mut state.writer);
    }

    /// The writer ends it in good order.
    pub(crate) fn finish(&self) {
        self.lock().finished = true;
    }

    /// Whether its end is no end in good order.
    pub(crate) fn was_killed(&self) -> bool {
        self.lock().killed
    }

    /// Whether something between the two reset the stream.
    pub(crate) fn is_broken(&self) -> bool {
        self.lock().broken
    }

    fn kill(&self) {
        let mut state = self.lock();
        state.killed = !state.finished;
    }

    fn break_off(&self) {
        let mut state = self.lock();
        state.broken = true;
        wake(&mut state.writer);
        wake(&mut state.reader);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// From whom to whom.
type Way = (SocketAddr, SocketAddr);

/// What becomes of messages to and from a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// They arrive.
    #[default]
    Awake,
    /// They wait, until it runs on.
    Asleep,
    /// They are lost: it has no power.
    Dark,
}

/// What is known of one host.
#[derive(Clone, Copy, Debug, Default)]
struct Supply {
    reach: Reach,
    /// How often it lost power.
    losses: u64,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Network {
    lanes: Mutex<BTreeMap<Way, Arc<Lane>>>,
    hosts: Mutex<BTreeMap<String, Supply>>,
}

impl Network {
    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Way, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hosts(&self) -> MutexGuard<'_, BTreeMap<String, Supply>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lane from one end of a stream to the other, for the end that comes to hold it.
    pub(crate) fn lane(&self, way: Way) -> Arc<Lane> {
        let mut lanes = self.lanes();
        let lane = lanes.entry(way).or_default();
        // One that nobody holds is of an earlier stream between these ports.
        if Arc::strong_count(lane) == 1 {
            *lane = Arc::default();
        }
        lane.clone()
    }

    /// The lane is held by one end fewer.
    pub(crate) fn retire(&self, way: Way, lane: &Arc<Lane>) {
        // This map, and the end that goes.
        if Arc::strong_count(lane) <= 2 {
            self.lanes().remove(&way);
        }
    }

    /// What is written on a host that is killed ends with a reset.
    pub(crate) fn kill(&self, host: IpAddr) {
        self.lanes().iter().filter(|((from, _), _)| from.ip() == host).for_each(|(_, lane)| lane.kill());
    }

    /// Resets every stream between two hosts. Tells how many there were.
    pub(crate) fn reset(&self, first: IpAddr, second: IpAddr) -> usize {
        let lanes: Vec<_> = self.lanes().iter().map(|(way, lane)| (*way, lane.clone())).collect();
        // Both lanes of a stream; one between a host and itself is told by both of its ends, too.
        let between = |from: IpAddr, to: IpAddr| (from, to) == (first, second) || (from, to) == (second, first);
        let mut streams = std::collections::BTreeSet::new();
        for ((from, to), lane) in lanes {
            // Held by one end at least, beside the map and this list.
            if between(from.ip(), to.ip()) && Arc::strong_count(&lane) > 2 {
                lane.break_off();
                streams.insert((from.min(to), from.max(to)));
            }
        }
        streams.len()
    }

    /// What becomes of messages to and from a host from now on.
    pub(crate) fn set_reach(&self, host: &str, reach: Reach) {
        let mut hosts = self.hosts();
        let supply = hosts.entry(host.to_owned()).or_default();
        supply.losses += u64::from(reach == Reach::Dark && supply.reach != Reach::Dark);
        supply.reach = reach;
    }

    /// What becomes of messages to and from a host.
    pub(crate) fn reach(&self, host: &str) -> Reach {
        self.hosts().get(host).copied().unwrap_or_default().reach
    }

    /// Whether a host is without power.
    pub(crate) fn is_dark(&self, host: &str) -> bool {
        self.reach(host) == Reach::Dark
    }

    /// How often a host has lost power.
    pub(crate) fn losses(&self, host: &str) -> u64 {
        self.hosts().get(host).map_or(0, |supply| supply.losses)
    }
}
