//! What a line of the log is made of.

use std::fmt;

use groundhog_host::event::TARGET;
use jiff::Timestamp;
use serde_json::Value;
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

/// The longest value of a field that is told whole, in bytes.
const VALUE_BYTES_MAX: usize = 8 << 10;

/// What was told, at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// How grave it is.
    pub level: Level,
    /// A domain event's name.
    pub event: Option<&'static str>,
    /// Which part of the program tells it, if it is no domain event.
    pub target: Option<String>,
    /// What it says in words; empty for a domain event.
    pub message: String,
    /// Its fields, in the order in which they were given.
    pub fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// What `event` tells.
    pub fn of(event: &Event<'_>, at: Timestamp) -> Self {
        let metadata = event.metadata();
        let is_domain_event = metadata.target() == TARGET;
        let mut line = Self {
            at,
            level: *metadata.level(),
            event: is_domain_event.then(|| metadata.name()),
            target: (!is_domain_event).then(|| metadata.target().to_owned()),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut line);
        line
    }

    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::from(&value[..value.floor_char_boundary(VALUE_BYTES_MAX)]));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::from(value));
    }
}
