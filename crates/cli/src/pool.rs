//! Many runs on several threads, with results in the order of the work.

#![allow(clippy::disallowed_methods, reason = "each run is a world of its own; threads only share the work out")]

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// How many runs at once, unless asked for.
pub fn default_jobs() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// How many threads at most, whatever was asked for: more than any machine has processors.
const THREADS_MAX: usize = 1_024;

/// Calls `work` for every number below `count` on `jobs` threads, and `take` on this thread with the results in
/// the order of the numbers. Stops early if `take` fails, and returns what it failed with.
pub fn in_order<T: Send, E>(
    count: usize,
    jobs: NonZeroUsize,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let threads = jobs.get().min(count).min(THREADS_MAX);
        // Bounded: threads that are ahead wait, rather than pile results up.
        let (send, receive) = mpsc::sync_channel(threads * 4);
        for _ in 0..threads {
            let (send, next, work) = (send.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // A closed channel: nobody wants further results.
                    if number >= count || send.send((number, work(number))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        let mut early = BTreeMap::new();
        let mut expected = 0;
        for (number, result) in receive {
            early.insert(number, result);
            while let Some(result) = early.remove(&expected) {
                expected += 1;
                take(result)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).expect("above zero")
    }

    #[test]
    fn results_come_in_order_whatever_the_threads_do() {
        for count in [0, 1, 7, 1000] {
            let mut taken = Vec::new();
            let outcome: Result<(), ()> = in_order(
                count,
                jobs(4),
                |number| number * 2,
                |result| {
                    taken.push(result);
                    Ok(())
                },
            );
            assert_eq!(outcome, Ok(()));
            assert_eq!(taken, (0..count).map(|number| number * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_failure_ends_the_work_early() {
        let outcome =
            in_order(1_000_000, jobs(2), |number| number, |number| if number == 3 { Err("enough") } else { Ok(()) });
        assert_eq!(outcome, Err("enough"));
    }
}
