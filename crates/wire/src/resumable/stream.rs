//! One end of a stream where its parts reach it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use groundhog_host::{Host, Instant};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

use super::{
    core::{Core, Read, Written},
    driver::{Attachment, PathEnd},
};

/// A byte stream to an agent, or to its visitor, whatever paths it goes over.
///
/// What was written arrives as long as the two ends find a path; so a write returns once there is room to keep it, and a
/// shutdown at once. Dropping a stream that was not shut down resets it: the other end gets an error, and what was on
/// its way may be lost. One that was shut down is kept until all has arrived.
#[derive(Debug)]
pub struct ResumableStream {
    handle: StreamHandle,
}

/// The same for whoever finds its paths. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StreamHandle {
    shared: Arc<Shared>,
}

/// A stream's way to its next path. One that is taken later counts.
#[derive(Clone, Debug)]
pub struct Turn {
    number: u64,
    received: u64,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// There may be something to say.
    due: Notify,
    /// The stream has got a path, has lost it, or is over.
    turned: Notify,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) core: Core,
    /// Counts the paths.
    pub(super) path: u64,
    pub(super) attached: bool,
    /// When something was heard on the present path, or it began.
    pub(super) heard_at: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl StreamHandle {
    /// One end of a new stream, which has no path.
    pub fn new() -> (Self, ResumableStream) {
        let handle = Self { shared: Arc::default() };
        let stream = ResumableStream { handle: handle.clone() };
        (handle, stream)
    }

    /// Leaves the path that there is, if there is one, for another one that is about to begin.
    pub fn turn(&self) -> Turn {
        self.act(|state| {
            state.attached = false;
            state.path += 1;
            Turn { number: state.path, received: state.core.received() }
        })
    }

    /// Goes on over the path of this turn, whose other end says that it has received so much. Fails if a later turn was
    /// taken, or the count can't be, which resets the stream.
    pub fn attach(&self, host: &Host, turn: &Turn, received_there: u64) -> Result<Attachment, PathEnd> {
        let now = host.now();
        let number = turn.number;
        self.act(|state| {
            if state.path != number {
                return Err(PathEnd::Left);
            }
            if let Err(violation) = state.core.attach(received_there) {
                state.core.reset(&violation.to_string());
                return Err(PathEnd::Violated(violation));
            }
            state.attached = true;
            state.heard_at = Some(now);
            Ok(())
        })?;
        Ok(Attachment::new(self.clone(), number))
    }

    /// Ends the stream for this reason, unless it has ended. The other end is told if there is a path, or comes to be.
    pub fn reset(&self, reason: &str) {
        self.act(|state| state.core.reset(reason));
    }

    /// Asks the other end for a sign of life.
    pub fn ping(&self) {
        self.act(|state| state.core.ping());
    }

    /// When the present path began or something was last heard on it. The last one's if there is none.
    pub fn heard_at(&self) -> Option<Instant> {
        self.state().heard_at
    }

    /// Whether there is a path.
    pub fn is_attached(&self) -> bool {
        self.state().attached
    }

    /// Why the stream was reset, if it was.
    pub fn reset_reason(&self) -> Option<String> {
        self.state().core.reset_reason().map(str::to_owned)
    }

    /// Whether the stream has ended, and nothing is left to be said of it.
    pub fn is_over(&self) -> bool {
        self.state().core.is_over()
    }

    /// Whether nothing but a last confirmation is missing.
    pub fn is_complete(&self) -> bool {
        self.state().core.is_complete()
    }

    /// Waits until the stream has ended and nothing is left to be said of it. Cancel safe.
    pub async fn over(&self) {
        self.until(|state| state.core.is_over()).await;
    }

    /// Waits until the stream was reset, by either end. Cancel safe.
    pub async fn was_reset(&self) {
        self.until(|state| state.core.reset_reason().is_some()).await;
    }

    /// Waits until there has been no path for so long. Cancel safe, but begins anew.
    pub async fn detached_for(&self, host: &Host, duration: Duration) {
        loop {
            self.until(|state| !state.attached).await;
            if host.timeout(duration, self.until(|state| state.attached)).await.is_err() {
                return;
            }
        }
    }

    /// Waits until a path of this number is the present one no longer.
    pub(super) async fn until_left(&self, path: u64) {
        self.until(|state| state.path != path).await;
    }

    /// Waits until `next` finds something to say, and returns that.
    pub(super) async fn next_due<T>(&self, mut next: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            // Listening before looking: what happens in between is not missed.
            let due = self.shared.due.notified();
            let (found, turned) = {
                let mut state = self.state();
                let was_over = state.core.is_over();
                (next(&mut state), was_over != state.core.is_over())
            };
            // The last word has been taken to be said.
            if turned {
                self.shared.turned.notify_waiters();
            }
            match found {
                Some(found) => return found,
                None => due.await,
            }
        }
    }

    /// Changes the state, and wakes whoever that concerns.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let before = (state.path, state.attached, state.core.is_over(), state.core.reset_reason().is_some());
        let result = act(&mut state);
        let after = (state.path, state.attached, state.core.is_over(), state.core.reset_reason().is_some());
        let reader = if state.core.is_readable() { state.reader.take() } else { None };
        let writer = if state.core.is_writable() { state.writer.take() } else { None };
        let is_due = state.core.due().is_some();
        drop(state);
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
        if is_due || before != after {
            self.shared.due.notify_waiters();
        }
        if before != after {
            self.shared.turned.notify_waiters();
        }
        result
    }

    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        loop {
            // Listening before looking, as above.
            let turned = self.shared.turned.notified();
            if is_so(&self.state()) {
                return;
            }
            turned.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// What the other end is to be told in a hello or a welcome: how much was received.
    pub fn received(&self) -> u64 {
        self.received
    }
}

impl ResumableStream {
    /// What finds its paths.
    pub fn handle(&self) -> &StreamHandle {
        &self.handle
    }

    /// Ends the write side, as a shutdown does.
    pub fn finish(&mut self) {
        self.handle.act(|state| state.core.finish());
    }
}

impl Drop for ResumableStream {
    fn drop(&mut self) {
        self.handle.act(|state| state.core.abandon());
    }
}

impl AsyncRead for ResumableStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.handle.act(|state| match state.core.read(buffer.initialize_unfilled()) {
            Read::Bytes(count) => {
                buffer.advance(count);
                Poll::Ready(Ok(()))
            }
            Read::End => Poll::Ready(Ok(())),
            Read::Reset(reason) => Poll::Ready(Err(was_reset(reason))),
            Read::Nothing => {
                state.reader = Some(context.waker().clone());
                Poll::Pending
            }
        })
    }
}

impl AsyncWrite for ResumableStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.handle.act(|state| match state.core.write(bytes) {
            Written::Bytes(count) => Poll::Ready(Ok(count)),
            Written::Finished => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Written::Reset(reason) => Poll::Ready(Err(was_reset(reason))),
            Written::Nothing => {
                state.writer = Some(context.waker().clone());
                Poll::Pending
            }
        })
    }

    /// At once: what was written is kept until it has arrived.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// At once, too.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(reason) = self.handle.reset_reason() {
            return Poll::Ready(Err(was_reset(reason)));
        }
        self.finish();
        Poll::Ready(Ok(()))
    }
}

fn was_reset(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, reason)
}
