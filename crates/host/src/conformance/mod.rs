//! The suite that every engine passes: what the seam promises, as cases that are written once.
//!
//! An engine's test makes a fresh pair of machines for each of the [`cases`] and runs it:
//!
//! ```
//! use groundhog_host::{conformance::{Machines, cases}, machine::BoxFuture};
//!
//! /// Panics in the case whose promise the engine breaks.
//! fn check(pair: impl Fn() -> Machines, run: impl Fn(BoxFuture<'static, ()>)) {
//!     for case in cases() {
//!         run((case.run)(pair()));
//!     }
//! }
//! ```
//!
//! What the pair must be like: the two reach each other by [`Host::name`], nothing is cut or lost for good, no
//! machine crashes or is suspended, their disks are empty at first, and these programs exist under their bare
//! names, with an empty environment:
//!
//! | program | does |
//! | --- | --- |
//! | `echo` | prints its arguments, separated by single spaces, and a newline; ends with status 0 |
//! | `false` | ends with status 1 and prints nothing |
//! | `sleep` | waits for as many seconds as its argument says; ends with status 0, or earlier by a signal |
//! | `cat` | copies its input to its output as it comes; ends with status 0 at the input's end, or earlier by a signal |
//! | `sh` | with `-c "stty size; read line; stty size"`, in a terminal: prints its rows and columns, waits for a line, prints them again, and ends with status 0 |
//!
//! The suite sees an engine through [`Host`] alone. It runs on the real clock too, so no case waits longer than
//! it must, and none takes it amiss when a timer is late.

mod datagram;
mod file;
mod http2;
mod listen;
mod process;
mod random;
mod stream;
mod task;
mod terminal;
mod time;
mod traffic;

use std::{fmt, future::Future, time::Duration};

use tokio::sync::oneshot;

use crate::{Address, Host, Stream, machine::BoxFuture};

/// Two machines of one network.
#[derive(Clone, Debug)]
pub struct Machines {
    /// The machine on which most cases play; where there is a server, it is here.
    pub a: Host,
    /// The other one, which calls it.
    pub b: Host,
}

/// One behaviour that every engine has.
#[derive(Clone, Copy)]
pub struct Case {
    /// The behaviour in a few words, as an identifier.
    pub name: &'static str,
    /// The behaviour in a sentence.
    pub about: &'static str,
    /// Plays it on a fresh pair of machines. Panics if the engine does not have it, or has not shown it
    /// within ten seconds of machine `a`'s clock.
    pub run: fn(Machines) -> BoxFuture<'static, ()>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Every case, in the order of the modules here.
pub fn cases() -> Vec<Case> {
    [
        time::CASES,
        task::CASES,
        random::CASES,
        listen::CASES,
        stream::CASES,
        traffic::CASES,
        datagram::CASES,
        file::CASES,
        process::CASES,
        terminal::CASES,
        http2::CASES,
    ]
    .concat()
}

/// Makes a [`Case`] of the function of that name, with a limit on its time.
macro_rules! case {
    ($name:ident, $about:literal) => {
        $crate::conformance::Case {
            name: stringify!($name),
            about: $about,
            run: |machines| Box::pin($crate::conformance::within_limit(machines.a.clone(), $name(machines))),
        }
    };
}
use case;

/// Far above what any case takes, and far below what anybody would wait for a hung one.
const LIMIT: Duration = Duration::from_secs(10);

async fn within_limit(host: Host, case: impl Future<Output = ()>) {
    if host.timeout(LIMIT, case).await.is_err() {
        panic!("the case was not done after {LIMIT:?}");
    }
}

/// What a task of a case found out.
struct Answer<T> {
    task: &'static str,
    value: oneshot::Receiver<T>,
}

impl<T> Answer<T> {
    /// Waits for it. Panics if the task ended without an answer, which it does when it panics itself.
    async fn get(self) -> T {
        match self.value.await {
            Ok(value) => value,
            Err(_) => panic!("the task {:?} ended without an answer", self.task),
        }
    }
}

/// Runs `future` as a task of `host`'s, beside the case itself.
#[track_caller]
fn answer<T: Send + 'static>(
    host: &Host,
    task: &'static str,
    future: impl Future<Output = T> + Send + 'static,
) -> Answer<T> {
    let (sender, value) = oneshot::channel();
    let work = async move {
        // Nobody waits any more if the case has failed elsewhere.
        let _ = sender.send(future.await);
    };
    host.spawn(task, work).detach();
    Answer { task, value }
}

/// A stream from `b` to `a`: the end on `a`, which accepted it, and the end on `b`, which opened it.
async fn stream_pair(machines: &Machines) -> (Stream, Stream) {
    let mut listener = machines.a.listen(0).await.expect("a free port can be listened on");
    let to = Address::new(machines.a.name(), listener.port());
    let accepted = answer(&machines.a, "accept", async move { listener.accept().await });
    let opened = machines.b.connect(&to).await.expect("a listener can be connected to");
    (accepted.get().await.expect("a stream that was opened can be accepted"), opened)
}

/// What a correct byte at `position` of a long transfer is: a pattern without a short period, so that a piece
/// in the wrong place does not look right.
fn pattern(position: usize) -> u8 {
    ((position as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

/// The first `length` bytes of the pattern.
fn pattern_bytes(length: usize) -> Vec<u8> {
    (0..length).map(pattern).collect()
}

/// Panics with the first place where `received` differs, because hundreds of kilobytes are no message.
#[track_caller]
fn assert_pattern(received: &[u8], length: usize) {
    if let Some(wrong) = received.iter().enumerate().position(|(position, byte)| *byte != pattern(position)) {
        panic!("byte {wrong} of {} that arrived is wrong", received.len());
    }
    assert_eq!(received.len(), length, "not as many bytes arrived as were sent");
}
