//! What HTTP/2 libraries are given: an executor and a timer.

use std::time::Duration;

use hyper::rt::{Executor as _, Timer as _};
use tokio::sync::oneshot;

use super::{Answer, Case, Machines, case};
use crate::http2::{Executor, Timer};

pub(super) const CASES: &[Case] = &[
    case!(the_executor_runs_tasks, "A future that a library executes runs as a task, whatever it returns."),
    case!(
        a_library_timer_is_never_early,
        "A library's timer fires after its duration, by the host's clock and its own."
    ),
    case!(a_library_timer_can_be_reset, "A library's timer takes another deadline, later or earlier."),
];

async fn the_executor_runs_tasks(machines: Machines) {
    let executor = Executor::new(machines.a.clone(), "connection");
    let (sender, value) = oneshot::channel();
    let host = machines.a.clone();
    executor.execute(async move {
        host.sleep(Duration::from_millis(1)).await;
        sender.send("done")
    });
    assert_eq!(Answer { task: "connection", value }.get().await, "done");
}

async fn a_library_timer_is_never_early(machines: Machines) {
    let timer = Timer::new(machines.a.clone());
    let duration = Duration::from_millis(5);
    for relative in [true, false] {
        let (start, library_start) = (machines.a.now(), timer.now());
        let sleep = if relative { timer.sleep(duration) } else { timer.sleep_until(library_start + duration) };
        sleep.await;
        assert!(machines.a.now() - start >= duration, "the timer was early by the host's clock");
        assert!(timer.now() - library_start >= duration, "the timer was early by its own clock");
    }
}

async fn a_library_timer_can_be_reset(machines: Machines) {
    let timer = Timer::new(machines.a.clone());
    let mut sleep = timer.sleep(Duration::from_millis(1));
    let later = timer.now() + Duration::from_millis(10);
    timer.reset(&mut sleep, later);
    sleep.await;
    assert!(timer.now() >= later, "the timer kept its earlier deadline");

    let mut sleep = timer.sleep(Duration::from_secs(3_600));
    timer.reset(&mut sleep, timer.now() + Duration::from_millis(1));
    sleep.await;
}
