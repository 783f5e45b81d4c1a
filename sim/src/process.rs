//! Simulated processes: a program is a future that owns the process's pipes.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use groundhog_host::{
    Command, Host, Process, Task,
    machine::BoxFuture,
    process::{Exit, ProcessControl, Signal},
};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};

use crate::{hosts::HostId, kernel, machine};

/// What a pipe holds before its writer must wait, in bytes: Linux's default.
const PIPE_BYTES: usize = 64 << 10;

/// A program that simulated hosts can start; see [`World::program`](crate::World::program). A function from a
/// [`Running`] process to a future of its exit status is one.
pub trait Program: 'static {
    /// The process's life, up to its exit status.
    fn run(&self, process: Running) -> BoxFuture<'static, i32>;
}

impl<F, Fut> Program for F
where
    F: Fn(Running) -> Fut + 'static,
    Fut: Future<Output = i32> + Send + 'static,
{
    fn run(&self, process: Running) -> BoxFuture<'static, i32> {
        Box::pin(self(process))
    }
}

/// What a program has in hand while it runs.
#[derive(Debug)]
pub struct Running {
    /// The machine it runs on.
    pub host: Host,
    /// How it was called.
    pub command: Command,
    /// Its standard input.
    pub input: DuplexStream,
    /// Its standard output.
    pub output: DuplexStream,
    /// Its standard error.
    pub error: DuplexStream,
    /// The signals sent to it.
    pub signals: Signals,
}

/// The signals sent to a process. Until [`handle`](Self::handle) is called every signal ends the process.
pub struct Signals {
    life: Arc<Life>,
    received: mpsc::UnboundedReceiver<Signal>,
}

impl Signals {
    /// Takes signals over from now on: all but [`Signal::Kill`] go to [`receive`](Self::receive).
    pub fn handle(&mut self) {
        self.life.lock().handled = true;
    }

    /// The next signal. Pends for ever while none comes.
    pub async fn receive(&mut self) -> Signal {
        match self.received.recv().await {
            Some(signal) => signal,
            // Nobody is left who could send one.
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signals")
    }
}

/// What a process and those who hold it share.
#[derive(Default)]
struct Life {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    exit: Option<Exit>,
    handled: bool,
    waiter: Option<Waker>,
}

impl Life {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how it ended, unless it has ended before.
    fn end(&self, exit: Exit) {
        let mut state = self.lock();
        state.exit.get_or_insert(exit);
        if let Some(waiter) = state.waiter.take() {
            waiter.wake();
        }
    }
}

/// Starts `program` as a process on `host`.
pub(crate) fn start(host: HostId, program: &dyn Program, command: Command) -> io::Result<Process> {
    let handle = machine::handle(host).ok_or_else(|| io::Error::other("no simulation runs on this thread"))?;
    let (input, its_input) = duplex(PIPE_BYTES);
    let (its_output, output) = duplex(PIPE_BYTES);
    let (its_error, error) = duplex(PIPE_BYTES);
    let (signal, received) = mpsc::unbounded_channel();
    let life = Arc::new(Life::default());
    let running = Running {
        host: handle,
        command,
        input: its_input,
        output: its_output,
        error: its_error,
        signals: Signals { life: life.clone(), received },
    };
    let future = program.run(running);
    let ending = life.clone();
    let future = Box::pin(async move {
        let status = future.await;
        ending.end(Exit::Code(status));
    });
    let task = kernel::with(|kernel| kernel.executor.spawn(host, "process", Location::caller(), future))
        .ok_or_else(|| io::Error::other("no simulation runs on this thread"))?;
    Ok(Process::new(Box::new(input), Box::new(output), Box::new(error), Control { life, task, signal }))
}

struct Control {
    life: Arc<Life>,
    task: Task,
    signal: mpsc::UnboundedSender<Signal>,
}

impl ProcessControl for Control {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        let (ended, handled) = {
            let state = self.life.lock();
            (state.exit.is_some(), state.handled)
        };
        if ended {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the process has ended"));
        }
        if handled && signal != Signal::Kill {
            // The process may be gone between the check and now only if it ended, which is no error.
            let _ = self.signal.send(signal);
        } else {
            self.task.abort();
            self.life.end(Exit::Signal(signal));
        }
        Ok(())
    }

    fn poll_exit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Exit>> {
        let mut state = self.life.lock();
        match state.exit {
            Some(exit) => Poll::Ready(Ok(exit)),
            None => {
                state.waiter = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}
