//! Pipes between a simulated process and who started it: bounded, with one reader and any number of writers.

use std::{
    collections::VecDeque,
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a pipe holds before its writers must wait, in bytes: Linux's default.
const PIPE_BYTES: usize = 64 << 10;

/// What is done to the bytes on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing.
    Plain,
    /// A carriage return is put before each line feed, as on a terminal.
    Screen,
}

/// A pipe with one writer.
pub(crate) fn pipe(form: Form) -> (PipeWriter, PipeReader) {
    let state = State {
        bytes: VecDeque::new(),
        form,
        writers: 1,
        is_closed: false,
        is_read: true,
        reader: None,
        waiting: Vec::new(),
    };
    let shared = Arc::new(Mutex::new(state));
    (PipeWriter { shared: shared.clone(), is_done: false }, PipeReader { shared })
}

struct State {
    bytes: VecDeque<u8>,
    form: Form,
    writers: usize,
    /// Whether it was closed for all its writers.
    is_closed: bool,
    /// Whether the reader is still there.
    is_read: bool,
    reader: Option<Waker>,
    /// Who waits for room, in the order in which they came.
    waiting: Vec<Waker>,
}

impl State {
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn wake_writers(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of a pipe that is written to. A clone is one more writer: the reader sees the end once all are dropped,
/// which is how a process's child in the background keeps its output open.
pub struct PipeWriter {
    shared: Arc<Mutex<State>>,
    is_done: bool,
}

impl PipeWriter {
    /// Ends the pipe for all its writers. What was written can still be read.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.shared);
        state.is_closed = true;
        state.wake_reader();
        state.wake_writers();
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_done, true) {
            return;
        }
        let mut state = lock(&self.shared);
        state.writers -= 1;
        if state.writers == 0 {
            state.wake_reader();
        }
    }
}

impl Clone for PipeWriter {
    fn clone(&self) -> Self {
        if !self.is_done {
            lock(&self.shared).writers += 1;
        }
        Self { shared: self.shared.clone(), is_done: self.is_done }
    }
}

impl Drop for PipeWriter {
    fn drop(&mut self) {
        self.finish();
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.shared);
        if self.is_done || state.is_closed || !state.is_read {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = PIPE_BYTES.saturating_sub(state.bytes.len());
        if room == 0 && !bytes.is_empty() {
            if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiting.push(context.waker().clone());
            }
            return Poll::Pending;
        }
        // A screen's line ends may take it over its bound by as many bytes as were taken: at most as much again.
        let taken = &bytes[..room.min(bytes.len())];
        match state.form {
            Form::Plain => state.bytes.extend(taken),
            Form::Screen => {
                for byte in taken {
                    state.bytes.extend((*byte == b'\n').then_some(b'\r'));
                    state.bytes.push_back(*byte);
                }
            }
        }
        state.wake_reader();
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PipeWriter")
    }
}

/// The end of a pipe that is read from. Once it is dropped, writers get [`BrokenPipe`](io::ErrorKind::BrokenPipe).
pub struct PipeReader {
    shared: Arc<Mutex<State>>,
}

impl AsyncRead for PipeReader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = lock(&self.shared);
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if state.bytes.is_empty() {
            if state.is_closed || state.writers == 0 {
                return Poll::Ready(Ok(()));
            }
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let (first, _) = state.bytes.as_slices();
        let count = first.len().min(buffer.remaining());
        buffer.put_slice(&first[..count]);
        state.bytes.drain(..count);
        state.wake_writers();
        Poll::Ready(Ok(()))
    }
}

impl Drop for PipeReader {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        state.is_read = false;
        state.bytes.clear();
        state.wake_writers();
    }
}

impl fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PipeReader")
    }
}
