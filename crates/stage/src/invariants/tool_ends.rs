//! `tool-ends`: every call of a chat's tool is answered, whatever the world does.
//!
//! From when a tool is called (`tool.called`) to its answer (`tool.answered`) is never more than the sum of its time-outs.
//! Neither a control plane or a database that is away nor a network that is cut is an excuse: the answer says so then. A
//! runtime that was suspended, or whose clock was touched, has all of that time before it; one that dies has nobody to
//! answer to.

use std::collections::BTreeMap;
use std::time::Duration;

use groundhog_chattool::timing::CALL_MAX;

use super::{Invariant, Violation, begins_anew, weather::Weather};
use crate::{Record, scenario::units::show_duration};

/// More than a runtime takes to act on a few timers.
const SLACK: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Default)]
pub(super) struct ToolEnds {
    weather: Weather,
    /// By runtime and the number of the call: those that were not answered.
    open: BTreeMap<(String, String), Open>,
}

struct Open {
    tool: String,
    chat: String,
    at: Duration,
    ordinal: u64,
}

impl ToolEnds {
    fn look(&mut self, now: Duration) -> Option<Violation> {
        let late = |((host, _), open): &(&(String, String), &Open)| {
            self.weather.has_passed(CALL_MAX + SLACK, open.at, self.weather.host_well_since(host), now)
        };
        let key = self.open.iter().find(late)?.0.clone();
        let Open { tool, chat, at, ordinal } = self.open.remove(&key)?;
        let (host, call) = key;
        let message = format!(
            "call {call} of {tool} on {host}, for {chat} at {}, was not answered within {}",
            show_duration(at),
            show_duration(CALL_MAX)
        );
        Some(Violation { id: self.id(), message, ordinal })
    }
}

impl Invariant for ToolEnds {
    fn id(&self) -> &'static str {
        "tool-ends"
    }

    fn about(&self) -> &'static str {
        "every call of a chat's tool is answered within the sum of its time-outs"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let violation = self.look(record.at);
        self.weather.observe(record);
        if let Some(host) = begins_anew(record) {
            self.open.retain(|(runtime, _), _| runtime != host);
        }
        if let Some(call) = record.field("call") {
            let key = (record.host.clone(), call.to_owned());
            match record.event.as_str() {
                "tool.called" => {
                    let owned = |name: &str| record.field(name).unwrap_or_default().to_owned();
                    let (tool, chat) = (owned("tool"), owned("chat"));
                    self.open.insert(key, Open { tool, chat, at: record.at, ordinal: record.ordinal });
                }
                "tool.answered" => drop(self.open.remove(&key)),
                _ => {}
            }
        }
        violation
    }

    fn finish(&mut self, end: Duration) -> Option<Violation> {
        self.look(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const BOUND: u64 = CALL_MAX.as_secs() + SLACK.as_secs();

    fn called() -> Log {
        let fields = [("tool", "create_workspace"), ("chat", "chat#1"), ("call", "1")];
        Log::new().add(1, "bot", "tool.called", &fields)
    }

    fn answered(log: Log, at: u64) -> Log {
        log.add(at, "bot", "tool.answered", &[("call", "1"), ("chat", "chat#1")])
    }

    #[test]
    fn kept() {
        assert_kept(ToolEnds::default(), &answered(called(), BOUND).end(9_999));
        assert_kept(ToolEnds::default(), &called().end(BOUND + 1));
        let host = [("host", "bot")];
        assert_kept(ToolEnds::default(), &called().add(2, "-", "host.killed", &host).end(9_999));
        let asleep = called().add(2, "-", "host.suspended", &host);
        assert_kept(ToolEnds::default(), &asleep.clone().end(9_999));
        let awake = asleep.add(5_000, "-", "host.resumed", &host);
        assert_kept(ToolEnds::default(), &answered(awake, 5_000 + BOUND).end(9_999));
    }

    #[test]
    fn broken_by_a_call_that_goes_on() {
        let names = ["create_workspace", "bot", "chat#1"];
        assert_broken(ToolEnds::default(), &called().end(BOUND + 2), 0, &names);
        assert_broken(ToolEnds::default(), &answered(called(), BOUND + 2), 0, &names);
        // Neither another call's answer, nor another runtime's, nor trouble elsewhere helps.
        let other = called().add(2, "bot", "tool.answered", &[("call", "2")]);
        let other = other.add(2, "bot-2", "tool.answered", &[("call", "1")]);
        let trouble = other.add(3, "-", "host.killed", &[("host", "control")]);
        let trouble = trouble.add(3, "-", "fault.outage", &[("what", "database")]);
        assert_broken(ToolEnds::default(), &trouble.end(BOUND + 2), 0, &names);
    }
}
