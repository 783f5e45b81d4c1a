//! Processes.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::PathBuf,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};

/// What to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name that the machine looks up.
    pub program: String,
    /// Its arguments, without the program's name.
    pub arguments: Vec<String>,
    /// Its whole environment: nothing is inherited, so that a run does not depend on who started it.
    pub environment: BTreeMap<String, String>,
    /// Where it runs; the machine's root if absent.
    pub directory: Option<PathBuf>,
}

impl Command {
    /// Starts `program` with no arguments and an empty environment.
    pub fn new(program: impl Into<String>) -> Self {
        Self { program: program.into(), ..Self::default() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }
}

/// What can be sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// SIGHUP: its terminal has gone.
    Hangup,
    /// SIGINT: as Ctrl-C.
    Interrupt,
    /// SIGTERM: a polite request to end.
    Terminate,
    /// SIGKILL: can't be ignored.
    Kill,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal's default action.
    Signal(Signal),
    /// By a signal that has no name here.
    OtherSignal(i32),
}

impl Exit {
    /// Whether it ended by itself with status 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal:?}"),
            Self::OtherSignal(number) => write!(f, "ended by signal {number}"),
        }
    }
}

/// What an engine gives to steer one process.
pub trait ProcessControl: Send + 'static {
    /// Sends a signal. Fails with [`NotFound`](io::ErrorKind::NotFound) once the process has ended.
    fn signal(&mut self, signal: Signal) -> io::Result<()>;

    /// How it ended, once it has. May be polled again afterwards.
    fn poll_exit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Exit>>;
}

/// A process's input.
pub type Input = Box<dyn AsyncWrite + Send + Unpin>;

/// A process's output.
pub type Output = Box<dyn AsyncRead + Send + Unpin>;

/// A running process. Dropping it kills the process; it also ends with its host.
pub struct Process {
    /// Its standard input; dropping this closes it.
    pub input: Option<Input>,
    /// Its standard output.
    pub output: Option<Output>,
    /// Its standard error.
    pub error: Option<Output>,
    control: Box<dyn ProcessControl>,
}

impl Process {
    /// A process with these pipes.
    pub fn new(input: Input, output: Output, error: Output, control: impl ProcessControl) -> Self {
        Self { input: Some(input), output: Some(output), error: Some(error), control: Box::new(control) }
    }

    /// Sends a signal to the process and to those that it started and that are still in its group. Fails with
    /// [`NotFound`](io::ErrorKind::NotFound) once the process has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        self.control.signal(signal)
    }

    /// Waits for the end. Cancel safe.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        std::future::poll_fn(|context| self.control.poll_exit(context)).await
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}
