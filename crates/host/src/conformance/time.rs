//! Clocks and timers.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use super::{Case, Machines, answer, case};
use crate::{Elapsed, Instant};

pub(super) const CASES: &[Case] = &[
    case!(a_sleep_is_never_early, "A sleep does not complete before its duration has passed on its own clock."),
    case!(sleeps_complete_in_deadline_order, "Once a sleep has completed, so has every one with an earlier deadline."),
    case!(a_sleep_that_is_over_completes, "A sleep of zero, and one until a moment that has passed, completes."),
    case!(a_sleep_moves_when_it_is_reset, "A sleep takes another deadline, later or earlier, even after its end."),
    case!(a_sleep_wakes_its_last_poller, "A sleep that moves to another task wakes that one."),
    case!(a_dropped_sleep_is_forgotten, "A sleep that was dropped wakes nobody."),
    case!(
        work_in_time_beats_a_timeout,
        "A time-out gives the result of work that is ready at once, even when it is zero."
    ),
    case!(a_timeout_elapses, "A time-out of work that never ends elapses, not early, and drops the work."),
    case!(an_interval_ticks_by_its_period, "An interval ticks one period after its start and after each tick."),
    case!(a_late_tick_does_not_bunch, "The tick after a late one is a whole period later."),
    case!(a_tick_that_nobody_took_is_kept, "Giving up on a tick does not lose or move it."),
    case!(the_monotonic_clock_never_goes_back, "No reading of the monotonic clock is below an earlier one."),
];

/// Polls `future` once, outside the case's own wake-ups.
fn poll_once<F: Future + Unpin>(mut future: F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(&mut future).poll(&mut Context::from_waker(waker))
}

async fn a_sleep_is_never_early(machines: Machines) {
    for micros in [0, 1, 999, 1_000, 1_001, 2_500, 10_000] {
        let duration = Duration::from_micros(micros);
        let start = machines.a.now();
        machines.a.sleep(duration).await;
        let slept = machines.a.now() - start;
        assert!(slept >= duration, "a sleep of {duration:?} was over after {slept:?}");
    }
}

async fn sleeps_complete_in_deadline_order(machines: Machines) {
    let start = machines.a.now();
    // Latest first, so that the order of polling is no help.
    let mut sleeps: Vec<_> =
        (1..=10).rev().map(|step| machines.a.sleep_until(start + Duration::from_micros(1_700 * step))).collect();
    std::future::poll_fn(|context| {
        let mut over = false;
        sleeps.retain_mut(|sleep| {
            let ready = Pin::new(&mut *sleep).poll(context).is_ready();
            assert!(ready || !over, "the sleep until {:?} pends while a later one is over", sleep.deadline());
            over |= ready;
            !ready
        });
        if sleeps.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn a_sleep_that_is_over_completes(machines: Machines) {
    machines.a.sleep(Duration::ZERO).await;
    machines.a.sleep_until(Instant::from_micros(0)).await;
    machines.a.sleep_until(machines.a.now()).await;
}

async fn a_sleep_moves_when_it_is_reset(machines: Machines) {
    let mut sleep = machines.a.sleep(Duration::from_millis(2));
    // Polled before each change, so that there is an armed timer to move.
    let _ = poll_once(&mut sleep, Waker::noop());
    let later = machines.a.now() + Duration::from_millis(15);
    sleep.reset(later);
    assert_eq!(sleep.deadline(), later);
    (&mut sleep).await;
    assert!(machines.a.now() >= later, "the sleep kept its earlier deadline");

    sleep.reset(machines.a.now() + Duration::from_secs(3_600));
    assert_eq!(poll_once(&mut sleep, Waker::noop()), Poll::Pending, "a sleep that was used again is over at once");
    sleep.reset(machines.a.now() + Duration::from_millis(2));
    sleep.await;
}

async fn a_sleep_wakes_its_last_poller(machines: Machines) {
    let mut sleep = machines.a.sleep(Duration::from_millis(10));
    let _ = poll_once(&mut sleep, Waker::noop());
    answer(&machines.a, "await the sleep", sleep).get().await;
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes {
    count: AtomicUsize,
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

async fn a_dropped_sleep_is_forgotten(machines: Machines) {
    // A busy machine may stop between arming and dropping until the deadline has passed. Then that round says
    // nothing, and the next has more time.
    for millis in [10, 100, 1_000] {
        let deadline = machines.a.now() + Duration::from_millis(millis);
        let wakes = Arc::new(Wakes::default());
        let mut sleep = machines.a.sleep_until(deadline);
        let _ = poll_once(&mut sleep, &Waker::from(wakes.clone()));
        drop(sleep);
        if machines.a.now() < deadline {
            machines.a.sleep_until(deadline + Duration::from_millis(5)).await;
            assert_eq!(wakes.count.load(Ordering::SeqCst), 0, "a dropped sleep woke its task");
            return;
        }
    }
    panic!("this machine takes over a second to drop a sleep");
}

async fn work_in_time_beats_a_timeout(machines: Machines) {
    assert_eq!(machines.a.timeout(Duration::ZERO, std::future::ready(7)).await, Ok(7));
    let work = machines.a.sleep(Duration::from_millis(2));
    assert_eq!(machines.a.timeout(Duration::from_secs(5), work).await, Ok(()));
}

async fn a_timeout_elapses(machines: Machines) {
    let duration = Duration::from_millis(10);
    let start = machines.a.now();
    let owned = Arc::new(());
    let held = owned.clone();
    let work = async move {
        let _held = held;
        std::future::pending::<()>().await;
    };
    assert_eq!(machines.a.timeout(duration, work).await, Err(Elapsed));
    assert!(machines.a.now() - start >= duration, "the time-out was early");
    assert_eq!(Arc::strong_count(&owned), 1, "the work outlived its time-out");
}

async fn an_interval_ticks_by_its_period(machines: Machines) {
    let period = Duration::from_millis(5);
    let mut last = machines.a.now();
    let mut interval = machines.a.interval(period);
    for _ in 0..4 {
        let tick = interval.tick().await;
        assert!(tick >= last + period, "a tick came {:?} after the one before", tick - last);
        assert!(tick <= machines.a.now(), "a tick is told as being in the future");
        last = tick;
    }
    interval.reset();
    assert!(interval.tick().await >= last + period, "a tick came early after a reset");
}

async fn a_late_tick_does_not_bunch(machines: Machines) {
    let period = Duration::from_millis(10);
    let mut interval = machines.a.interval(period);
    machines.a.sleep(period * 3 + period / 2).await;
    let late = interval.tick().await;
    let next = interval.tick().await;
    assert!(next >= late + period, "after a late tick the next came {:?} later", next - late);
}

async fn a_tick_that_nobody_took_is_kept(machines: Machines) {
    let period = Duration::from_millis(20);
    let mut interval = machines.a.interval(period);
    let after_the_tick = machines.a.sleep(period);
    for _ in 0..3 {
        if poll_once(pin!(interval.tick()), Waker::noop()).is_ready() {
            // A machine so busy that the period is over already: this tick was taken, and none was given up.
            return;
        }
    }
    after_the_tick.await;
    assert!(poll_once(pin!(interval.tick()), Waker::noop()).is_ready(), "giving up on a tick put it off");
}

async fn the_monotonic_clock_never_goes_back(machines: Machines) {
    let mut last = machines.a.now();
    for round in 0..2_000 {
        if round % 400 == 0 {
            machines.a.sleep(Duration::from_millis(1)).await;
        }
        let now = machines.a.now();
        assert!(now >= last, "the clock went from {last:?} back to {now:?}");
        last = now;
    }
    let start = machines.a.now();
    machines.a.sleep(Duration::from_millis(1)).await;
    assert!(machines.a.now() > start, "the clock stands still while a task sleeps");
}
