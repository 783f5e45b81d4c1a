//! `tool-true`: what a tool answers is so.
//!
//! - Whoever is told that a workspace was created for their chat has one that became the chat's in the course of this call,
//!   by being made or claimed, whose build has succeeded; and nobody else was told that of it. One that has a name has the
//!   name that was answered.
//! - Whoever is told that there is a workspace, that it was started or that it is stopped has had one in the course of the
//!   call of which such a build has succeeded.
//! - Whoever is told that a build failed has had one in the course of the call of which a build did not end well, or
//!   somebody had asked for its end.
//!
//! What a call could not find out, or waited for too long, is no such answer.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Invariant, Violation, begins_anew,
    chat_log::{ChatLog, End, Workspace},
};
use crate::Record;

/// With what it begins that a build went wrong, for the one that the call asked for and for the one that it found.
const BUILD_FAILED: &str = "workspace build failed: ";

/// What follows when the call does not know how the build ended.
const NOT_KNOWN: [&str; 4] =
    ["timed out waiting for workspace build", "get build", "get provisioner job", "unexpected job status"];

/// See the module.
#[derive(Default)]
pub(super) struct ToolTrue {
    log: ChatLog,
    /// By runtime and the number of the call.
    open: BTreeMap<(String, String), Open>,
    /// Workspaces of which somebody was told that they were created.
    told: BTreeSet<String>,
}

/// A call that was not answered.
struct Open {
    chat: String,
    /// What the chat has had since it was called.
    had: BTreeSet<String>,
    /// What has become the chat's since, and the build with which it did.
    gained: Vec<(String, String)>,
}

impl ToolTrue {
    fn called(&mut self, record: &Record) -> Option<()> {
        let chat = record.field("chat")?.to_owned();
        let had = self.log.bound(&chat).map(str::to_owned).into_iter().collect();
        let key = (record.host.clone(), record.field("call")?.to_owned());
        self.open.insert(key, Open { chat, had, gained: Vec::new() });
        Some(())
    }

    fn bound(&mut self, record: &Record) -> Option<()> {
        let (chat, ws) = (record.field("chat")?, record.field("ws")?);
        let made = matches!(record.field("how"), Some("created" | "claimed"));
        for open in self.open.values_mut().filter(|open| open.chat == chat) {
            open.had.insert(ws.to_owned());
            if made {
                open.gained.push((ws.to_owned(), record.field("build")?.to_owned()));
            }
        }
        Some(())
    }

    fn answered(&mut self, record: &Record) -> Option<Violation> {
        let (call, answer) = (record.field("call")?, record.field("answer").unwrap_or_default());
        let open = self.open.remove(&(record.host.clone(), call.to_owned()))?;
        let of_any =
            |what: &dyn Fn(&Workspace) -> bool| open.had.iter().filter_map(|ws| self.log.workspace(ws)).any(what);
        let is_so = match record.field("outcome")? {
            "created" => match self.created(&open, answer) {
                Some(ws) => self.told.insert(ws),
                None => false,
            },
            "already_exists" | "started" | "already_running" => of_any(&|workspace| workspace.has("start")),
            "stopped" | "already_stopped" => of_any(&|workspace| workspace.has("stop")),
            "failed" if says_that_a_build_failed(answer) => of_any(&Workspace::has_gone_wrong),
            _ => true,
        };
        (!is_so).then(|| {
            let (host, chat) = (&record.host, &open.chat);
            let message = format!("call {call} on {host}, for {chat}, was answered what is not so: {answer}");
            Violation { id: self.id(), message, ordinal: record.ordinal }
        })
    }

    /// The workspace that a call means by saying that it was created; none if there is no such one.
    fn created(&self, open: &Open, answer: &str) -> Option<String> {
        let is_called = |ws: &str| {
            let name = self.log.workspace(ws).map(|workspace| workspace.name.as_str()).unwrap_or_default();
            name.is_empty() || workspace_name(answer).is_none_or(|answered| answered == name)
        };
        let is_built = |build: &str| self.log.build(build).is_some_and(|build| build.end == Some(End::Succeeded));
        let mut fitting =
            open.gained.iter().filter(|(ws, build)| !self.told.contains(ws) && is_called(ws) && is_built(build));
        fitting.next().map(|(ws, _)| ws.clone())
    }
}

/// The name of the workspace in an answer such as `created=true workspace_name=alice/dev`.
fn workspace_name(answer: &str) -> Option<&str> {
    let (_, rest) = answer.split_once("workspace_name=")?;
    let name = rest.split_whitespace().next()?;
    Some(name.rsplit_once('/').map_or(name, |(_, name)| name))
}

fn says_that_a_build_failed(answer: &str) -> bool {
    let Some((_, why)) = answer.split_once(BUILD_FAILED) else { return answer.contains("INSUFFICIENT_QUOTA") };
    !NOT_KNOWN.iter().any(|not_known| why.starts_with(not_known))
}

impl Invariant for ToolTrue {
    fn id(&self) -> &'static str {
        "tool-true"
    }

    fn about(&self) -> &'static str {
        "what a chat's tool answers of the chat's workspace is so"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        self.log.observe(record);
        if let Some(host) = begins_anew(record) {
            self.open.retain(|(runtime, _), _| runtime != host);
        }
        match record.event.as_str() {
            // A record of this name without these fields says nothing.
            "tool.called" => drop(self.called(record)),
            "chat.bound" => drop(self.bound(record)),
            "tool.answered" => return self.answered(record),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    const CHAT: (&str, &str) = ("chat", "chat#1");
    const WS: (&str, &str) = ("ws", "ws#1");
    const BUILD: (&str, &str) = ("build", "build#1");
    const JOB: (&str, &str) = ("job", "job#1");

    fn called(log: Log, at: u64, host: &str) -> Log {
        log.add(at, host, "tool.called", &[CHAT, ("call", "1"), ("tool", "create_workspace")])
    }

    fn gets_one(log: Log, at: u64, how: &str) -> Log {
        let log = log.add(at, "control", "workspace.created", &[WS, ("name", "dev"), ("owner", "alice")]);
        let queued = [WS, ("number", "1"), ("transition", "start"), JOB, BUILD];
        let log = log.add(at, "control", "build.queued", &queued);
        log.add(at, "control", "chat.bound", &[CHAT, WS, BUILD, ("how", how)])
    }

    fn ends(log: Log, at: u64, event: &str) -> Log {
        log.add(at, "control", event, &[JOB, ("status", "succeeded")])
    }

    fn answered(log: Log, at: u64, host: &str, outcome: &str, answer: &str) -> Log {
        let fields = [CHAT, ("call", "1"), ("outcome", outcome), ("answer", answer)];
        log.add(at, host, "tool.answered", &fields)
    }

    const CREATED: &str = "created=true workspace_name=alice/dev";

    #[test]
    fn kept_by_who_is_told_what_is_so() {
        let built = ends(gets_one(called(Log::new(), 1, "bot"), 2, "created"), 3, "job.completed");
        assert_kept(ToolTrue::default(), &answered(built.clone(), 4, "bot", "created", CREATED));
        assert_kept(ToolTrue::default(), &answered(called(built, 4, "bot-2"), 5, "bot-2", "already_exists", ""));
        let failed = ends(gets_one(called(Log::new(), 1, "bot"), 2, "created"), 3, "job.failed");
        assert_kept(ToolTrue::default(), &answered(failed, 4, "bot", "failed", "error=workspace build failed: no"));
        let unknown = "error=existing workspace build failed: get build: it is not there";
        assert_kept(ToolTrue::default(), &answered(called(Log::new(), 1, "bot"), 2, "bot", "failed", unknown));
        assert_kept(
            ToolTrue::default(),
            &answered(called(Log::new(), 1, "bot"), 2, "bot", "error", "look up template"),
        );
        // Nobody knows what a runtime that died was told.
        let died = called(Log::new(), 1, "bot").add(2, "-", "host.killed", &[("host", "bot")]);
        assert_kept(ToolTrue::default(), &answered(died, 4, "bot", "created", CREATED));
    }

    #[test]
    fn broken_by_a_workspace_that_nobody_made() {
        let nothing = answered(called(Log::new(), 1, "bot"), 2, "bot", "created", CREATED);
        assert_broken(ToolTrue::default(), &nothing, 1, &["bot", "chat#1", "alice/dev"]);
        let before = called(ends(gets_one(Log::new(), 1, "created"), 2, "job.completed"), 3, "bot");
        assert_broken(ToolTrue::default(), &answered(before, 4, "bot", "created", CREATED), 5, &["alice/dev"]);
        let attached = ends(gets_one(called(Log::new(), 1, "bot"), 2, "attached"), 3, "job.completed");
        assert_broken(ToolTrue::default(), &answered(attached, 4, "bot", "created", CREATED), 5, &["alice/dev"]);
        let other = ends(gets_one(called(Log::new(), 1, "bot"), 2, "created"), 3, "job.completed");
        let called_otherwise = answered(other, 4, "bot", "created", "created=true workspace_name=alice/box");
        assert_broken(ToolTrue::default(), &called_otherwise, 5, &["alice/box"]);
        let still_built = gets_one(called(Log::new(), 1, "bot"), 2, "created");
        assert_broken(ToolTrue::default(), &answered(still_built, 4, "bot", "created", CREATED), 4, &["alice/dev"]);
    }

    #[test]
    fn broken_by_two_who_are_told_that_they_created_it() {
        let two = called(called(Log::new(), 1, "bot"), 1, "bot-2");
        let built = ends(gets_one(two, 2, "created"), 3, "job.completed");
        let first = answered(built, 4, "bot", "created", CREATED);
        assert_broken(ToolTrue::default(), &answered(first, 5, "bot-2", "created", CREATED), 7, &["bot-2"]);
    }

    #[test]
    fn broken_by_what_is_said_of_a_workspace_and_is_not_so() {
        let building = gets_one(called(Log::new(), 1, "bot"), 2, "created");
        for outcome in ["already_exists", "started", "already_running", "stopped", "already_stopped"] {
            assert_broken(ToolTrue::default(), &answered(building.clone(), 3, "bot", outcome, "x"), 4, &["chat#1"]);
        }
        let fails = |answer| answered(ends(building.clone(), 3, "job.completed"), 4, "bot", "failed", answer);
        let failed = "error=existing workspace build failed: build was canceled";
        assert_broken(ToolTrue::default(), &fails(failed), 5, &["was canceled"]);
        assert_broken(ToolTrue::default(), &fails("error_code=INSUFFICIENT_QUOTA"), 5, &["QUOTA"]);
    }
}
