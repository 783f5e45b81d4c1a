//! The event log: domain events and faults, with time and host.
//!
//! - [`record`]: one line.
//! - [`layer`]: how components' `tracing` events get here.
//! - [`names`]: readable names for ids.
//! - [`text`]: the canonical text, which snapshots hold.
//! - [`json`]: JSON lines, which programs read.

pub mod json;
pub(crate) mod layer;
mod names;
mod record;
pub mod text;

use std::cell::{Cell, RefCell};

use self::names::Names;
pub use self::record::{Loudness, Record};
use crate::{
    journal::Narrator,
    trace::{Digest, Trace},
    violation::{Violation, Violations},
};

/// What a user's check makes of a record.
pub(crate) type Observer = Box<dyn FnMut(&Record) -> Option<Violation>>;

/// What the world itself is called in the host column.
pub const WORLD: &str = "-";

/// All records of a run.
pub(crate) struct Log {
    records: RefCell<Vec<Record>>,
    names: RefCell<Names>,
    observers: RefCell<Vec<Observer>>,
    digest: Trace,
    expected_errors: RefCell<Vec<String>>,
    busy: Cell<bool>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            records: RefCell::default(),
            names: RefCell::default(),
            observers: RefCell::default(),
            digest: Trace::new(),
            expected_errors: RefCell::default(),
            busy: Cell::new(false),
        }
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.observers.borrow_mut().push(observer);
    }

    pub(crate) fn expect_error(&self, part: String) {
        self.expected_errors.borrow_mut().push(part);
    }

    pub(crate) fn add(
        &self,
        narrator: &dyn Narrator,
        violations: &Violations,
        host: String,
        loudness: Loudness,
        event: String,
        fields: Vec<(&'static str, String)>,
    ) {
        // An observer that itself speaks through tracing would come back here without end.
        if self.busy.replace(true) {
            return;
        }
        let fields = {
            let mut names = self.names.borrow_mut();
            fields.into_iter().map(|(name, value)| (name, names.readable(value))).collect()
        };
        let ordinal = self.records.borrow().len() as u64;
        let record = Record { ordinal, at: narrator.now(), host, loudness, event, fields };
        let line = text::line(&record);
        narrator.noted(ordinal, &line);
        if loudness != Loudness::Quiet {
            self.digest.text(&line);
        }
        if loudness == Loudness::Error {
            self.judge_error(violations, &record, &line);
        }
        for observer in self.observers.borrow_mut().iter_mut() {
            if let Some(violation) = observer(&record) {
                violations.add(violation);
            }
        }
        self.records.borrow_mut().push(record);
        self.busy.set(false);
    }

    fn judge_error(&self, violations: &Violations, record: &Record, line: &str) {
        if self.expected_errors.borrow().iter().any(|part| line.contains(part.as_str())) {
            return;
        }
        violations.add(Violation {
            rule: "error-event".to_owned(),
            message: format!("host {} reported an error: {}", record.host, text::fields_of(record)),
            at: record.at,
            record: Some(record.ordinal),
        });
    }

    /// The id that records call `name`.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        self.names.borrow().id(name)
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.borrow().clone()
    }

    pub(crate) fn take_records(&self) -> Vec<Record> {
        self.records.take()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.borrow().len()
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest.digest()
    }
}
