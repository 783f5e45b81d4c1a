//! Processes that have a terminal.
//!
//! A process behind pipes is fine for scripts. What people type into wants a terminal: a shell shows a prompt only on
//! one, an editor asks for its size, and Ctrl-C is a key there. The terminal here is a *pseudo-terminal*: the
//! process has the one end, whoever started it the other.
//!
//! It begins as Unix terminals do: what is typed comes back as output (it *echoes*), is handed to the process line
//! by line, and the bytes 3 (Ctrl-C) and 4 (Ctrl-D) interrupt the process and end its input; each line end of the
//! output becomes a carriage return and a line feed.

use std::{fmt, io};

use crate::process::{Exit, Input, Output, ProcessControl, Signal};

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Rows, from 1.
    pub rows: u16,
    /// Columns, from 1.
    pub columns: u16,
}

impl Default for TerminalSize {
    /// 24 rows of 80 columns: what programs assume that are not told.
    fn default() -> Self {
        Self { rows: 24, columns: 80 }
    }
}

/// What an engine gives to steer a process and its terminal.
pub trait TerminalControl: ProcessControl {
    /// Changes the size, and tells the process (SIGWINCH).
    fn resize(&mut self, size: TerminalSize) -> io::Result<()>;
}

/// A running process with a terminal of its own, whose session it leads. Dropping it kills the process; it also ends
/// with its host.
pub struct Terminal {
    /// What is typed. Dropping this does not end the process's input: byte 4 does.
    pub input: Option<Input>,
    /// What the terminal shows: output and errors, as one stream, and the echo. It ends once the process has, even
    /// if others that it started have the terminal still: with the leader the session is over.
    pub output: Option<Output>,
    control: Box<dyn TerminalControl>,
}

impl Terminal {
    /// A terminal with these ends.
    pub fn new(input: Input, output: Output, control: impl TerminalControl) -> Self {
        Self { input: Some(input), output: Some(output), control: Box::new(control) }
    }

    /// Changes the size, and tells the process.
    pub fn resize(&mut self, size: TerminalSize) -> io::Result<()> {
        self.control.resize(size)
    }

    /// Sends a signal to the process and to those that it started and that are still in its group. Fails with
    /// [`NotFound`](io::ErrorKind::NotFound) once the process has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        self.control.signal(signal)
    }

    /// Waits for the end of the process. Cancel safe.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        std::future::poll_fn(|context| self.control.poll_exit(context)).await
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal")
    }
}
