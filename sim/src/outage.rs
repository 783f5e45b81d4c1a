//! Something that is no host and is away for a while, such as a database that hosts share.
//!
//! The world knows when. What it means is the business of whoever made the thing.

use std::{cell::Cell, fmt, rc::Rc};

use crate::journal::Journal;

/// Something that is no host and can be away. Cheap to clone; every clone is the same thing.
#[derive(Clone)]
pub struct Outage {
    what: String,
    /// How many faults keep it away.
    faults: Rc<Cell<u64>>,
    set_available: Rc<dyn Fn(bool)>,
}

impl Outage {
    /// The thing that the log calls `what`. `set_available` is told `false` when it goes away and `true` when it is
    /// back: once each, however many faults overlap.
    pub fn new(what: &str, set_available: impl Fn(bool) + 'static) -> Self {
        Self { what: what.to_owned(), faults: Rc::default(), set_available: Rc::new(set_available) }
    }

    /// Begins or ends a fault on it.
    pub fn apply(&self, journal: &Journal, begins: bool) {
        let event = if begins { "fault.outage" } else { "fault.outage_healed" };
        journal.world(event, vec![("what", self.what.clone())]);
        let before = self.faults.get();
        let after = if begins { before.saturating_add(1) } else { before.saturating_sub(1) };
        self.faults.set(after);
        if (before == 0) != (after == 0) {
            (self.set_available)(after == 0);
        }
    }
}

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outage").field("what", &self.what).field("faults", &self.faults).finish_non_exhaustive()
    }
}
