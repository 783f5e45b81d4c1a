//! Simulated processes: a program is a future that owns the process's pipes.

use std::{
    fmt,
    future::Future,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use groundhog_host::{
    Command, Host, Process, Task, Terminal, TerminalSize,
    machine::BoxFuture,
    process::{Exit, ProcessControl, Signal},
    terminal::TerminalControl,
};
use tokio::sync::mpsc;

use crate::{
    pipe::{Form, PipeReader, PipeWriter, pipe},
    terminal::{self, Resizer, TerminalEnd},
};

/// A program that simulated hosts can start; see [`World::program`](crate::World::program). A function from a
/// [`Running`] process to a future of its exit status is one.
pub trait Program: Send + Sync + 'static {
    /// The process's life, up to its exit status.
    fn run(&self, process: Running) -> BoxFuture<'static, i32>;
}

impl<F, Fut> Program for F
where
    F: Fn(Running) -> Fut + Send + Sync + 'static,
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
    pub input: PipeReader,
    /// Its standard output.
    pub output: PipeWriter,
    /// Its standard error; with a terminal, the same as its output.
    pub error: PipeWriter,
    /// The signals sent to it.
    pub signals: Signals,
    /// Its terminal, if it was started with one. What is typed comes through the input, line by line.
    pub terminal: Option<TerminalEnd>,
    /// What it starts in the background.
    pub group: Group,
}

/// A process's group: what it starts beside itself, which lives on when the process exits by itself. A child that is
/// given a clone of the process's output keeps that open.
#[derive(Clone)]
pub struct Group {
    life: Arc<Life>,
    host: Host,
}

impl Group {
    /// Starts a child in the group. It ends with its host, and by every signal to the group: a child of which
    /// somebody would want to know more is a program of its own.
    #[track_caller]
    pub fn start(&self, child: impl Future<Output = ()> + Send + 'static) {
        let task = self.host.spawn("background child", child);
        let mut state = self.life.lock();
        match state.exit {
            Some(Exit::Signal(_)) => task.abort(),
            _ => state.children.push(task),
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Group")
    }
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
struct Life {
    state: Mutex<State>,
    signals: mpsc::UnboundedSender<Signal>,
}

#[derive(Default)]
struct State {
    exit: Option<Exit>,
    handled: bool,
    waiter: Option<Waker>,
    /// The process itself. None before its first run.
    leader: Option<Task>,
    children: Vec<Task>,
    terminal: Option<Session>,
}

/// What of a terminal ends with the process that leads its session.
struct Session {
    discipline: Task,
    screen: PipeWriter,
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
        if let Some(session) = state.terminal.take() {
            session.discipline.abort();
            session.screen.close();
        }
    }

    /// Sends a signal to the group.
    fn signal(&self, signal: Signal) -> io::Result<()> {
        let (handled, children) = {
            let mut state = self.lock();
            if state.exit.is_some() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the process has ended"));
            }
            (state.handled, std::mem::take(&mut state.children))
        };
        children.iter().for_each(Task::abort);
        if handled && signal != Signal::Kill {
            // The process may be gone between the check and now only if it ended, which is no error.
            let _ = self.signals.send(signal);
        } else {
            self.abort();
            self.end(Exit::Signal(signal));
        }
        Ok(())
    }

    /// Ends the process itself where it is.
    fn abort(&self) {
        let leader = self.lock().leader.take();
        if let Some(leader) = leader {
            leader.abort();
        }
    }

    /// Kills the group, if the process that leads it still runs.
    fn kill(&self) {
        // The only thing that can go wrong is that it has ended, which is what is wanted.
        let _ = self.signal(Signal::Kill);
    }
}

/// Starts `program` as a process on `host`, out of tasks of that host. Engines call this for programs that were
/// installed.
pub fn start(host: &Host, program: &dyn Program, command: Command) -> Process {
    let (input, its_input) = pipe(Form::Plain);
    let (its_output, output) = pipe(Form::Plain);
    let (its_error, error) = pipe(Form::Plain);
    let life = lead(host, program, command, Ends { input: its_input, output: its_output, error: its_error }, None);
    Process::new(Box::new(input), Box::new(output), Box::new(error), Control { life })
}

/// As [`start`], with a terminal of its own.
pub fn start_terminal(host: &Host, program: &dyn Program, command: Command, size: TerminalSize) -> Terminal {
    let (input, keys) = pipe(Form::Plain);
    let (lines, its_input) = pipe(Form::Plain);
    let (screen, output) = pipe(Form::Screen);
    let (resizer, end) = terminal::sized(size);
    let ends = Ends { input: its_input, output: screen.clone(), error: screen.clone() };
    let life = lead(host, program, command, ends, Some(end));
    let signalled = life.clone();
    let discipline = terminal::discipline(keys, screen.clone(), lines, move |signal| {
        // A process that has ended can't be interrupted, nor need it.
        let _ = signalled.signal(signal);
    });
    life.lock().terminal = Some(Session { discipline: host.spawn("terminal", discipline), screen });
    Terminal::new(Box::new(input), Box::new(output), TerminalHolder { control: Control { life }, resizer })
}

/// A process's ends of its pipes.
struct Ends {
    input: PipeReader,
    output: PipeWriter,
    error: PipeWriter,
}

fn lead(host: &Host, program: &dyn Program, command: Command, ends: Ends, terminal: Option<TerminalEnd>) -> Arc<Life> {
    let (signals, received) = mpsc::unbounded_channel();
    let life = Arc::new(Life { state: Mutex::default(), signals });
    let running = Running {
        host: host.clone(),
        command,
        input: ends.input,
        output: ends.output,
        error: ends.error,
        signals: Signals { life: life.clone(), received },
        terminal,
        group: Group { life: life.clone(), host: host.clone() },
    };
    let future = program.run(running);
    let ending = life.clone();
    let task = host.spawn("process", async move {
        let status = future.await;
        ending.end(Exit::Code(status));
    });
    life.lock().leader = Some(task);
    life
}

struct Control {
    life: Arc<Life>,
}

impl ProcessControl for Control {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        self.life.signal(signal)
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
        self.life.kill();
    }
}

/// The way to a process and its terminal.
struct TerminalHolder {
    control: Control,
    resizer: Resizer,
}

impl ProcessControl for TerminalHolder {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        self.control.signal(signal)
    }

    fn poll_exit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Exit>> {
        self.control.poll_exit(context)
    }
}

impl TerminalControl for TerminalHolder {
    fn resize(&mut self, size: TerminalSize) -> io::Result<()> {
        self.resizer.resize(size);
        Ok(())
    }
}
