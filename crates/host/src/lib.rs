//! The seam: everything that a component may ask of the machine it runs on.
//!
//! A component receives a [`Host`] and takes from it the time, timers, randomness, ids, tasks, the network,
//! processes and files. It never asks the operating system or a runtime itself. That one rule is what lets
//! the same component run on a laptop and inside a simulation, and what makes a simulated run repeatable.
//!
//! Reading order:
//!
//! - [`machine`]: the trait that an engine implements. One implementation here, [`live`], on real tokio; the
//!   simulated one lives in the simulator.
//! - [`time`]: [`Instant`], [`Sleep`], [`Interval`], time-outs. A clock belongs to a machine: two hosts may
//!   disagree about the time, and a host's clock may run slow, jump or stop.
//! - [`random`]: random streams by purpose, so that a draw added in one place moves nothing elsewhere.
//! - [`task`], [`net`], [`process`], [`terminal`], [`files`]: what their names say.
//! - [`http2`]: the executor and the timer that HTTP/2 libraries take instead of their default ones.
//! - [`event`]: how a component tells its story: domain events with a documented catalogue.
//! - [`backoff`]: the one retry rule, as a pure value.
//! - [`conformance`]: the suite that every engine passes.
//!
//! Architecture invariant: this crate depends on no other crate of the project, and nothing in it tells a
//! component which engine it runs on.

pub mod backoff;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod event;
pub mod files;
pub mod http2;
#[cfg(feature = "live")]
pub mod live;
pub mod machine;
pub mod net;
pub mod process;
pub mod random;
pub mod task;
pub mod terminal;
pub mod time;

use std::{fmt, future::Future, io, panic::Location, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

pub use crate::{
    backoff::Backoff,
    files::Files,
    machine::Machine,
    net::{Address, DatagramSocket, Listener, Stream},
    process::{Command, Process},
    random::Random,
    task::Task,
    terminal::{Terminal, TerminalSize},
    time::{Elapsed, Instant, Interval, Sleep, until},
};

/// A component's handle on its machine. Cheap to clone; every clone is the same machine.
///
/// When the machine dies (a simulated crash), nothing that was obtained from this handle makes progress any
/// more: tasks are gone, and a future that a survivor somehow still polls stays pending for ever.
#[derive(Clone)]
pub struct Host {
    machine: Arc<dyn Machine>,
}

impl Host {
    /// A handle on `machine`. Engines call this; components are given the result.
    pub fn new(machine: Arc<dyn Machine>) -> Self {
        Self { machine }
    }

    /// The machine's name in the network: what others connect to.
    pub fn name(&self) -> &str {
        self.machine.name()
    }

    /// Starts a task that ends with this host at the latest. `name` appears in reports, so it should say what
    /// the task is for (`"heartbeat"`, not `"task"`).
    #[track_caller]
    pub fn spawn<F>(&self, name: &'static str, future: F) -> Task
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.machine.spawn(name, Location::caller(), Box::pin(future))
    }

    /// The monotonic clock: never steps, but may drift, and may or may not run while the machine is suspended.
    pub fn now(&self) -> Instant {
        self.machine.now()
    }

    /// The wall clock: may be ahead, behind, or step. Never measure a duration with it.
    pub fn wall(&self) -> Timestamp {
        self.machine.wall()
    }

    /// Completes once `duration` has passed on this host's monotonic clock.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Completes once this host's monotonic clock has reached `deadline`.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep::new(self.machine.clone(), deadline)
    }

    /// `future`'s result, or [`Elapsed`] when `duration` passes first. A future that is ready at once wins over
    /// a duration of zero.
    pub async fn timeout<F: Future>(&self, duration: Duration, future: F) -> Result<F::Output, Elapsed> {
        time::timeout(self.sleep(duration), future).await
    }

    /// Ticks every `period` (which must not be zero), the first time one period from now. A tick that comes
    /// late does not make later ones bunch up: the next is one period after the late one.
    pub fn interval(&self, period: Duration) -> Interval {
        Interval::new(self.clone(), period)
    }

    /// A random stream of its own for `purpose`. Asking twice for one purpose gives two different streams.
    pub fn random(&self, purpose: &str) -> Random {
        Random::from_seed(self.machine.random_seed(purpose))
    }

    /// A fresh version-4 id, drawn from a stream for `purpose` (`"job"`, `"workspace"`).
    pub fn new_id(&self, purpose: &str) -> Uuid {
        self.random(purpose).uuid()
    }

    /// Opens a byte stream to `to`. Takes at least one round trip. Fails with
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when nobody listens there, with
    /// [`NotFound`](io::ErrorKind::NotFound) when the network knows no such name, with
    /// [`TimedOut`](io::ErrorKind::TimedOut) after minutes without an answer; until then it hangs, so callers
    /// bound it.
    pub async fn connect(&self, to: &Address) -> io::Result<Stream> {
        self.machine.connect(to).await
    }

    /// Listens for byte streams on `port`; port 0 asks for any free one ([`Listener::port`] tells which).
    /// Fails with [`AddrInUse`](io::ErrorKind::AddrInUse) when the port is taken.
    pub async fn listen(&self, port: u16) -> io::Result<Listener> {
        self.machine.listen(port).await
    }

    /// Binds a datagram socket to `port`; port 0 asks for any free one.
    pub async fn bind_datagram(&self, port: u16) -> io::Result<DatagramSocket> {
        self.machine.bind_datagram(port).await
    }

    /// Starts a process. Fails with [`NotFound`](io::ErrorKind::NotFound) when the program does not exist.
    pub async fn start(&self, command: Command) -> io::Result<Process> {
        self.machine.start(command).await
    }

    /// Starts a process that has a terminal of `size` and leads a session on it. What kind of terminal it is, the
    /// command's environment says (`TERM`). Fails with [`NotFound`](io::ErrorKind::NotFound) when the program does not
    /// exist.
    pub async fn start_terminal(&self, command: Command, size: TerminalSize) -> io::Result<Terminal> {
        self.machine.start_terminal(command, size).await
    }

    /// The machine's files below `root`, which need not exist yet. A relative root is below the folder that the
    /// machine was given for its files; an absolute one is absolute.
    pub fn files(&self, root: impl AsRef<Path>) -> Files {
        Files::new(self.machine.clone(), root.as_ref().to_owned())
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.name()).finish()
    }
}
