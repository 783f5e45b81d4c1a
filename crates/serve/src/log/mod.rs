//! The log of a program, on standard error: a line for each event.
//!
//! [`mod@line`]: what a line is made of. [`text`], [`json`]: how it is written.
//!
//! Domain events are told by their names and fields, which `groundhog events` lists; everything else by its message. No
//! component tells a secret, and nothing is added to what it tells.

pub mod json;
pub mod line;
pub mod text;

use std::io::Write;

use jiff::Timestamp;
use tracing::{Event, Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    registry::Registry,
};

use self::line::Line;
use crate::arguments::{LogArguments, LogFormat, LogLevel};

/// Has everything from now on told on standard error, panics included. To be called once in a process.
pub fn install(arguments: LogArguments) {
    let told = Registry::default().with(Log { arguments });
    // It fails if there is one, which was set by whoever called a program within a program; that one is told then.
    let _ = tracing::subscriber::set_global_default(told);
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("a panic without a text");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug was met: {message}");
    }));
}

/// What tells.
#[derive(Debug)]
struct Log {
    arguments: LogArguments,
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_told(self.arguments.log_level, metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(level(self.arguments.log_level).into())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = Line::of(event, Timestamp::now());
        let mut text = match self.arguments.log_format {
            LogFormat::Text => text::write(&line),
            LogFormat::Json => json::write(&line),
        };
        text.push('\n');
        // Where the log can't be written, there is nowhere to say so.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Whether something is told at this level. Of libraries only warnings are: what else they say is about themselves.
fn is_told(told: LogLevel, metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target() == groundhog_host::event::TARGET || metadata.target().starts_with("groundhog");
    *metadata.level() <= level(told) && (ours || *metadata.level() <= Level::WARN)
}

fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    }
}
