//! Which agents should be online, and are not.
//!
//! An agent should be online once the build that made it known is the last of its workspace that has succeeded, as
//! long as its machine runs and it was not told to close. It is online when it says so itself and the control plane
//! has not said otherwise since.
//!
//! A provisioner that was given up for dead may live, and make or delete a machine behind everybody's back. What it
//! made has a token that nobody knows: so where not every build of the workspace went as it should, an agent that is
//! refused for its token's sake is not waited for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use groundhog_sim::Record;

use crate::{invariants::is_refused, scenario::machine};

/// What is known of all agents.
#[derive(Debug, Default)]
pub(super) struct Agents {
    /// By workspace.
    workspaces: BTreeMap<String, Workspace>,
    /// By job: the workspace, and the build's number.
    builds: BTreeMap<String, (String, u64)>,
    /// By build: its number.
    numbers: BTreeMap<String, u64>,
    /// By agent.
    agents: BTreeMap<String, Agent>,
    /// By host: those that run.
    machines: BTreeMap<String, Machine>,
    /// Machines that are to be deleted. Should that come to nothing, they have no agent all the same.
    going: BTreeSet<String>,
    /// By what a provisioner calls a machine: its host, where that is called otherwise.
    called: BTreeMap<String, String>,
    /// By host: the agents that its machine has been.
    of_machine: BTreeMap<String, Vec<String>>,
    missing: BTreeSet<String>,
    changed_at: Option<Duration>,
}

#[derive(Debug, Default)]
struct Workspace {
    name: String,
    /// The number of the last build that has succeeded.
    latest: u64,
    /// A build was lost, handed back, given up or cancelled.
    imperfect: bool,
    /// It was built ahead, and nobody has claimed it: its agents are waited for with the pool.
    unclaimed: bool,
    agents: Vec<String>,
}

#[derive(Debug)]
struct Agent {
    workspace: String,
    build: u64,
    machine: String,
    /// The control plane has said last that it is offline.
    offline: bool,
}

/// A machine that runs.
#[derive(Debug, Default)]
struct Machine {
    /// As which agent it is connected.
    connected: Option<String>,
    /// Its agent was told to close, or has.
    closing: bool,
    /// Its agent's last try was refused for its token's sake.
    refused: bool,
}

impl Agents {
    /// Agents that should be online and are not.
    pub(super) fn missing(&self) -> &BTreeSet<String> {
        &self.missing
    }

    /// When the last of them came online, or was no longer to.
    pub(super) fn changed_at(&self) -> Option<Duration> {
        self.changed_at
    }

    pub(super) fn observe(&mut self, record: &Record) {
        // Every agent that this may have changed something about.
        let touched = self.take(record).unwrap_or_default();
        for agent in touched {
            let is_missing = self.is_missing(&agent);
            let was_missing = if is_missing { !self.missing.insert(agent) } else { self.missing.remove(&agent) };
            if is_missing != was_missing {
                self.changed_at = Some(record.at);
            }
        }
    }

    fn is_missing(&self, name: &str) -> bool {
        let Some(agent) = self.agents.get(name) else { return false };
        let Some(workspace) = self.workspaces.get(&agent.workspace) else { return false };
        let Some(machine) = self.machines.get(&agent.machine) else { return false };
        let is_wanted =
            agent.build == workspace.latest && !machine.closing && !(machine.refused && workspace.imperfect);
        let stays = !self.going.contains(&agent.machine);
        is_wanted && stays && !workspace.unclaimed && (agent.offline || machine.connected.as_deref() != Some(name))
    }

    /// Takes in what a record says. Tells which agents it says something about.
    fn take(&mut self, record: &Record) -> Option<Vec<String>> {
        let field = |field: &str| record.field(field);
        let owned = |name: &str| field(name).map(str::to_owned);
        match record.event.as_str() {
            "workspace.created" => {
                let workspace = Workspace { name: owned("name")?, ..Workspace::default() };
                self.workspaces.insert(owned("ws")?, workspace);
            }
            "build.queued" => {
                let number = field("number")?.parse().ok()?;
                self.builds.insert(owned("job")?, (owned("ws")?, number));
                self.numbers.insert(owned("build")?, number);
            }
            "prebuild.created" => {
                let workspace = self.workspaces.get_mut(field("ws")?)?;
                workspace.unclaimed = true;
                return Some(workspace.agents.clone());
            }
            "workspace.claimed" => {
                let workspace = self.workspaces.get_mut(field("ws")?)?;
                workspace.unclaimed = false;
                return Some(workspace.agents.clone());
            }
            "machine.called" => {
                self.called.insert(owned("name")?, owned("machine")?);
            }
            "agent.registered" => {
                let (name, workspace) = (owned("agent")?, self.workspaces.get_mut(field("ws")?)?);
                workspace.agents.push(name.clone());
                let machine = machine(&workspace.name, field("name")?);
                let machine = self.called.get(&machine).cloned().unwrap_or(machine);
                let build = self.numbers.get(field("build")?).copied()?;
                let mut touched = self.goes_to(&machine, field("ws")?);
                self.of_machine.entry(machine.clone()).or_default().push(name.clone());
                self.agents.insert(name.clone(), Agent { workspace: owned("ws")?, build, machine, offline: false });
                touched.push(name);
                return Some(touched);
            }
            "job.completed" => {
                let (workspace, number) = self.builds.get(field("job")?)?;
                let workspace = self.workspaces.get_mut(workspace)?;
                workspace.latest = workspace.latest.max(*number);
                return Some(workspace.agents.clone());
            }
            "job.failed" | "job.canceled" | "job.returned" | "job.reaped" => {
                let (workspace, _) = self.builds.get(field("job")?)?;
                let workspace = self.workspaces.get_mut(workspace)?;
                workspace.imperfect = true;
                return Some(workspace.agents.clone());
            }
            "agent.online" | "agent.offline" => {
                let agent = self.agents.get_mut(field("agent")?)?;
                agent.offline = record.event == "agent.offline";
                return Some(vec![owned("agent")?]);
            }
            "agent.connected" => {
                let machine = self.machines.get_mut(&record.host)?;
                machine.connected = owned("agent");
                machine.refused = false;
                return Some(self.of_machine(&record.host));
            }
            "agent.disconnected" => {
                self.machines.get_mut(&record.host)?.connected = None;
                return Some(self.of_machine(&record.host));
            }
            "agent.try_failed" if is_refused(record) => {
                self.machines.get_mut(&record.host)?.refused = true;
                return Some(self.of_machine(&record.host));
            }
            "agent.closing" | "agent.started" => {
                let machine = self.machines.get_mut(&record.host)?;
                // After a claim the next agent starts where the one before was closed.
                machine.closing = record.event == "agent.closing";
                machine.connected = None;
                return Some(self.of_machine(&record.host));
            }
            "machine.deleting" => {
                self.going.insert(owned("machine")?);
                return Some(self.of_machine(field("machine")?));
            }
            "machine.created" => {
                self.going.remove(field("machine")?);
                return Some(self.of_machine(field("machine")?));
            }
            "host.started" => {
                self.machines.insert(owned("host")?, Machine::default());
                return Some(self.of_machine(field("host")?));
            }
            "host.killed" | "host.power_lost" | "host.removed" => {
                self.machines.remove(field("host")?);
                return Some(self.of_machine(field("host")?));
            }
            _ => {}
        }
        None
    }

    /// A host is a machine of this workspace's from now on. The agents of another one that had it have none any more.
    fn goes_to(&mut self, host: &str, workspace: &str) -> Vec<String> {
        let Some(on_it) = self.of_machine.get_mut(host) else { return Vec::new() };
        let agents = &self.agents;
        let stays = |name: &String| agents.get(name).is_some_and(|agent| agent.workspace == workspace);
        let (stay, go): (Vec<String>, Vec<String>) = std::mem::take(on_it).into_iter().partition(stays);
        *on_it = stay;
        for gone in &go {
            self.agents.remove(gone);
        }
        go
    }

    fn of_machine(&self, host: &str) -> Vec<String> {
        self.of_machine.get(host).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, secs};

    const HOST: (&str, &str) = ("host", "dev.main");

    /// A workspace whose first build has made an agent known, on a machine that runs.
    fn built() -> Log {
        let log = Log::new().add(1, "control", "workspace.created", &[("ws", "ws#1"), ("name", "dev"), ("owner", "a")]);
        let queued = [("build", "build#1"), ("ws", "ws#1"), ("number", "1"), ("job", "job#1")];
        let log = log.add(1, "control", "build.queued", &queued).add(2, "-", "host.started", &[HOST]);
        let known = [("agent", "agent#1"), ("ws", "ws#1"), ("build", "build#1"), ("name", "main")];
        let log = log.add(3, "control", "agent.registered", &known);
        log.add(3, "control", "job.completed", &[("job", "job#1")])
    }

    fn online(log: Log, at: u64) -> Log {
        let log = log.add(at, "dev.main", "agent.connected", &[("agent", "agent#1")]);
        log.add(at, "control", "agent.online", &[("agent", "agent#1")])
    }

    fn after(log: &Log) -> Agents {
        let mut agents = Agents::default();
        log.records.iter().for_each(|record| agents.observe(record));
        agents
    }

    #[track_caller]
    fn missing(log: &Log, expected: &[&str]) {
        assert_eq!(after(log).missing().iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_agent_is_waited_for_until_it_is_online() {
        missing(&built(), &["agent#1"]);
        let agents = after(&online(built(), 7));
        assert!(agents.missing().is_empty());
        assert_eq!(agents.changed_at(), Some(secs(7)));
        missing(&online(built(), 7).add(9, "dev.main", "agent.disconnected", &[]), &["agent#1"]);
        missing(&online(built(), 7).add(9, "control", "agent.offline", &[("agent", "agent#1")]), &["agent#1"]);
        missing(&online(built(), 7).add(9, "-", "host.started", &[HOST]), &["agent#1"]);
    }

    #[test]
    fn who_cannot_come_is_not_waited_for() {
        missing(&built().add(4, "-", "host.removed", &[HOST]), &[]);
        missing(&built().add(4, "-", "host.killed", &[HOST]), &[]);
        missing(&built().add(4, "dev.main", "agent.closing", &[]), &[]);
        // A deletion that was broken off, and a machine that is back.
        let going = || built().add(4, "prov-1", "machine.deleting", &[("machine", "dev.main")]);
        let back = || going().add(5, "-", "host.killed", &[HOST]).add(6, "-", "host.started", &[HOST]);
        missing(&back(), &[]);
        missing(&back().add(7, "prov-1", "machine.created", &[("machine", "dev.main")]), &["agent#1"]);
        let queued = [("build", "build#2"), ("ws", "ws#1"), ("number", "2"), ("job", "job#2")];
        let stopped = built().add(5, "control", "build.queued", &queued);
        missing(&stopped.add(6, "control", "job.completed", &[("job", "job#2")]), &[]);
    }

    #[test]
    fn what_was_built_ahead_is_waited_for_once_it_is_somebodys() {
        let log = Log::new().add(1, "control", "workspace.created", &[("ws", "ws#1"), ("name", "p-x"), ("owner", "p")]);
        let queued = [("build", "build#1"), ("ws", "ws#1"), ("number", "1"), ("job", "job#1")];
        let log =
            log.add(1, "control", "build.queued", &queued).add(1, "control", "prebuild.created", &[("ws", "ws#1")]);
        let host = [("host", "prebuild-1.main")];
        let log = log.add(2, "prov-1", "machine.called", &[("machine", "prebuild-1.main"), ("name", "p-x.main")]);
        let log = log.add(2, "-", "host.started", &host);
        let known = [("agent", "agent#1"), ("ws", "ws#1"), ("build", "build#1"), ("name", "main")];
        let log = log.add(3, "control", "agent.registered", &known);
        let log = || log.clone().add(3, "control", "job.completed", &[("job", "job#1")]);
        missing(&log(), &[]);
        let claimed = || log().add(4, "control", "workspace.claimed", &[("ws", "ws#1")]);
        missing(&claimed(), &["agent#1"]);
        missing(&claimed().add(5, "prebuild-1.main", "agent.connected", &[("agent", "agent#1")]), &[]);
    }

    #[test]
    fn a_machine_that_was_made_behind_everybodys_back_is_not_waited_for() {
        let refused = [("error", "unknown agent token"), ("wait_ms", "10")];
        missing(&built().add(4, "dev.main", "agent.try_failed", &refused), &["agent#1"]);
        let queued = [("build", "build#2"), ("ws", "ws#1"), ("number", "2"), ("job", "job#2")];
        let failed = built().add(5, "control", "build.queued", &queued);
        let failed = failed.add(6, "control", "job.failed", &[("job", "job#2")]);
        missing(&failed.add(7, "dev.main", "agent.try_failed", &refused), &[]);
    }
    #[test]
    fn a_host_that_is_another_workspaces_has_only_that_ones_agents() {
        let called =
            |log: Log, name| log.add(4, "prov-1", "machine.called", &[("machine", "dev.main"), ("name", name)]);
        let queued = [("build", "build#2"), ("ws", "ws#2"), ("number", "1"), ("job", "job#2")];
        let other = [("ws", "ws#2"), ("name", "other"), ("owner", "alice")];
        let log =
            called(built().add(4, "-", "host.removed", &[HOST]), "other.main").add(5, "-", "host.started", &[HOST]);
        let log = log.add(5, "control", "workspace.created", &other).add(5, "control", "build.queued", &queued);
        missing(&log, &["agent#1"]);
        let known = [("agent", "agent#2"), ("ws", "ws#2"), ("build", "build#2"), ("name", "main")];
        let log = log.add(6, "control", "agent.registered", &known);
        missing(&log, &[]);
        missing(&log.add(7, "control", "job.completed", &[("job", "job#2")]), &["agent#2"]);
    }
}
