//! What scripts write, on its way to the control plane.
//!
//! - [`lines`]: output cut into lines. [`text`]: a line as text that every store takes (A13).
//! - [`queue`]: which lines wait, and when they are sent (A8).
//! - `sender`: sending them.
//! - [`Logs`] (here): the queue where the parts of an agent reach it. [`Writer`]: one stream of a script's output.

pub(crate) mod lines;
#[cfg(test)]
mod model;
pub(crate) mod queue;
mod sender;
pub(crate) mod text;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_host::{Host, until};
use groundhog_wire::v1::LogLevel;
use tokio::sync::Notify;

use self::{
    lines::Lines,
    queue::{Batch, Due, Pushed, Queue},
};

/// The log lines that wait for the control plane. They outlive every connection.
pub(crate) struct Logs {
    host: Host,
    queue: Mutex<Queue>,
    /// Woken when there are lines, or fewer of them.
    changed: Notify,
}

impl Logs {
    pub(crate) fn new(host: &Host) -> Self {
        Self { host: host.clone(), queue: Mutex::default(), changed: Notify::new() }
    }

    /// What writes lines of this source and level.
    pub(crate) fn writer(self: &Arc<Self>, source: &str, level: LogLevel) -> Writer {
        Writer { logs: self.clone(), source: source.to_owned(), level, lines: Lines::default() }
    }

    /// Adds a line.
    pub(crate) fn line(&self, source: &str, level: LogLevel, bytes: &[u8]) {
        let at_ms = self.host.wall().as_millisecond();
        let pushed = self.queue().push(source, level, at_ms, text::clean(bytes));
        match pushed {
            Pushed::Kept => self.changed.notify_waiters(),
            Pushed::QueueFull => tracing::warn!(source, "a log line was dropped: too many wait to be sent"),
            Pushed::TooLong => tracing::warn!(source, "a log line was dropped: it fits into no message"),
            Pushed::Over => {}
        }
    }

    /// Waits until there are lines to send. Cancel safe.
    pub(crate) async fn due(&self) -> Batch {
        loop {
            let changed = self.changed.notified();
            let at = match self.queue().due(self.host.now()) {
                Due::Batch(batch) => return batch,
                Due::At(at) => Some(at),
                Due::Never => None,
            };
            tokio::select! {
                biased;
                // A change first: it may make something due, and the clock is looked at in any case.
                () = changed => {}
                () = until(&self.host, at) => {}
            }
        }
    }

    /// The control plane has taken a batch, or refused it for good.
    pub(crate) fn sent(&self, batch: &Batch) {
        self.queue().sent(batch, self.host.now());
        self.changed.notify_waiters();
    }

    /// The control plane wants no more, ever. Whether that is news.
    pub(crate) fn end(&self) -> bool {
        let news = self.queue().end();
        self.changed.notify_waiters();
        news
    }

    /// Has everything sent without waiting, and waits until it is. Cancel safe.
    pub(crate) async fn drained(&self) {
        self.queue().flush();
        self.changed.notify_waiters();
        loop {
            let changed = self.changed.notified();
            if self.queue().is_empty() {
                return;
            }
            changed.await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the lines: nobody knows what scripts write.
        f.write_str("Logs")
    }
}

/// One stream of a script's output, as log lines.
#[derive(Debug)]
pub(crate) struct Writer {
    logs: Arc<Logs>,
    source: String,
    level: LogLevel,
    lines: Lines,
}

impl Writer {
    /// Takes the next piece.
    pub(crate) fn write(&mut self, piece: &[u8]) {
        let Self { logs, source, level, lines } = self;
        let dropped = lines.push(piece, |line| logs.line(source, *level, line));
        if dropped > 0 {
            tracing::warn!(source, dropped, "log lines were dropped: they fit into no message");
        }
    }
}

/// The output is over, whether it ended or is not waited for any longer: what was begun is a line too.
impl Drop for Writer {
    fn drop(&mut self) {
        let Self { logs, source, level, lines } = self;
        lines.finish(|line| logs.line(source, *level, line));
    }
}
