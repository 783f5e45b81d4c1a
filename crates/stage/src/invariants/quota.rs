//! `quota`: nobody is allowed more than there is.
//!
//! A plan that was allowed (`quota.committed` with `ok=true`) must leave what is in use within the budget, unless
//! there is no limit (-1), or the use has not grown since the owner's last decision: who is over budget may shrink.

use std::collections::BTreeMap;

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct Quota {
    /// What was in use at each owner's last decision.
    consumed: BTreeMap<String, i64>,
}

/// The budget that stands for no limit.
const NO_LIMIT: i64 = -1;

impl Quota {
    fn decided(&mut self, record: &Record) -> Result<(), String> {
        let job = record.field("job").unwrap_or_default();
        let owner = record.field("owner").unwrap_or_default();
        let number = |field: &str| {
            let text = record.field(field).unwrap_or_default();
            text.parse::<i64>().map_err(|_| format!("{job}: {field} of {owner}'s quota is {text:?}, not a number"))
        };
        let (consumed, budget) = (number("consumed")?, number("budget")?);
        let previous = self.consumed.insert(owner.to_owned(), consumed);
        let allowed = record.field("ok") == Some("true");
        let has_grown = previous.is_none_or(|previous| consumed > previous);
        if allowed && budget != NO_LIMIT && consumed > budget && has_grown {
            return Err(format!("{job} was allowed {owner} although {consumed} are in use of a budget of {budget}"));
        }
        Ok(())
    }
}

impl Invariant for Quota {
    fn id(&self) -> &'static str {
        "quota"
    }

    fn about(&self) -> &'static str {
        "what a person is allowed never exceeds what their groups allow each of their members"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        if record.event != "quota.committed" {
            return None;
        }
        self.decided(record).err().map(|message| Violation { id: self.id(), message, ordinal: record.ordinal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    fn decided(log: Log, owner: &'static str, consumed: &'static str, budget: &'static str, ok: &'static str) -> Log {
        let fields =
            [("job", "job#1"), ("owner", owner), ("cost", "1"), ("consumed", consumed), ("budget", budget), ("ok", ok)];
        log.add(1, "control", "quota.committed", &fields)
    }

    #[test]
    fn kept() {
        let log = decided(Log::new(), "alice", "10", "10", "true");
        let log = decided(log, "alice", "10", "10", "false");
        let log = decided(log, "bob", "5000", "-1", "true");
        let log = decided(log, "carol", "12", "10", "false");
        assert_kept(Quota::default(), &decided(log, "carol", "11", "10", "true"));
    }

    #[test]
    fn broken_by_a_plan_beyond_the_budget() {
        let log = decided(Log::new(), "alice", "11", "10", "true");
        assert_broken(Quota::default(), &log, 0, &["job#1", "alice", "11", "10"]);
        let log = decided(decided(Log::new(), "alice", "9", "10", "true"), "alice", "11", "10", "true");
        assert_broken(Quota::default(), &log, 1, &["alice"]);
        let log = decided(decided(Log::new(), "bob", "50", "60", "true"), "alice", "11", "10", "true");
        assert_broken(Quota::default(), &log, 1, &["alice"]);
    }

    #[test]
    fn broken_by_figures_that_are_none() {
        assert_broken(Quota::default(), &decided(Log::new(), "alice", "?", "10", "true"), 0, &["consumed"]);
    }
}
