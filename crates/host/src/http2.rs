//! The executor and the timer that HTTP/2 libraries take instead of their default ones.
//!
//! Without them such a library would spawn on, and time by, whatever runtime is around; its tasks would then
//! outlive a crash of the host they belong to.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use crate::{Host, Instant};

/// Spawns a library's connection tasks on a host.
#[derive(Clone, Debug)]
pub struct Executor {
    host: Host,
    name: &'static str,
}

impl Executor {
    /// Spawns on `host`, under the task name `name`.
    pub fn new(host: Host, name: &'static str) -> Self {
        Self { host, name }
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        let future = async move {
            future.await;
        };
        self.host.spawn(self.name, future).detach();
    }
}

/// Times a library's keep-alives and time-outs by a host's monotonic clock.
#[derive(Clone, Debug)]
pub struct Timer {
    host: Host,
    /// A pair of readings of one moment, to translate between the library's clock type and the host's.
    anchor: (std::time::Instant, Instant),
}

impl Timer {
    /// Times by `host`'s clock.
    #[allow(clippy::disallowed_methods, reason = "an origin for arithmetic only: no decision depends on its value")]
    pub fn new(host: Host) -> Self {
        let anchor = (std::time::Instant::now(), host.now());
        Self { host, anchor }
    }

    fn sleep_at(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleep { inner: self.host.sleep_until(deadline) })
    }

    fn translate(&self, deadline: std::time::Instant) -> Instant {
        self.anchor.1 + deadline.saturating_duration_since(self.anchor.0)
    }
}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_at(self.host.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep_at(self.translate(deadline))
    }

    fn now(&self) -> std::time::Instant {
        self.anchor.0 + (self.host.now() - self.anchor.1)
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn hyper::rt::Sleep>>, deadline: std::time::Instant) {
        *sleep = self.sleep_until(deadline);
    }
}

struct Sleep {
    inner: crate::Sleep,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.inner).poll(context)
    }
}

impl hyper::rt::Sleep for Sleep {}
