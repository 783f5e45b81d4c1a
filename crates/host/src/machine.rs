//! What an engine implements so that components can run on it.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use jiff::Timestamp;

use crate::{
    files::{FileOperation, FileReply},
    net::{Address, DatagramSocket, Listener, Stream},
    process::{Command, Process},
    task::Task,
    terminal::{Terminal, TerminalSize},
    time::Instant,
};

/// A boxed future, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One machine of an engine. Components see it only through [`Host`](crate::Host).
///
/// The rules that the [`conformance`](crate::conformance) suite checks:
///
/// - time does not pass while a task computes, as far as the task can tell from ordering alone: a timer never
///   fires before its deadline on this machine's own clock;
/// - everything asked of a machine that has died stays pending for ever; its tasks count as ended.
pub trait Machine: Send + Sync + fmt::Debug + 'static {
    /// The name under which others reach this machine.
    fn name(&self) -> &str;

    /// The monotonic clock.
    fn now(&self) -> Instant;

    /// The wall clock.
    fn wall(&self) -> Timestamp;

    /// Polls the timer in `slot` for `deadline`, arming it if it is idle. Ready exactly when the monotonic
    /// clock has reached the deadline.
    fn poll_timer(&self, deadline: Instant, slot: &mut TimerSlot, context: &mut Context<'_>) -> Poll<()>;

    /// Forgets the timer in `slot` and leaves it idle. Called on drop and before a change of deadline.
    fn cancel_timer(&self, slot: &mut TimerSlot);

    /// A seed for a new random stream. The n-th call for one purpose gives the n-th stream of that purpose.
    fn random_seed(&self, purpose: &str) -> [u8; 32];

    /// Starts a task owned by this machine.
    fn spawn(&self, name: &'static str, site: &'static Location<'static>, future: BoxFuture<'static, ()>) -> Task;

    /// See [`Host::connect`](crate::Host::connect).
    fn connect(&self, to: &Address) -> BoxFuture<'_, io::Result<Stream>>;

    /// See [`Host::listen`](crate::Host::listen).
    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Listener>>;

    /// See [`Host::bind_datagram`](crate::Host::bind_datagram).
    fn bind_datagram(&self, port: u16) -> BoxFuture<'_, io::Result<DatagramSocket>>;

    /// See [`Host::start`](crate::Host::start).
    fn start(&self, command: Command) -> BoxFuture<'_, io::Result<Process>>;

    /// See [`Host::start_terminal`](crate::Host::start_terminal). An engine that has no terminals, as one that a test
    /// makes for its own needs, leaves this out.
    fn start_terminal(&self, command: Command, _size: TerminalSize) -> BoxFuture<'_, io::Result<Terminal>> {
        let text = format!("starting {} with a terminal: machine {} has none", command.program, self.name());
        Box::pin(std::future::ready(Err(io::Error::new(io::ErrorKind::Unsupported, text))))
    }

    /// Carries out one operation on the file at `path`, which is absolute or relative to the machine's root.
    fn file(&self, path: PathBuf, operation: FileOperation) -> BoxFuture<'_, io::Result<FileReply>>;
}

/// Where an engine keeps what it needs for one armed timer, inside the [`Sleep`](crate::Sleep) itself, so that
/// a simulated timer costs no allocation.
pub enum TimerSlot {
    /// Not armed.
    Idle,
    /// Armed, known to the engine by this key.
    Key(u64),
    /// Armed, driven by a future of the engine's own.
    Future(Pin<Box<dyn Future<Output = ()> + Send + Sync>>),
}

impl fmt::Debug for TimerSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("Idle"),
            Self::Key(key) => write!(f, "Key({key})"),
            Self::Future(_) => f.write_str("Future"),
        }
    }
}
