//! Calls of chats' tools that were not answered.

use std::collections::BTreeMap;
use std::time::Duration;

use groundhog_sim::Record;

use crate::invariants::begins_anew;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// By runtime and the number of the call: the tool and its chat.
    open: BTreeMap<(String, String), String>,
    changed_at: Option<Duration>,
}

impl Calls {
    /// Calls that go on, in words.
    pub(super) fn open(&self) -> impl Iterator<Item = String> + '_ {
        self.open.iter().map(|((runtime, _), call)| format!("{call} on {runtime} is not answered"))
    }

    /// Whether there are none.
    pub(super) fn are_over(&self) -> bool {
        self.open.is_empty()
    }

    /// When the last of them was called, answered, or died with its runtime.
    pub(super) fn changed_at(&self) -> Option<Duration> {
        self.changed_at
    }

    pub(super) fn observe(&mut self, record: &Record) {
        let before = self.open.len();
        if let Some(host) = begins_anew(record) {
            self.open.retain(|(runtime, _), _| runtime != host);
        }
        if let Some(call) = record.field("call") {
            let key = (record.host.clone(), call.to_owned());
            match record.event.as_str() {
                "tool.called" => {
                    let of = |name: &str| record.field(name).unwrap_or_default();
                    self.open.insert(key, format!("{} for {}", of("tool"), of("chat")));
                }
                "tool.answered" => drop(self.open.remove(&key)),
                _ => {}
            }
        }
        if self.open.len() != before {
            self.changed_at = Some(record.at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, secs};

    fn after(log: &Log) -> Calls {
        let mut calls = Calls::default();
        log.records.iter().for_each(|record| calls.observe(record));
        calls
    }

    #[test]
    fn a_call_is_over_when_it_is_answered_or_its_runtime_dies() {
        let fields = [("call", "1"), ("tool", "create_workspace"), ("chat", "chat#1")];
        let called = Log::new().add(1, "bot", "tool.called", &fields).add(2, "bot-2", "tool.answered", &fields);
        let calls = after(&called);
        assert!(!calls.are_over(), "the other runtime's first call is another one");
        assert_eq!(calls.open().collect::<Vec<_>>(), ["create_workspace for chat#1 on bot is not answered"]);
        for log in [
            called.clone().add(3, "bot", "tool.answered", &fields),
            called.clone().add(3, "-", "host.killed", &[("host", "bot")]),
        ] {
            let calls = after(&log);
            assert!(calls.are_over());
            assert_eq!(calls.changed_at(), Some(secs(3)));
        }
    }
}
