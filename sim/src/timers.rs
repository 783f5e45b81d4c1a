//! Timers of all hosts.

use std::task::{Context, Poll, Waker};

use groundhog_host::{Instant, machine::TimerSlot};

use crate::{
    arena::{Arena, Key},
    clock::Clock,
    hosts::HostId,
    kernel::{Event, Kernel},
};

/// One armed timer.
struct Timer {
    host: HostId,
    deadline: Instant,
    waker: Waker,
}

/// All armed timers. A cancelled one leaves its event in the queue, where its stale key makes it nothing.
#[derive(Default)]
pub(crate) struct Timers {
    armed: Arena<Timer>,
}

impl Timers {
    /// The clock of `host` was changed: asks for the event of each of its timers anew. Events that were asked
    /// for before come too early or too late; a timer that is not due yet when its event comes asks again.
    pub(crate) fn rearm(&self, kernel: &Kernel, host: HostId, clock: &Clock) {
        let now = kernel.now.get();
        for (key, timer) in self.armed.iter().filter(|(_, timer)| timer.host == host) {
            kernel.schedule(clock.virtual_time_of(timer.deadline.as_micros(), now), Event::Timer(key));
        }
    }
}

/// See [`groundhog_host::Machine::poll_timer`].
#[inline]
pub(crate) fn poll(
    kernel: &Kernel,
    host: HostId,
    deadline: Instant,
    slot: &mut TimerSlot,
    context: &mut Context<'_>,
) -> Poll<()> {
    let now = kernel.now.get();
    let fires = {
        let hosts = kernel.hosts.borrow();
        let clock = &hosts[host].clock;
        if clock.monotonic(now) >= deadline.as_micros() {
            drop(hosts);
            cancel(kernel, slot);
            return Poll::Ready(());
        }
        clock.virtual_time_of(deadline.as_micros(), now)
    };
    let mut timers = kernel.timers.borrow_mut();
    if let TimerSlot::Key(bits) = slot
        && let Some(timer) = timers.armed.get_mut(Key::from_bits(*bits))
    {
        timer.waker.clone_from(context.waker());
        return Poll::Pending;
    }
    let key = timers.armed.insert(Timer { host, deadline, waker: context.waker().clone() });
    *slot = TimerSlot::Key(key.to_bits());
    drop(timers);
    kernel.schedule(fires, Event::Timer(key));
    Poll::Pending
}

/// See [`groundhog_host::Machine::cancel_timer`].
#[inline]
pub(crate) fn cancel(kernel: &Kernel, slot: &mut TimerSlot) {
    if let TimerSlot::Key(bits) = std::mem::replace(slot, TimerSlot::Idle) {
        kernel.timers.borrow_mut().armed.remove(Key::from_bits(bits));
    }
}

/// The event of the timer `key` has come: wakes its task, or asks again if the host's clock was slowed or stopped
/// since.
#[inline]
pub(crate) fn fire(kernel: &Kernel, key: Key) {
    let timers = kernel.timers.borrow();
    let Some(timer) = timers.armed.get(key) else { return };
    let now = kernel.now.get();
    let fires = kernel.hosts.borrow()[timer.host].clock.virtual_time_of(timer.deadline.as_micros(), now);
    if fires > now {
        kernel.schedule(fires, Event::Timer(key));
    } else {
        timer.waker.wake_by_ref();
    }
}
