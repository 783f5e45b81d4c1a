//! `chat-one`: a chat has one workspace at a time, and another one only when nothing is left of that (C1, C2).
//!
//! A workspace becomes a chat's (`chat.bound`) only if the chat has none, and a chat lets go of one (`chat.released`) only
//! for a reason that the log shows: it was destroyed, its latest build failed or somebody asked for that build's end, or
//! it is the start of a workspace of which an agent has left, never came, or was never made. And what a tool asks for
//! (`tool.asked`) is the chat's from the instant in which it is made: a workspace of that name that comes to nobody would be
//! a second one.
//!
//! What is innocent: clocks of the control plane that differ make an agent look silent for longer than it is, by as much as
//! they differ. And a person's own workspace may be called as a tool's: such names are left alone.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{
    Bounds, Invariant, Violation,
    chat_log::{ChatLog, End, Workspace},
    weather::Weather,
};
use crate::Record;

/// What times are rounded by that are stored.
const ROUNDED: Duration = Duration::from_millis(2);

/// See the module.
pub(super) struct ChatOne {
    agent_inactive_after: Duration,
    /// What people call the workspaces that they make themselves.
    people_call: BTreeSet<String>,
    log: ChatLog,
    weather: Weather,
    /// What workspaces are to be called that tools have asked for.
    asked: BTreeSet<String>,
    /// A workspace that a tool asked for, and that is to be its chat's in this instant.
    made: Option<Made>,
}

struct Made {
    ws: String,
    name: String,
    at: Duration,
    ordinal: u64,
}

impl ChatOne {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            agent_inactive_after: bounds.agent_inactive_after,
            people_call: bounds.people_call.clone(),
            log: ChatLog::default(),
            weather: Weather::default(),
            asked: BTreeSet::new(),
            made: None,
        }
    }

    fn broken(&self, ordinal: u64, message: String) -> Option<Violation> {
        Some(Violation { id: self.id(), message, ordinal })
    }

    /// A workspace that a tool asked for and that became nobody's.
    fn left_over(&mut self, now: Option<Duration>) -> Option<Violation> {
        if self.made.as_ref().is_none_or(|made| Some(made.at) == now) {
            return None;
        }
        let Made { ws, name, ordinal, .. } = self.made.take()?;
        self.broken(ordinal, format!("{ws} was made as {name:?}, as a tool had asked, and is no chat's"))
    }

    /// Whether the log shows why a chat lets go of a workspace.
    fn is_dead(&self, ws: &str, why: &str, now: Duration) -> bool {
        let Some(workspace) = self.log.workspace(ws) else { return false };
        let Some(latest) = workspace.latest() else { return false };
        let was_started = latest.transition == "start" && latest.end == Some(End::Succeeded);
        match why {
            "deleted" => workspace.is_gone(),
            // A build that was to end and failed may be called either.
            "failed" => latest.end == Some(End::Failed),
            "canceled" => latest.cancel_asked || matches!(latest.end, Some(End::Canceled | End::Withdrawn)),
            "no_agent" => was_started && latest.agents.is_empty(),
            "disconnected" => {
                let apart = self.weather.control_clocks_apart(now).saturating_add(ROUNDED);
                let silence = self.agent_inactive_after.saturating_sub(apart);
                was_started && latest.agents.iter().any(|agent| self.log.has_left(agent, silence, now))
            }
            "timed_out" => was_started && latest.agents.iter().any(|agent| self.log.never_came(agent)),
            _ => false,
        }
    }

    fn look(&mut self, record: &Record) -> Option<Violation> {
        let field = |name: &str| record.field(name);
        match record.event.as_str() {
            "tool.asked" => {
                self.asked.insert(field("name")?.to_owned());
            }
            "workspace.created" => {
                let (ws, name) = (field("ws")?.to_owned(), field("name")?.to_owned());
                if self.asked.contains(&name) && !self.people_call.contains(&name) {
                    self.made = Some(Made { ws, name, at: record.at, ordinal: record.ordinal });
                }
            }
            "chat.released" => {
                let (chat, ws, why) = (field("chat")?, field("ws")?, field("why")?);
                if self.log.bound(chat) != Some(ws) {
                    return self.broken(record.ordinal, format!("{chat} let go of {ws}, which it did not have"));
                }
                if !self.is_dead(ws, why, record.at) {
                    let message = format!("{chat} let go of {ws} as {why}, which the log does not show");
                    return self.broken(record.ordinal, message);
                }
            }
            "chat.bound" => {
                let (chat, ws) = (field("chat")?, field("ws")?);
                self.made.take_if(|made| made.ws == ws);
                if let Some(before) = self.log.bound(chat) {
                    let message = format!("{chat} was given {ws} while it had {before}");
                    return self.broken(record.ordinal, message);
                }
                if self.log.workspace(ws).is_some_and(Workspace::is_gone) {
                    return self.broken(record.ordinal, format!("{chat} was given {ws}, which was destroyed"));
                }
            }
            _ => {}
        }
        None
    }
}

impl Invariant for ChatOne {
    fn id(&self) -> &'static str {
        "chat-one"
    }

    fn about(&self) -> &'static str {
        "a chat has one workspace at a time, and another one only when nothing is left of that"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let left_over = self.left_over(Some(record.at));
        self.weather.observe(record);
        let broken = self.look(record);
        self.log.observe(record);
        left_over.or(broken)
    }

    fn finish(&mut self, _end: Duration) -> Option<Violation> {
        self.left_over(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const CHAT: (&str, &str) = ("chat", "chat#1");
    const WS: (&str, &str) = ("ws", "ws#1");
    const JOB: (&str, &str) = ("job", "job#1");
    const AGENT: (&str, &str) = ("agent", "agent#1");

    fn invariant() -> ChatOne {
        let people_call = ["mine".to_owned()].into();
        let bounds = Bounds { agent_inactive_after: Duration::from_secs(45), people_call, ..Bounds::default() };
        ChatOne::new(&bounds)
    }

    fn queued(log: Log, at: u64, number: u64, transition: &str) -> Log {
        let (job, build) = (format!("job#{number}"), format!("build#{number}"));
        let fields =
            [WS, ("number", &number.to_string()), ("transition", transition), ("job", &job), ("build", &build)];
        log.add(at, "control", "build.queued", &fields)
    }

    /// A chat that has a workspace whose first build waits.
    fn has_one() -> Log {
        let log = Log::new().add(1, "bot", "tool.asked", &[CHAT, ("name", "dev")]);
        let log = log.add(2, "control", "workspace.created", &[WS, ("name", "dev"), ("owner", "alice")]);
        queued(log, 2, 1, "start").add(2, "control", "chat.bound", &[CHAT, WS, ("how", "created")])
    }

    /// One that has started, with an agent.
    fn started() -> Log {
        let agent = [AGENT, WS, ("build", "build#1"), ("name", "main")];
        has_one().add(3, "control", "agent.registered", &agent).add(
            4,
            "control",
            "job.completed",
            &[JOB, ("status", "succeeded")],
        )
    }

    fn another(log: Log, at: u64, why: &str) -> Log {
        let log = log.add(at, "control", "chat.released", &[CHAT, WS, ("why", why)]);
        log.add(at, "control", "chat.bound", &[CHAT, ("ws", "ws#2"), ("how", "created")])
    }

    #[test]
    fn kept_by_one_that_is_replaced_when_it_is_dead() {
        assert_kept(invariant(), &has_one());
        let failed = has_one().add(3, "control", "job.failed", &[JOB]);
        assert_kept(invariant(), &another(failed, 4, "failed"));
        for event in ["job.cancel_requested", "job.canceled"] {
            assert_kept(invariant(), &another(has_one().add(3, "control", event, &[JOB]), 4, "canceled"));
        }
        let no_agent = has_one().add(3, "control", "job.completed", &[JOB, ("status", "succeeded")]);
        assert_kept(invariant(), &another(no_agent, 4, "no_agent"));
        assert_kept(invariant(), &another(started(), 400, "timed_out"));
        let left = started().add(5, "control", "agent.online", &[AGENT]);
        assert_kept(
            invariant(),
            &another(left.clone().add(6, "control", "agent.offline", &[AGENT]), 7, "disconnected"),
        );
        assert_kept(invariant(), &another(left, 50, "disconnected"));
        let destroyed = queued(started(), 5, 2, "destroy");
        let destroyed = destroyed.add(6, "control", "job.completed", &[("job", "job#2"), ("status", "succeeded")]);
        assert_kept(invariant(), &another(destroyed, 7, "deleted"));
        let too_late =
            queued(started(), 5, 2, "destroy").add(6, "control", "job.cancel_requested", &[("job", "job#2")]);
        let too_late = too_late.add(7, "control", "job.completed", &[("job", "job#2"), ("status", "canceled")]);
        assert_kept(invariant(), &another(too_late, 8, "deleted"));
    }

    #[test]
    fn broken_by_a_second_one() {
        let two = has_one().add(9, "control", "chat.bound", &[CHAT, ("ws", "ws#2"), ("how", "created")]);
        assert_broken(invariant(), &two, 4, &["chat#1", "ws#1", "ws#2"]);
        let other = has_one().add(9, "control", "chat.bound", &[("chat", "chat#2"), ("ws", "ws#2")]);
        assert_kept(invariant(), &other);
    }

    #[test]
    fn broken_by_a_reason_that_is_none() {
        for why in ["deleted", "failed", "canceled", "no_agent", "disconnected", "timed_out", "bored"] {
            assert_broken(invariant(), &another(has_one(), 9, why), 4, &["ws#1", why]);
        }
        for why in ["deleted", "failed", "canceled", "no_agent", "disconnected"] {
            assert_broken(invariant(), &another(started(), 9, why), 6, &["ws#1", why]);
        }
        let there = started().add(5, "control", "agent.online", &[AGENT]).add(30, "control", "agent.beat", &[AGENT]);
        for why in ["no_agent", "disconnected", "timed_out"] {
            assert_broken(invariant(), &another(there.clone(), 74, why), 8, &["ws#1", why]);
        }
        // A build that was queued since may bring it back.
        let left = there.add(40, "control", "agent.offline", &[AGENT]);
        let again = queued(left, 41, 2, "start");
        assert_broken(invariant(), &another(again, 42, "disconnected"), 10, &["ws#1"]);
        let other = has_one().add(9, "control", "chat.released", &[CHAT, ("ws", "ws#2"), ("why", "failed")]);
        assert_broken(invariant(), &other, 4, &["ws#2", "did not have"]);
    }

    #[test]
    fn broken_by_a_destroy_that_was_withdrawn() {
        let withdrawn = queued(started(), 5, 2, "destroy").add(6, "control", "job.canceled", &[("job", "job#2")]);
        assert_broken(invariant(), &another(withdrawn, 7, "deleted"), 8, &["ws#1", "deleted"]);
    }

    #[test]
    fn clocks_that_differ_make_an_agent_look_silent() {
        let there = started().add(5, "control", "agent.online", &[AGENT]);
        let step = [("host", "control-2"), ("by", "30")];
        let stepped = there.clone().add(6, "-", "fault.clock_stepped", &step);
        assert_kept(invariant(), &another(stepped, 21, "disconnected"));
        assert_broken(invariant(), &another(there, 21, "disconnected"), 7, &["ws#1"]);
    }

    #[test]
    fn broken_by_one_that_is_made_and_comes_to_nobody() {
        let made = |name| {
            let log = has_one().add(6, "bot", "tool.asked", &[CHAT, ("name", name)]);
            log.add(9, "control", "workspace.created", &[("ws", "ws#2"), ("name", name), ("owner", "alice")])
        };
        assert_broken(invariant(), &made("dev-1f2e"), 5, &["ws#2", "dev-1f2e"]);
        assert_broken(invariant(), &made("dev-1f2e").add(10, "control", "control.started", &[]), 5, &["ws#2"]);
        assert_kept(invariant(), &made("mine"));
        let other = [("ws", "ws#2"), ("name", "box"), ("owner", "alice")];
        assert_kept(invariant(), &has_one().add(9, "control", "workspace.created", &other));
    }
}
