//! What a live machine shares with everything obtained from it.

use std::{
    future::Future,
    io,
    panic::Location,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use jiff::Timestamp;
use tokio::runtime::Handle;

use super::{LiveConfig, files, net, process::Processes, task::Tasks};
use crate::{
    files::{FileOperation, FileReply},
    machine::{BoxFuture, Machine, TimerSlot},
    net::{Address, DatagramSocket, Listener, Stream},
    process::{Command, Process},
    task::Task,
    terminal::{Terminal, TerminalSize},
    time::Instant,
};

/// One machine, alive or stopped.
#[derive(Debug)]
pub(super) struct Core {
    name: String,
    config: LiveConfig,
    runtime: Handle,
    /// Where the monotonic clock's zero is.
    origin: std::time::Instant,
    stopped: AtomicBool,
    pub(super) tasks: Arc<Tasks>,
    processes: Processes,
}

impl Core {
    pub(super) fn new(name: String, config: LiveConfig, runtime: Handle) -> Self {
        Self {
            name,
            config,
            runtime,
            origin: std::time::Instant::now(),
            stopped: AtomicBool::new(false),
            tasks: Arc::default(),
            processes: Processes::default(),
        }
    }

    /// Ends the tasks and the processes, and lets everything else pend. Nothing if that has happened.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.tasks.stop();
        self.processes.kill_all();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// `operation` as a machine gives it out: it stays pending once the machine has stopped.
    fn while_running<'a, T>(&'a self, operation: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
        Box::pin(async move {
            let mut operation = pin!(operation);
            std::future::poll_fn(
                |context| {
                    if self.is_stopped() { Poll::Pending } else { operation.as_mut().poll(context) }
                },
            )
            .await
        })
    }

    fn arm(&self, deadline: Instant) -> TimerSlot {
        let deadline = self.origin + Duration::from_micros(deadline.as_micros());
        let _inside = self.runtime.enter();
        TimerSlot::Future(Box::pin(tokio::time::sleep_until(deadline.into())))
    }
}

impl Machine for Core {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.origin.elapsed().as_micros().try_into().unwrap_or(u64::MAX))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn poll_timer(&self, deadline: Instant, slot: &mut TimerSlot, context: &mut Context<'_>) -> Poll<()> {
        if self.is_stopped() {
            return Poll::Pending;
        }
        loop {
            if self.now() >= deadline {
                *slot = TimerSlot::Idle;
                return Poll::Ready(());
            }
            let TimerSlot::Future(timer) = slot else {
                *slot = self.arm(deadline);
                continue;
            };
            std::task::ready!(timer.as_mut().poll(context));
            // tokio's timer has gone off, so the next look at the clock ends this; should the clock disagree,
            // it is the clock that counts, and the timer is set again.
            *slot = TimerSlot::Idle;
        }
    }

    fn cancel_timer(&self, slot: &mut TimerSlot) {
        *slot = TimerSlot::Idle;
    }

    /// Fresh from the operating system each time, whatever the purpose.
    fn random_seed(&self, _purpose: &str) -> [u8; 32] {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("a system that can start a program has randomness to give");
        seed
    }

    fn spawn(&self, name: &'static str, site: &'static Location<'static>, future: BoxFuture<'static, ()>) -> Task {
        self.tasks.spawn(&self.runtime, name, site, future)
    }

    fn connect(&self, to: &Address) -> BoxFuture<'_, io::Result<Stream>> {
        let to = to.clone();
        self.while_running(async move { net::connect(&self.config, &to).await })
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Listener>> {
        self.while_running(net::listen(&self.config, port))
    }

    fn bind_datagram(&self, port: u16) -> BoxFuture<'_, io::Result<DatagramSocket>> {
        self.while_running(net::bind_datagram(&self.config, port))
    }

    fn start(&self, command: Command) -> BoxFuture<'_, io::Result<Process>> {
        self.while_running(async move { self.processes.start(&self.config.root, command) })
    }

    fn start_terminal(&self, command: Command, size: TerminalSize) -> BoxFuture<'_, io::Result<Terminal>> {
        self.while_running(async move { self.processes.start_terminal(&self.config.root, command, size) })
    }

    fn file(&self, path: PathBuf, operation: FileOperation) -> BoxFuture<'_, io::Result<FileReply>> {
        self.while_running(async move {
            let root = self.config.root.clone();
            // The file system blocks, which no task may do.
            let work = self.runtime.spawn_blocking(move || files::run(&root, &path, operation));
            work.await.map_err(|error| io::Error::other(format!("a file operation was lost: {error}")))?
        })
    }
}
