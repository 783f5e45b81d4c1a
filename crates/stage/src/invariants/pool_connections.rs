//! `pool-connections`: who looks after the pools leaves room for everybody else.
//!
//! A look at all pools (`prebuilds.cycle`) has held half of the connections to the database at once, at most (P1), and one
//! where there is one alone (P14).

use super::{Bounds, Invariant, Violation};
use crate::Record;

/// See the module.
pub(super) struct PoolConnections {
    connections: u32,
}

impl PoolConnections {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { connections: bounds.connections }
    }
}

impl Invariant for PoolConnections {
    fn id(&self) -> &'static str {
        "pool-connections"
    }

    fn about(&self) -> &'static str {
        "looking after the pools holds half of the connections to the database at once, at most, or the only one"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        if record.event != "prebuilds.cycle" {
            return None;
        }
        let held: u32 = record.field("held_max")?.parse().ok()?;
        let allowed = (self.connections / 2).max(1);
        let message = format!("{} held {held} of {} connections for the pools at once", record.host, self.connections);
        (held > allowed).then(|| Violation { id: self.id(), message, ordinal: record.ordinal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    fn held(connections: u32, held: &str) -> (PoolConnections, Log) {
        let bounds = Bounds { connections, ..Bounds::default() };
        let fields = [("number", "1"), ("held_max", held), ("outcome", "done")];
        (PoolConnections::new(&bounds), Log::new().add(1, "control", "prebuilds.cycle", &fields))
    }

    #[test]
    fn kept() {
        for (connections, most) in [(1, "1"), (2, "1"), (3, "1"), (10, "5"), (10, "0")] {
            let (invariant, log) = held(connections, most);
            assert_kept(invariant, &log);
        }
    }

    #[test]
    fn broken_by_more_than_half() {
        for (connections, most) in [(1, "2"), (3, "2"), (10, "6")] {
            let (invariant, log) = held(connections, most);
            assert_broken(invariant, &log, 0, &["control", most]);
        }
    }
}
