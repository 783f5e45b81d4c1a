//! `agent-log-order`: an agent's log is told in order, without a gap and without an echo.
//!
//! What is stored of one source's lines, as one start of the agent's process counts them, begins with line 1 and goes
//! on where the last batch ended, up to where the agent's log overflows; after that nothing is promised but that no
//! line comes twice. A process that has served an earlier build's agent has counted some lines for that one, so what
//! the next one gets of it may begin anywhere.
//!
//! On a clean run, one in which nothing has gone wrong so far and whose network is sound and whose calls are quick,
//! a batch that was sent is stored soon.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Bounds, Invariant, Violation};
use crate::Record;
use crate::scenario::{WORLD, units::show_duration};

/// Whose lines they are: an agent, a process, a source.
type Counted = (String, String, String);

/// See the module.
pub(super) struct AgentLogOrder {
    /// The last line that is stored.
    stored: BTreeMap<Counted, u64>,
    /// By process: the agent that it first had lines for.
    first_for: BTreeMap<String, String>,
    /// Agents whose logs have overflowed.
    overflowed: std::collections::BTreeSet<String>,
    /// Batches that were sent and are not stored yet: the last line, and when by which record.
    sent: BTreeMap<Counted, (u64, Duration, u64)>,
    /// Nothing has gone wrong so far.
    clean: bool,
    slack: Duration,
}

impl AgentLogOrder {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            stored: BTreeMap::new(),
            first_for: BTreeMap::new(),
            overflowed: std::collections::BTreeSet::new(),
            sent: BTreeMap::new(),
            clean: bounds.network_is_sound && bounds.calls_are_quick,
            slack: bounds.slack,
        }
    }

    fn is_stored(&mut self, counted: &Counted, record: &Record) -> Result<(), String> {
        let (agent, process, source) = counted;
        let number = |field: &str| {
            let text = record.field(field).unwrap_or_default();
            text.parse::<u64>().map_err(|_| format!("{agent}: {field} of stored lines is {text:?}, not a number"))
        };
        let (first, last, lines) = (number("first")?, number("last")?, number("lines")?);
        if lines == 0 {
            return Ok(());
        }
        let whose = format!("{agent}, {source} of {process}");
        if last.checked_sub(first).and_then(|more| more.checked_add(1)) != Some(lines) {
            return Err(format!("{whose}: lines {first} to {last} were stored, but they were {lines}"));
        }
        let previous = self.stored.insert(counted.clone(), last);
        let begins_anywhere = self.first_for.get(process).is_some_and(|first| first != agent);
        self.first_for.entry(process.clone()).or_insert_with(|| agent.clone());
        match previous {
            Some(previous) if first <= previous => {
                Err(format!("{whose}: line {first} was stored again after line {previous}"))
            }
            None if begins_anywhere => Ok(()),
            _ if self.overflowed.contains(agent) => Ok(()),
            previous => {
                let previous = previous.unwrap_or(0);
                if first > previous.saturating_add(1) {
                    let gap = "with a gap between them";
                    return Err(format!("{whose}: line {first} was stored after line {previous}, {gap}"));
                }
                Ok(())
            }
        }
    }

    /// A batch that was sent long ago and is not stored.
    fn lost(&mut self, now: Duration) -> Option<Violation> {
        if !self.clean {
            return None;
        }
        let late = |(_, (_, at, _)): &(&Counted, &(u64, Duration, u64))| at.saturating_add(self.slack) < now;
        let counted = self.sent.iter().find(late)?.0.clone();
        let (last, at, ordinal) = self.sent.remove(&counted)?;
        let (agent, process, source) = &counted;
        let stored = self.stored.get(&counted).copied().unwrap_or(0);
        let message = format!(
            "{agent}, {source} of {process}: the lines up to {last} were sent at {}, and only those up to {stored} are stored",
            show_duration(at),
        );
        Some(Violation { id: "agent-log-order", message, ordinal })
    }
}

impl Invariant for AgentLogOrder {
    fn id(&self) -> &'static str {
        "agent-log-order"
    }

    fn about(&self) -> &'static str {
        "an agent's log lines are stored in order, none twice; none lost on a clean run"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        // Machines that come and go are no trouble; everything else that the world does is.
        self.clean &= record.host != WORLD || matches!(record.event.as_str(), "host.started" | "host.removed");
        let counted = || {
            let field = |field: &str| record.field(field).map(str::to_owned);
            Some((field("agent")?, field("process")?, field("source")?))
        };
        match record.event.as_str() {
            "agent.logs_stored" => {
                let counted = counted()?;
                let broken = self.is_stored(&counted, record);
                let stored = self.stored.get(&counted).copied().unwrap_or(0);
                if self.sent.get(&counted).is_some_and(|(last, ..)| *last <= stored) {
                    self.sent.remove(&counted);
                }
                return broken.err().map(|message| Violation { id: self.id(), message, ordinal: record.ordinal });
            }
            "agent.logs_sent" => {
                let counted = counted()?;
                let last: u64 = record.field("last")?.parse().ok()?;
                let is_stored = self.stored.get(&counted).is_some_and(|stored| *stored >= last);
                if self.clean && !is_stored && !self.overflowed.contains(&counted.0) {
                    self.sent.entry(counted).or_insert((last, record.at, record.ordinal));
                }
            }
            "agent.logs_overflowed" => {
                let agent = record.field("agent")?;
                self.overflowed.insert(agent.to_owned());
                self.sent.retain(|(of, ..), _| of != agent);
            }
            // What was under way when its agent was told to close, or was let in no more, may be lost.
            "agent.closing" | "agent.disconnected" => {
                let process = record.field("process");
                self.sent.retain(|(_, of, _), _| process.is_some_and(|process| process != of));
            }
            _ if !self.sent.is_empty() => return self.lost(record.at),
            _ => {}
        }
        None
    }

    fn finish(&mut self, end: Duration) -> Option<Violation> {
        self.lost(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    fn invariant() -> AgentLogOrder {
        AgentLogOrder::new(&Bounds::default())
    }

    fn batch(log: Log, at: u64, event: &str, agent: &str, process: &str, lines: (u64, u64)) -> Log {
        let (first, last) = (lines.0.to_string(), lines.1.to_string());
        let count = (lines.1 + 1 - lines.0).to_string();
        let fields = [("agent", agent), ("process", process), ("source", "source#1"), ("first", first.as_str())];
        let more = [("last", last.as_str()), ("lines", count.as_str())];
        let host = if event == "agent.logs_sent" { "dev.main" } else { "control" };
        log.add(at, host, event, &[fields.as_slice(), more.as_slice()].concat())
    }

    fn stored(log: Log, agent: &str, process: &str, lines: (u64, u64)) -> Log {
        batch(log, 1, "agent.logs_stored", agent, process, lines)
    }

    #[test]
    fn lines_are_stored_in_order() {
        let log = stored(Log::new(), "agent#1", "process#1", (1, 5));
        let log = stored(log, "agent#1", "process#1", (6, 6));
        assert_kept(invariant(), &stored(log, "agent#1", "process#2", (1, 2)));
        let log = stored(stored(Log::new(), "agent#1", "process#1", (1, 5)), "agent#1", "process#1", (5, 6));
        assert_broken(invariant(), &log, 1, &["agent#1", "line 5 was stored again"]);
        let log = stored(stored(Log::new(), "agent#1", "process#1", (1, 5)), "agent#1", "process#1", (7, 8));
        assert_broken(invariant(), &log, 1, &["agent#1", "line 7", "gap"]);
        let log = stored(Log::new(), "agent#1", "process#1", (2, 3));
        assert_broken(invariant(), &log, 0, &["line 2 was stored after line 0"]);
    }

    #[test]
    fn what_overflows_and_what_another_agent_has_had_leaves_gaps() {
        let log = stored(Log::new(), "agent#1", "process#1", (1, 5));
        let log = log.add(1, "control", "agent.logs_overflowed", &[("agent", "agent#1")]);
        assert_kept(invariant(), &stored(log, "agent#1", "process#1", (9, 9)));
        let log = stored(Log::new(), "agent#1", "process#1", (1, 5));
        assert_kept(invariant(), &stored(log, "agent#2", "process#1", (4, 9)));
    }

    #[test]
    fn what_is_sent_on_a_clean_run_is_stored() {
        let sent = || batch(Log::new(), 1, "agent.logs_sent", "agent#1", "process#1", (1, 5));
        assert_broken(invariant(), &sent().end(600), 0, &["agent#1", "up to 5", "up to 0"]);
        assert_kept(invariant(), &stored(sent(), "agent#1", "process#1", (1, 5)).end(600));
        assert_kept(invariant(), &sent().add(2, WORLD, "host.killed", &[("host", "control")]).end(600));
        let closing = sent().add(2, "dev.main", "agent.closing", &[("process", "process#1")]);
        assert_kept(invariant(), &closing.end(600));
    }
}
