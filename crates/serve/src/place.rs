//! Machines for programs, and where they listen.

use std::{future::Future, io::Write, net::SocketAddr, path::Path};

use groundhog_host::{
    Listener,
    live::{LiveConfig, LiveMachine},
};
use tokio::runtime::{Builder, Runtime};

use crate::Error;

/// How long what still runs on other threads may take when everything else has ended. A file operation that the disk
/// does not finish must not keep the program.
const LEFTOVERS: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs `work` on a runtime with as many threads as there are processors.
pub(crate) fn run_on_many_threads(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    run(Builder::new_multi_thread(), work)
}

/// Runs `work` on a runtime with one thread, which is enough for what has one workspace to look after.
pub(crate) fn run_on_one_thread(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    run(Builder::new_current_thread(), work)
}

fn run(mut builder: Builder, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime: Runtime = builder
        .enable_all()
        .build()
        .map_err(|source| Error::Machine { doing: "starting the program's threads".to_owned(), source })?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(LEFTOVERS);
    ended
}

/// A machine that others reach as `name`, that listens at `at`, and whose relative paths begin in `root`.
pub(crate) fn machine(name: &str, at: SocketAddr, root: &Path) -> Result<LiveMachine, Error> {
    let config = LiveConfig { bind: at.ip(), ..LiveConfig::new(root) };
    LiveMachine::new(name, config)
        .map_err(|source| Error::Machine { doing: "making the program's machine".to_owned(), source })
}

/// Listens at `place`, which `flag` has chosen. Returns the place with its port.
pub(crate) async fn listen(
    machine: &LiveMachine,
    place: SocketAddr,
    flag: &'static str,
) -> Result<(Listener, SocketAddr), Error> {
    let listener = machine.host().listen(place.port()).await.map_err(|source| Error::Listen { place, source, flag })?;
    let at = SocketAddr::new(place.ip(), listener.port());
    Ok((listener, at))
}

/// Says on standard output that a program is ready.
pub(crate) fn say_ready(line: &str) {
    let mut out = std::io::stdout().lock();
    // Who has closed our output does not want to know.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
