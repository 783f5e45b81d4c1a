//! Real pseudo-terminals. The process behind one leads a session of its own, and so a group.

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    named,
    process::{Control, Processes},
    signals,
};
use crate::{
    process::{Command, Exit, ProcessControl, Signal},
    terminal::{Terminal, TerminalControl, TerminalSize},
};

impl Processes {
    /// Starts `command` with a terminal. A program's bare name is looked up as [`start`](Self::start) does.
    pub(super) fn start_terminal(&self, root: &Path, command: Command, size: TerminalSize) -> io::Result<Terminal> {
        let directory = command.directory.as_ref().map_or_else(|| root.to_owned(), |directory| root.join(directory));
        let starting = || format!("starting {} in {}, with a terminal", command.program, directory.display());
        let opened = pty_process::open().and_then(|(end, its_end)| {
            end.resize(Size::new(size.rows, size.columns))?;
            let starting = pty_process::Command::new(&command.program);
            #[allow(unsafe_code, reason = "how a child takes signals can be said in no other way")]
            // SAFETY: what is called may be called between fork and exec.
            let starting = unsafe { starting.pre_exec(signals::take_by_default) };
            let child = starting
                .args(&command.arguments)
                .env_clear()
                .envs(&command.environment)
                .current_dir(&directory)
                .kill_on_drop(true)
                .spawn(its_end)?;
            Ok((end, child))
        });
        let (end, child) = opened.map_err(|error| named(plain(error), starting()))?;
        let (output, input) = end.into_split();
        let input = Arc::new(Mutex::new(input));
        let control = LiveTerminal { process: self.lead(child, command.program), end: input.clone() };
        Ok(Terminal::new(Box::new(Keys(input)), Box::new(Screen(output)), control))
    }
}

/// The library's error as the seam's, with its kind.
fn plain(error: pty_process::Error) -> io::Error {
    match error {
        pty_process::Error::Io(error) => error,
        pty_process::Error::Rustix(error) => error.into(),
        other => io::Error::other(other.to_string()),
    }
}

fn lock(end: &Mutex<OwnedWritePty>) -> MutexGuard<'_, OwnedWritePty> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is typed. Shared with the control, because the size is changed through the same end.
struct Keys(Arc<Mutex<OwnedWritePty>>);

impl AsyncWrite for Keys {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *lock(&self.0)).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is kept back. The library would wait until the terminal takes more.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What the terminal shows.
struct Screen(OwnedReadPty);

impl AsyncRead for Screen {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.0).poll_read(context, buffer)) {
            // How Linux says that nobody has the other end any more. The seam's streams just end.
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

struct LiveTerminal {
    process: Control,
    end: Arc<Mutex<OwnedWritePty>>,
}

impl ProcessControl for LiveTerminal {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        self.process.signal(signal)
    }

    fn poll_exit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Exit>> {
        self.process.poll_exit(context)
    }
}

impl TerminalControl for LiveTerminal {
    fn resize(&mut self, size: TerminalSize) -> io::Result<()> {
        let resized = lock(&self.end).resize(Size::new(size.rows, size.columns));
        resized.map_err(|error| named(plain(error), format_args!("resizing a terminal to {size:?}")))
    }
}
