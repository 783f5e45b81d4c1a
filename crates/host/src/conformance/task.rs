//! Tasks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::{Answer, Case, Machines, answer, case};
use crate::Host;

pub(super) const CASES: &[Case] = &[
    case!(a_spawned_task_runs, "A spawned task runs, and can spawn others."),
    case!(
        awaiting_a_task_waits_for_its_end,
        "Awaiting a task completes after its last line, and at once if it is over."
    ),
    case!(a_dropped_handle_lets_the_task_go_on, "A task goes on when its handle is dropped or detached."),
    case!(abort_ends_a_task, "Aborting a task ends it; what it owned is dropped."),
    case!(an_aborted_task_runs_no_more, "None of a task's code runs after it was aborted."),
    case!(aborting_an_ended_task_is_nothing, "Aborting a task that has ended, or twice, does nothing."),
    case!(a_task_can_be_aborted_before_it_runs, "A task that was aborted at once ends, and what it owned is dropped."),
];

async fn a_spawned_task_runs(machines: Machines) {
    let host = machines.a.clone();
    let outer = answer(&machines.a, "outer", async move { answer(&host, "inner", async { 7 }).get().await });
    assert_eq!(outer.get().await, 7);
}

async fn awaiting_a_task_waits_for_its_end(machines: Machines) {
    let done = Arc::new(AtomicBool::new(false));
    let (flag, host) = (done.clone(), machines.a.clone());
    let mut task = machines.a.spawn("sleep and tell", async move {
        host.sleep(Duration::from_millis(5)).await;
        flag.store(true, Ordering::SeqCst);
    });
    (&mut task).await;
    assert!(done.load(Ordering::SeqCst), "the task counted as ended while it slept");
    task.await;
}

async fn a_dropped_handle_lets_the_task_go_on(machines: Machines) {
    let goes_on = |value: u32| {
        let (sender, value_later) = oneshot::channel();
        let host = machines.a.clone();
        let task = machines.a.spawn("go on", async move {
            host.sleep(Duration::from_millis(5)).await;
            let _ = sender.send(value);
        });
        (task, Answer { task: "go on", value: value_later })
    };
    let (dropped, first) = goes_on(1);
    drop(dropped);
    let (detached, second) = goes_on(2);
    detached.detach();
    assert_eq!((first.get().await, second.get().await), (1, 2));
}

/// Says when it is dropped.
struct Guard {
    _dropped: oneshot::Sender<()>,
}

fn guard() -> (Guard, oneshot::Receiver<()>) {
    let (sender, receiver) = oneshot::channel();
    (Guard { _dropped: sender }, receiver)
}

async fn abort_ends_a_task(machines: Machines) {
    let (guard, dropped) = guard();
    let (started, has_started) = oneshot::channel();
    let task = machines.a.spawn("wait for ever", async move {
        let _guard = guard;
        let _ = started.send(());
        std::future::pending::<()>().await;
    });
    has_started.await.expect("the task runs until it waits");
    task.abort();
    task.await;
    dropped.await.expect_err("nothing was ever sent");
}

async fn a_task_can_be_aborted_before_it_runs(machines: Machines) {
    let (guard, dropped) = guard();
    let task = machines.a.spawn("wait for ever", async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    task.abort();
    task.await;
    dropped.await.expect_err("nothing was ever sent");
}

/// Adds one to `count` every millisecond, for ever.
async fn count_up(host: Host, count: Arc<AtomicUsize>) {
    loop {
        host.sleep(Duration::from_millis(1)).await;
        count.fetch_add(1, Ordering::SeqCst);
    }
}

async fn an_aborted_task_runs_no_more(machines: Machines) {
    let count = Arc::new(AtomicUsize::new(0));
    let task = machines.a.spawn("count", count_up(machines.a.clone(), count.clone()));
    while count.load(Ordering::SeqCst) < 3 {
        machines.a.sleep(Duration::from_millis(1)).await;
    }
    task.abort();
    task.await;
    let counted = count.load(Ordering::SeqCst);
    machines.a.sleep(Duration::from_millis(10)).await;
    assert_eq!(count.load(Ordering::SeqCst), counted, "an aborted task went on counting");
}

async fn aborting_an_ended_task_is_nothing(machines: Machines) {
    let mut task = machines.a.spawn("end at once", async {});
    (&mut task).await;
    task.abort();
    task.abort();
    task.await;
}
