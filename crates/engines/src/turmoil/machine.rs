//! A host of turmoil's, as components see it through the seam.
//!
//! Everything asked of a start that is over stays pending for ever, as a second wall behind the firmware, which has
//! dropped its tasks.

use std::{
    fmt,
    future::{Future, pending, ready},
    io,
    panic::Location,
    path::PathBuf,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use groundhog_host::{
    Address, Command, DatagramSocket, Host, Instant, Listener, Machine, Process, Stream, Task, Terminal, TerminalSize,
    files::{FileOperation, FileReply},
    machine::{BoxFuture, TimerSlot},
};
use groundhog_sim::process::{self, Program};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{
    datagram, listener, opening,
    station::Station,
    stream,
    task::{self, NeverStarted},
};
use crate::hosted::Hosted;

/// One start of one host.
#[derive(Clone)]
pub(crate) struct TurmoilMachine {
    pub(crate) station: Arc<Station>,
    start: u32,
}

/// A handle on the start of that number.
pub(crate) fn handle(station: &Arc<Station>, start: u32) -> Host {
    Host::new(Arc::new(TurmoilMachine { station: station.clone(), start }))
}

impl TurmoilMachine {
    fn is_alive(&self) -> bool {
        self.station.lives(self.start)
    }

    /// Carries out what only this machine's own code can do: here and now if that is what runs, and otherwise by a task of
    /// this machine's, whose result is brought over.
    fn at_home<T: Send + 'static>(
        &self,
        name: &'static str,
        errand: impl Future<Output = T> + Send + 'static,
    ) -> BoxFuture<'static, T> {
        if !self.is_alive() {
            return Box::pin(pending());
        }
        if self.station.runs() {
            return Box::pin(errand);
        }
        let (sender, result) = oneshot::channel();
        let errand = async move {
            // Nobody waits any more if whoever asked has gone.
            let _ = sender.send(errand.await);
        };
        self.spawn(name, Location::caller(), Box::pin(errand)).detach();
        Box::pin(async move {
            match result.await {
                Ok(result) => result,
                // It died with its machine.
                Err(_) => pending().await,
            }
        })
    }

    /// Calls `start` with the program that `command` names.
    fn begin<T: Send + 'static>(
        &self,
        command: Command,
        start: impl FnOnce(&Host, &dyn Program, Command) -> T,
    ) -> BoxFuture<'static, io::Result<T>> {
        if !self.is_alive() {
            return Box::pin(pending());
        }
        let host = handle(&self.station, self.start);
        let program = self.station.program(&command.program);
        Box::pin(ready(program.map(|program| start(&host, &*program, command))))
    }
}

impl fmt::Debug for TurmoilMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurmoilMachine({}, start {})", self.station.name, self.start)
    }
}

impl Machine for TurmoilMachine {
    fn name(&self) -> &str {
        &self.station.name
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.station.monotonic())
    }

    fn wall(&self) -> Timestamp {
        self.station.clock.wall(self.station.ahead())
    }

    #[allow(clippy::disallowed_methods, reason = "here the runtime's timer is the host's")]
    fn poll_timer(&self, deadline: Instant, slot: &mut TimerSlot, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_alive() {
            return Poll::Pending;
        }
        loop {
            let now = self.now();
            if now >= deadline {
                *slot = TimerSlot::Idle;
                return Poll::Ready(());
            }
            let TimerSlot::Future(timer) = slot else {
                // tokio rounds a deadline up to its next millisecond, so that no timer fires early.
                *slot = TimerSlot::Future(Box::pin(tokio::time::sleep(deadline - now)));
                continue;
            };
            std::task::ready!(timer.as_mut().poll(context));
            *slot = TimerSlot::Idle;
        }
    }

    fn cancel_timer(&self, slot: &mut TimerSlot) {
        *slot = TimerSlot::Idle;
    }

    fn random_seed(&self, purpose: &str) -> [u8; 32] {
        self.station.random_seed(self.start, purpose)
    }

    fn spawn(&self, name: &'static str, site: &'static Location<'static>, future: BoxFuture<'static, ()>) -> Task {
        if !self.is_alive() {
            return Task::new(Box::new(NeverStarted));
        }
        let (task, control) = task::new(Hosted::new(self.station.name.clone(), name, site, future));
        self.station.spawn(self.start, task);
        Task::new(Box::new(control))
    }

    fn connect(&self, to: &Address) -> BoxFuture<'_, io::Result<Stream>> {
        let (machine, to) = (self.clone(), to.clone());
        if self.station.runs() {
            return self.at_home("connect", async move { opening::open(&machine.station, &to).await });
        }
        self.at_home("connect", async move {
            let opened = opening::open(&machine.station, &to).await?;
            Ok(stream::brought_over(&machine, opened))
        })
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Listener>> {
        let machine = self.clone();
        self.at_home("listen", async move { listener::listen(&machine, port).await })
    }

    fn bind_datagram(&self, port: u16) -> BoxFuture<'_, io::Result<DatagramSocket>> {
        let machine = self.clone();
        self.at_home("bind", async move { datagram::bind(&machine, port).await })
    }

    fn start(&self, command: Command) -> BoxFuture<'_, io::Result<Process>> {
        self.begin(command, process::start)
    }

    fn start_terminal(&self, command: Command, size: TerminalSize) -> BoxFuture<'_, io::Result<Terminal>> {
        self.begin(command, move |host, program, command| process::start_terminal(host, program, command, size))
    }

    fn file(&self, path: PathBuf, operation: FileOperation) -> BoxFuture<'_, io::Result<FileReply>> {
        if !self.is_alive() {
            return Box::pin(pending());
        }
        Box::pin(ready(self.station.file(path, operation)))
    }
}

/// A pause of the machine itself.
#[allow(clippy::disallowed_methods, reason = "here the runtime's timer is the host's")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
