//! How components' `tracing` events get into the log.

use groundhog_host::event::TARGET;
use std::sync::OnceLock;

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    subscriber::Interest,
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::Loudness;
use crate::journal;

/// Collects domain events and errors of the run on this thread.
pub(crate) struct EventLayer;

/// Makes sure that no event is lost because a thread without a run came upon it first.
///
/// Whether anybody wants an event is asked when it is met for the first time, and remembered for the process. As long
/// as `tracing` knows of one subscriber only, it asks the thread on which the event is met. That may be one on which a
/// component runs live, and then the answer is "nobody", for the simulation on another thread too. With a second
/// subscriber about, it asks all of them. This is the second one; no event ever comes to it.
pub(crate) fn be_asked() {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(tracing_subscriber::registry().with(EventLayer)));
}

fn wanted(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && (metadata.target() == TARGET || *metadata.level() == Level::ERROR)
}

impl<S: Subscriber> Layer<S> for EventLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if wanted(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        let (name, loudness) = match (metadata.target() == TARGET, *metadata.level()) {
            (true, Level::ERROR) => (metadata.name(), Loudness::Error),
            (true, Level::INFO | Level::WARN) => (metadata.name(), Loudness::Logged),
            (true, _) => (metadata.name(), Loudness::Quiet),
            (false, _) => {
                fields.0.push(("target", metadata.target().to_owned()));
                ("error", Loudness::Error)
            }
        };
        journal::with(|journal| journal.told(loudness, name, fields.0));
    }
}

struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }
}
