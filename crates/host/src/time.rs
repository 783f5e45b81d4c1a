//! Time as one machine sees it.

use std::{
    fmt,
    future::Future,
    ops::{Add, AddAssign, Sub},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use crate::{Host, Machine, machine::TimerSlot};

/// A reading of one machine's monotonic clock: microseconds since that machine's clock began to count.
/// Readings of two machines, or from before and after a restart, can't be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    micros: u64,
}

impl Instant {
    /// The reading `micros` microseconds after the clock began to count.
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// Microseconds since the clock began to count.
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }
}

/// Saturates at the end of time, half a million years on: "never" is a legal deadline.
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        // Rounded up, so that a timer never fires early.
        let micros = duration.as_nanos().div_ceil(1000).try_into().unwrap_or(u64::MAX);
        Self { micros: self.micros.saturating_add(micros) }
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// Completes when its machine's monotonic clock reaches a deadline. Made by [`Host::sleep`].
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    machine: Arc<dyn Machine>,
    deadline: Instant,
    slot: TimerSlot,
}

impl Sleep {
    pub(crate) fn new(machine: Arc<dyn Machine>, deadline: Instant) -> Self {
        Self { machine, deadline, slot: TimerSlot::Idle }
    }

    /// When it completes.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Moves the deadline. A sleep that has completed may be used again this way.
    pub fn reset(&mut self, deadline: Instant) {
        self.machine.cancel_timer(&mut self.slot);
        self.deadline = deadline;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.machine.poll_timer(this.deadline, &mut this.slot, context)
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.machine.cancel_timer(&mut self.slot);
    }
}

/// The time-out passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("timed out")
    }
}

impl std::error::Error for Elapsed {}

/// Waits for a deadline that there may or may not be: completes at `deadline` on `host`'s monotonic clock, or never
/// without one. Cancel safe.
pub async fn until(host: &Host, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => host.sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

pub(crate) async fn timeout<F: Future>(sleep: Sleep, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = pin!(sleep);
    std::future::poll_fn(|context| {
        // The work first: what is done in time counts as done in time.
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(Err(Elapsed))
    })
    .await
}

/// Ticks with a fixed period. Made by [`Host::interval`].
#[derive(Debug)]
pub struct Interval {
    host: Host,
    period: Duration,
    sleep: Sleep,
}

impl Interval {
    pub(crate) fn new(host: Host, period: Duration) -> Self {
        assert!(!period.is_zero(), "an interval of zero would tick without end in one instant");
        let sleep = host.sleep(period);
        Self { host, period, sleep }
    }

    /// Completes at the next tick. Cancel safe: a tick that nobody took is not lost.
    pub async fn tick(&mut self) -> Instant {
        Pin::new(&mut self.sleep).await;
        let now = self.host.now();
        self.sleep.reset(now + self.period);
        now
    }

    /// Begins anew: the next tick is one period from now.
    pub fn reset(&mut self) {
        self.sleep.reset(self.host.now() + self.period);
    }
}
