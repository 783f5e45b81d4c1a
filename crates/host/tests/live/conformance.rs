//! Every case of the suite, each on a fresh pair of machines in a fresh runtime.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use groundhog_host::conformance::{Case, Machines, cases};
use tokio::runtime::Builder;

/// What the case panicked with, if it did.
fn failure(case: &Case) -> Option<String> {
    // Two threads, so that what the cases say about order holds without the help of a single one.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made");
    let result = runtime.block_on(async {
        let pair = super::pair();
        let result = tokio::spawn((case.run)(Machines { a: pair.a.host(), b: pair.b.host() })).await;
        pair.a.stop().await;
        pair.b.stop().await;
        drop(pair.folder);
        result
    });
    let panic = result.err()?.try_into_panic().expect("a case that nobody aborts ends by itself or by a panic");
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Some(text.unwrap_or("a panic without a message").to_owned())
}

/// Above the suite's own limit, which can't end a case that spins without ever waiting.
const HANGS_AFTER: Duration = Duration::from_secs(20);

/// [`failure`], on a thread that is left behind if the case hangs.
fn failure_or_hang(case: Case) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(failure(&case)));
    receiver.recv_timeout(HANGS_AFTER).unwrap_or_else(|_| Some("it hangs without ever waiting, or its end does".into()))
}

#[test]
fn the_live_engine_conforms() {
    let mut failures = Vec::new();
    for case in cases() {
        let start = Instant::now();
        let failure = failure_or_hang(case);
        println!("{:>6} ms  {}", start.elapsed().as_millis(), case.name);
        failures.extend(failure.map(|message| format!("{}: {}\n    {message}", case.name, case.about)));
    }
    assert!(failures.is_empty(), "{} cases failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<_> = cases().into_iter().map(|case| case.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
