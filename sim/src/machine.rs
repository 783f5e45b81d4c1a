//! A simulated machine, as components see it through the seam.
//!
//! Everything asked of a machine that has died stays pending for ever, as a second wall behind the executor,
//! which has dropped the machine's tasks: a future that was smuggled to another host learns nothing.

use std::{
    fmt,
    future::pending,
    io,
    panic::Location,
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
};

use groundhog_host::{
    Address, Command, DatagramSocket, Host, Instant, Listener, Machine, Process, Stream, Task, Terminal, TerminalSize,
    files::{FileOperation, FileReply},
    machine::{BoxFuture, TimerSlot},
    task::TaskControl,
};
use jiff::Timestamp;

use crate::{
    hosts::HostId,
    kernel, network,
    process::{self, Program},
    timers,
    trace::recorder,
};

/// One start of one simulated host.
pub(crate) struct SimMachine {
    pub(crate) id: HostId,
    pub(crate) start: u32,
    name: String,
}

/// A handle on the present start of `id`.
pub(crate) fn handle(id: HostId) -> Option<Host> {
    let (start, name) = kernel::with(|kernel| {
        let hosts = kernel.hosts.borrow();
        (hosts[id].start, hosts[id].name.to_string())
    })?;
    Some(Host::new(Arc::new(SimMachine { id, start, name })))
}

impl SimMachine {
    /// The program that `command` names. None on a machine that has died.
    fn program(&self, command: &Command) -> Option<io::Result<Arc<dyn Program>>> {
        let program =
            self.alive(|kernel| kernel.hosts.borrow()[self.id].own.programs.get(&command.program).cloned())?;
        let missing = || format!("{}: no such program on host {}", command.program, self.name);
        Some(program.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, missing())))
    }

    /// A handle on this start.
    fn host(&self) -> Host {
        Host::new(Arc::new(Self { id: self.id, start: self.start, name: self.name.clone() }))
    }

    /// Calls `f` if this start of the machine still lives.
    #[inline]
    fn alive<T>(&self, f: impl FnOnce(&kernel::Kernel) -> T) -> Option<T> {
        kernel::with(|kernel| kernel.hosts.borrow().lives(self.id, self.start).then(|| f(kernel))).flatten()
    }
}

impl fmt::Debug for SimMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimMachine({}, start {})", self.name, self.start)
    }
}

impl Machine for SimMachine {
    fn name(&self) -> &str {
        &self.name
    }

    #[inline]
    fn now(&self) -> Instant {
        let now = kernel::with(|kernel| kernel.hosts.borrow()[self.id].clock.monotonic(kernel.now.get()));
        Instant::from_micros(now.unwrap_or(0))
    }

    fn wall(&self) -> Timestamp {
        let wall = kernel::with(|kernel| kernel.hosts.borrow()[self.id].clock.wall(kernel.now.get()));
        // A clock that was stepped out of the calendar shows its last day rather than nothing.
        Timestamp::from_microsecond(wall.unwrap_or(0)).unwrap_or(Timestamp::MAX)
    }

    #[inline]
    fn poll_timer(&self, deadline: Instant, slot: &mut TimerSlot, context: &mut Context<'_>) -> Poll<()> {
        self.alive(|kernel| timers::poll(kernel, self.id, deadline, slot, context)).unwrap_or(Poll::Pending)
    }

    #[inline]
    fn cancel_timer(&self, slot: &mut TimerSlot) {
        if !matches!(slot, TimerSlot::Idle) {
            kernel::with(|kernel| timers::cancel(kernel, slot));
        }
    }

    fn random_seed(&self, purpose: &str) -> [u8; 32] {
        let seed = kernel::with(|kernel| {
            let mut hosts = kernel.hosts.borrow_mut();
            let state = &mut hosts[self.id];
            let given = state.own.streams_given.entry(purpose.to_owned()).or_default();
            *given += 1;
            // The start is part of the label: a daemon that restarts must not draw the same ids again.
            let (start, given) = (self.start.to_string(), given.to_string());
            let key = kernel.streams.key(&["host", &state.name, &start, purpose, &given]);
            recorder::with(|recorder| recorder.seed(&key, format!("{}/{purpose} {start}.{given}", state.name)));
            key
        });
        seed.unwrap_or_default()
    }

    fn spawn(&self, name: &'static str, site: &'static Location<'static>, future: BoxFuture<'static, ()>) -> Task {
        let mut future = Some(future);
        let task = self.alive(|kernel| future.take().map(|future| kernel.executor.spawn(self.id, name, site, future)));
        task.flatten().unwrap_or_else(|| Task::new(Box::new(NeverStarted)))
    }

    fn connect(&self, to: &Address) -> BoxFuture<'_, io::Result<Stream>> {
        match self.alive(|kernel| network::connect(kernel, self.id, to)) {
            Some(Ok(connecting)) => Box::pin(connecting),
            Some(Err(error)) => Box::pin(std::future::ready(Err(error))),
            None => Box::pin(pending()),
        }
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Listener>> {
        match self.alive(|kernel| network::listen(kernel, self.id, port)) {
            Some(listener) => Box::pin(std::future::ready(listener)),
            None => Box::pin(pending()),
        }
    }

    fn bind_datagram(&self, port: u16) -> BoxFuture<'_, io::Result<DatagramSocket>> {
        match self.alive(|kernel| network::bind_datagram(kernel, self.id, port)) {
            Some(socket) => Box::pin(std::future::ready(socket)),
            None => Box::pin(pending()),
        }
    }

    fn start(&self, command: Command) -> BoxFuture<'_, io::Result<Process>> {
        match self.program(&command) {
            Some(program) => {
                let started = program.map(|program| process::start(&self.host(), &*program, command));
                Box::pin(std::future::ready(started))
            }
            None => Box::pin(pending()),
        }
    }

    fn start_terminal(&self, command: Command, size: TerminalSize) -> BoxFuture<'_, io::Result<Terminal>> {
        match self.program(&command) {
            Some(program) => {
                let started = program.map(|program| process::start_terminal(&self.host(), &*program, command, size));
                Box::pin(std::future::ready(started))
            }
            None => Box::pin(pending()),
        }
    }

    fn file(&self, path: PathBuf, operation: FileOperation) -> BoxFuture<'_, io::Result<FileReply>> {
        let reply = kernel::with(|kernel| {
            let mut hosts = kernel.hosts.borrow_mut();
            hosts.lives(self.id, self.start).then(|| hosts[self.id].own.disk.carry_out(path, operation))
        });
        match reply.flatten() {
            Some(reply) => Box::pin(std::future::ready(reply)),
            None => Box::pin(pending()),
        }
    }
}

/// The handle on a task that a dead host asked for.
struct NeverStarted;

impl TaskControl for NeverStarted {
    fn abort(&self) {}

    fn poll_ended(&self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}
