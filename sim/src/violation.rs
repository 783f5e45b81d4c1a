//! What makes a run fail by itself, whatever its user expects of it.

use std::{cell::RefCell, time::Duration};

/// Something that must not happen in any run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// A stable name of the rule that was broken: `task-panicked`, `livelock`, `error-event`, or the id of an
    /// invariant of the user's.
    pub rule: String,
    /// What happened, in a sentence that names the thing.
    pub message: String,
    /// Virtual time since the run began.
    pub at: Duration,
    /// The record at which it was noticed, if at one.
    pub record: Option<u64>,
}

/// How many violations are kept. The first one matters; hundreds are the same one again.
const KEPT_MAX: usize = 100;

#[derive(Default)]
pub(crate) struct Violations {
    found: RefCell<Vec<Violation>>,
}

impl Violations {
    pub(crate) fn add(&self, violation: Violation) {
        let mut found = self.found.borrow_mut();
        if found.len() < KEPT_MAX {
            found.push(violation);
        }
    }

    pub(crate) fn all(&self) -> Vec<Violation> {
        self.found.borrow().clone()
    }

    pub(crate) fn any(&self) -> bool {
        !self.found.borrow().is_empty()
    }
}
