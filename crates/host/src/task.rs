//! Tasks that belong to a host.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// What an engine gives to let a task be stopped from outside.
pub trait TaskControl: Send + Sync + 'static {
    /// Ends the task: none of its code runs after this call, except destructors. Nothing if it has ended.
    fn abort(&self);

    /// Ready once the task has ended, in whatever way.
    fn poll_ended(&self, context: &mut Context<'_>) -> Poll<()>;
}

/// A running task. Dropping this lets the task go on; awaiting it waits for the task to end, whether it
/// returned, was aborted or panicked.
#[must_use = "call detach() if nobody waits for the task"]
pub struct Task {
    control: Box<dyn TaskControl>,
}

impl Task {
    /// A handle on the task behind `control`.
    pub fn new(control: Box<dyn TaskControl>) -> Self {
        Self { control }
    }

    /// Ends the task: none of its code runs after this call, except destructors.
    pub fn abort(&self) {
        self.control.abort();
    }

    /// Lets the task go on by itself.
    pub fn detach(self) {}
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.control.poll_ended(context)
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}
