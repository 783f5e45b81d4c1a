//! The domain events of one test, as lines.

use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex},
};

use groundhog_host::event::{
    TARGET,
    tracing::{Event, Subscriber, field},
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Records the events that this thread emits while it lives.
pub(crate) struct Record {
    lines: Arc<Mutex<Vec<String>>>,
    _guard: groundhog_host::event::tracing::subscriber::DefaultGuard,
}

impl Record {
    pub(crate) fn start() -> Self {
        let lines = Arc::default();
        let subscriber = tracing_subscriber::registry().with(Lines(Arc::clone(&lines)));
        Self { lines, _guard: groundhog_host::event::tracing::subscriber::set_default(subscriber) }
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

    /// The lines since the last call, quiet ones included.
    pub(crate) fn take_all(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().expect("no test panics while it writes an event"))
    }
}

struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == TARGET {
            let mut line = Line(event.metadata().name().to_owned());
            event.record(&mut line);
            self.0.lock().expect("no test panics while it writes an event").push(line.0);
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
