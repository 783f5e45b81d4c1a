//! What a log tells of chats, of the workspaces that they have had, and of the agents in these.
//!
//! The control plane tells each of these things in the instant in which it is committed, whichever replica it is. So what
//! is known here is what the database says.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct ChatLog {
    /// By chat: the workspace that it has.
    bound: BTreeMap<String, String>,
    workspaces: BTreeMap<String, Workspace>,
    /// By job: the workspace and the number of its build.
    jobs: BTreeMap<String, (String, u64)>,
    /// By build: the same.
    builds: BTreeMap<String, (String, u64)>,
    agents: BTreeMap<String, Agent>,
}

/// A workspace, of anybody's.
#[derive(Default)]
pub(super) struct Workspace {
    /// Its name; empty for one that was built ahead and is called otherwise since somebody claimed it.
    pub(super) name: String,
    /// By number.
    pub(super) builds: BTreeMap<u64, Build>,
}

/// A build of a workspace.
pub(super) struct Build {
    pub(super) transition: String,
    /// Its end was asked for.
    pub(super) cancel_asked: bool,
    /// How it ended, if it has.
    pub(super) end: Option<End>,
    /// The agents that it made known.
    pub(super) agents: Vec<String>,
}

/// How a build ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    /// Over without an error after its end had been asked for: what it did is done.
    Canceled,
    /// Its end was asked for before a daemon had it.
    Withdrawn,
}

/// What is known of an agent's connection.
#[derive(Default)]
struct Agent {
    /// The last sign of life that was stored; none if there never was one.
    heard: Option<Duration>,
    /// Its newest connection has ended.
    is_offline: bool,
}

impl Workspace {
    /// Its latest build.
    pub(super) fn latest(&self) -> Option<&Build> {
        self.builds.values().next_back()
    }

    /// Whether one of its builds for a transition has succeeded.
    pub(super) fn has(&self, transition: &str) -> bool {
        self.builds.values().any(|build| build.transition == transition && build.end == Some(End::Succeeded))
    }

    /// Whether it was destroyed. A cancel that comes too late changes nothing about that.
    pub(super) fn is_gone(&self) -> bool {
        let carried_out = |build: &Build| matches!(build.end, Some(End::Succeeded | End::Canceled));
        self.builds.values().any(|build| build.transition == "destroy" && carried_out(build))
    }

    /// Whether one of its builds did not end well, or somebody has asked for its end.
    pub(super) fn has_gone_wrong(&self) -> bool {
        let wrong = |build: &Build| {
            build.cancel_asked || matches!(build.end, Some(End::Failed | End::Canceled | End::Withdrawn))
        };
        self.builds.values().any(wrong)
    }
}

impl ChatLog {
    /// Takes in what a record says.
    pub(super) fn observe(&mut self, record: &Record) {
        // A record of these names without these fields says nothing.
        let _ = self.take(record);
    }

    fn take(&mut self, record: &Record) -> Option<()> {
        let owned = |name: &str| record.field(name).map(str::to_owned);
        match record.event.as_str() {
            "workspace.created" => self.workspaces.entry(owned("ws")?).or_default().name = owned("name")?,
            "workspace.claimed" => self.workspaces.entry(owned("ws")?).or_default().name.clear(),
            "build.queued" => {
                let (ws, number) = (owned("ws")?, record.field("number")?.parse().ok()?);
                let transition = owned("transition")?;
                let build = Build { transition, cancel_asked: false, end: None, agents: Vec::new() };
                self.jobs.insert(owned("job")?, (ws.clone(), number));
                self.builds.insert(owned("build")?, (ws.clone(), number));
                self.workspaces.entry(ws).or_default().builds.insert(number, build);
            }
            "job.cancel_requested" => self.build_of_job(record)?.cancel_asked = true,
            "job.canceled" => self.build_of_job(record)?.end = Some(End::Withdrawn),
            "job.failed" => self.build_of_job(record)?.end = Some(End::Failed),
            "job.completed" => {
                let succeeded = record.field("status") == Some("succeeded");
                self.build_of_job(record)?.end = Some(if succeeded { End::Succeeded } else { End::Canceled });
            }
            "agent.registered" => {
                let (ws, number) = self.builds.get(record.field("build")?)?;
                let build = self.workspaces.get_mut(ws)?.builds.get_mut(number)?;
                build.agents.push(owned("agent")?);
                self.agents.insert(owned("agent")?, Agent::default());
            }
            "agent.online" | "agent.beat" => {
                let agent = self.agents.get_mut(record.field("agent")?)?;
                (agent.heard, agent.is_offline) = (Some(record.at), false);
            }
            "agent.offline" => self.agents.get_mut(record.field("agent")?)?.is_offline = true,
            "chat.bound" => drop(self.bound.insert(owned("chat")?, owned("ws")?)),
            "chat.released" => drop(self.bound.remove(record.field("chat")?)),
            _ => {}
        }
        Some(())
    }

    fn build_of_job(&mut self, record: &Record) -> Option<&mut Build> {
        let (ws, number) = self.jobs.get(record.field("job")?)?;
        self.workspaces.get_mut(ws)?.builds.get_mut(number)
    }

    /// The workspace that a chat has.
    pub(super) fn bound(&self, chat: &str) -> Option<&str> {
        self.bound.get(chat).map(String::as_str)
    }

    /// A workspace, if anything was told of it.
    pub(super) fn workspace(&self, ws: &str) -> Option<&Workspace> {
        self.workspaces.get(ws)
    }

    /// A build of a workspace, by its id.
    pub(super) fn build(&self, build: &str) -> Option<&Build> {
        let (ws, number) = self.builds.get(build)?;
        self.workspaces.get(ws)?.builds.get(number)
    }

    /// Whether an agent had its newest connection end, or nothing was heard of it for `silence` by now, after it had
    /// been there.
    pub(super) fn has_left(&self, agent: &str, silence: Duration, now: Duration) -> bool {
        let Some(Agent { heard: Some(heard), is_offline }) = self.agents.get(agent) else { return false };
        *is_offline || heard.saturating_add(silence) <= now
    }

    /// Whether an agent has never been there.
    pub(super) fn never_came(&self, agent: &str) -> bool {
        self.agents.get(agent).is_some_and(|agent| agent.heard.is_none())
    }
}
