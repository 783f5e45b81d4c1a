//! The domain events of one test, as lines.

use std::{
    fmt::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use groundhog_host::event::{
    TARGET,
    tracing::{Event, Level, Subscriber, field},
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Records the events that this thread emits while it lives.
pub(crate) struct Record {
    lines: Arc<Mutex<Vec<String>>>,
    errors: Arc<AtomicU32>,
    _guard: groundhog_host::event::tracing::subscriber::DefaultGuard,
}

impl Record {
    pub(crate) fn start() -> Self {
        let (lines, errors) = (Arc::default(), Arc::default());
        let layer = Lines { lines: Arc::clone(&lines), errors: Arc::clone(&errors) };
        let subscriber = tracing_subscriber::registry().with(layer);
        Self { lines, errors, _guard: groundhog_host::event::tracing::subscriber::set_default(subscriber) }
    }

    /// The lines since the last call, without quiet chatter: `name key=value …`, ids without their UUID.
    pub(crate) fn take(&self) -> Vec<String> {
        self.take_all()
            .into_iter()
            .filter(|line| {
                !["daemon.seen", "daemon.waits", "job.updated", "audit.written"]
                    .iter()
                    .any(|event| line.starts_with(event))
            })
            .collect()
    }

    /// How many things were told so far as errors, about which somebody would have to do something.
    pub(crate) fn errors(&self) -> u32 {
        self.errors.load(Ordering::Relaxed)
    }

    /// The lines since the last call, quiet ones included.
    pub(crate) fn take_all(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().expect("no test panics while it writes an event"))
    }
}

struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    errors: Arc<AtomicU32>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        if event.metadata().target() == TARGET {
            let mut line = Line(event.metadata().name().to_owned());
            event.record(&mut line);
            self.lines.lock().expect("no test panics while it writes an event").push(line.0);
        }
    }
}

struct Line(String);

impl field::Visit for Line {
    fn record_debug(&mut self, field: &field::Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        // An id is "kind:uuid"; which one it is differs from run to run of the test.
        let text = match text.split_once(':') {
            Some((kind, uuid)) if uuid.len() == 36 => kind,
            _ => text.as_str(),
        };
        write!(self.0, " {}={text}", field.name()).expect("writing to a String can't fail");
    }
}
