//! Tunnels that should be up.
//!
//! A tunnel that is open, and that nobody has told to end, is on its way until it is up or has ended. One that waits for
//! an agent whose start scripts have failed, or run on, waits for something real: it may do so for ever. What it may wait
//! for else is a build, and a build that goes on is under way itself.
//!
//! One that is up is of use: its workspace runs, it goes to the agent that the workspace has now, and whoever uses it gets
//! answers. Otherwise it has something to find out still.

use std::{collections::BTreeMap, time::Duration};

use groundhog_sim::Record;
use groundhog_tunnel::machine::State;

/// What comes of using a tunnel that leads nowhere. Anything else is an answer of somebody's at its other end.
const USELESS: [&str; 3] = ["no answer", "refused", "closed"];

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tunnels {
    open: BTreeMap<String, Tunnel>,
    /// By workspace: its name.
    workspaces: BTreeMap<String, String>,
    /// By the names of a workspace and of an agent: the latest one of these names.
    agents: BTreeMap<(String, String), String>,
    /// By agent: the last step of its life that is stored.
    steps: BTreeMap<String, String>,
    /// By the job of a build that has not ended: the workspace's name, and what it is for.
    builds: BTreeMap<String, (String, String)>,
    /// By the name of a workspace: what the last build that was carried out was for.
    carried_out: BTreeMap<String, String>,
    on_their_way: BTreeMap<String, String>,
    changed_at: Option<Duration>,
}

#[derive(Debug)]
struct Tunnel {
    host: String,
    workspace: String,
    agent: String,
    state: String,
    /// The agent that it is connected to, or was last.
    connected: String,
    /// What came of using it last.
    answer: String,
}

impl Tunnels {
    /// Tunnels that should be up and are not, and how far each has come.
    pub(super) fn on_their_way(&self) -> &BTreeMap<String, String> {
        &self.on_their_way
    }

    /// When the last of them came up, or was no longer to.
    pub(super) fn changed_at(&self) -> Option<Duration> {
        self.changed_at
    }

    pub(super) fn observe(&mut self, record: &Record) {
        if self.take(record).is_none() {
            return;
        }
        let on_their_way = self.open.iter().filter(|(_, tunnel)| self.is_on_its_way(tunnel));
        let on_their_way: BTreeMap<String, String> =
            on_their_way.map(|(name, tunnel)| (name.clone(), tunnel.state.clone())).collect();
        if on_their_way != self.on_their_way {
            self.on_their_way = on_their_way;
            self.changed_at = Some(record.at);
        }
    }

    fn is_on_its_way(&self, tunnel: &Tunnel) -> bool {
        if tunnel.state == State::ApplicationUp.as_str() {
            !self.is_of_use(tunnel)
        } else if tunnel.state == State::WaitForAgent.as_str() {
            self.agent_is_ready(tunnel)
        } else {
            true
        }
    }

    /// Whether a tunnel that is up is good for anything, as far as the log tells.
    fn is_of_use(&self, tunnel: &Tunnel) -> bool {
        let runs = self.carried_out.get(&tunnel.workspace).is_none_or(|transition| transition == "start");
        let mut there = self.agents.iter().filter(|((workspace, _), _)| *workspace == tunnel.workspace).peekable();
        // Whoever knows a workspace by its id alone is not followed here.
        let is_current = there.peek().is_none() || there.any(|(_, agent)| *agent == tunnel.connected);
        runs && is_current && !USELESS.contains(&tunnel.answer.as_str())
    }

    /// Whether the agent that a tunnel waits for can be dialled, as far as the log tells.
    fn agent_is_ready(&self, tunnel: &Tunnel) -> bool {
        let is_meant = |(workspace, agent): &(String, String)| {
            *workspace == tunnel.workspace && (tunnel.agent.is_empty() || *agent == tunnel.agent)
        };
        let mut meant = self.agents.iter().filter(|(names, _)| is_meant(names)).map(|(_, agent)| agent);
        match (meant.next(), meant.next()) {
            (Some(only), None) => self.steps.get(only).is_some_and(|step| step == "ready"),
            _ => false,
        }
    }

    /// Takes in what a record says; none if it says nothing about tunnels.
    fn take(&mut self, record: &Record) -> Option<()> {
        let owned = |name: &str| record.field(name).map(str::to_owned);
        match record.event.as_str() {
            "workspace.created" => drop(self.workspaces.insert(owned("ws")?, owned("name")?)),
            "agent.registered" => {
                let workspace = self.workspaces.get(record.field("ws")?)?.clone();
                self.agents.insert((workspace, owned("name")?), owned("agent")?);
            }
            "agent.lifecycle_stored" => drop(self.steps.insert(owned("agent")?, owned("state")?)),
            "build.queued" => {
                let workspace = self.workspaces.get(record.field("ws")?)?.clone();
                self.builds.insert(owned("job")?, (workspace, owned("transition")?));
            }
            "job.completed" => {
                let (workspace, transition) = self.builds.remove(record.field("job")?)?;
                if record.field("status") == Some("succeeded") {
                    self.carried_out.insert(workspace, transition);
                }
            }
            "tunnel.network_up" => self.open.get_mut(record.field("tunnel")?)?.connected = owned("agent")?,
            "user.tunnel_answer" => {
                let of_host = self.open.values_mut().find(|tunnel| tunnel.host == record.host)?;
                of_host.answer = owned("answer")?;
            }
            "tunnel.opened" => {
                let tunnel = Tunnel {
                    host: record.host.clone(),
                    workspace: owned("workspace")?,
                    agent: owned("agent_name")?,
                    state: State::Init.as_str().to_owned(),
                    connected: String::new(),
                    answer: String::new(),
                };
                self.open.insert(owned("tunnel")?, tunnel);
            }
            "tunnel.state" => self.open.get_mut(record.field("tunnel")?)?.state = owned("to")?,
            "tunnel.ended" => drop(self.open.remove(record.field("tunnel")?)),
            "host.killed" | "host.power_lost" | "host.removed" => {
                let host = record.field("host")?;
                self.open.retain(|_, tunnel| tunnel.host != host);
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, secs};

    const TUNNEL: (&str, &str) = ("tunnel", "tunnel#1");

    /// A workspace with an agent, and a tunnel that waits for it.
    fn waiting() -> Log {
        let log = Log::new().add(1, "control", "workspace.created", &[("ws", "ws#1"), ("name", "dev"), ("owner", "a")]);
        let opened = [TUNNEL, ("workspace", "dev"), ("agent_name", "")];
        let log = log.add(2, "ssh", "tunnel.opened", &opened);
        let known = [("agent", "agent#1"), ("ws", "ws#1"), ("build", "build#1"), ("name", "main")];
        state(log.add(3, "control", "agent.registered", &known), 3, "waitForAgent")
    }

    fn state(log: Log, at: u64, to: &str) -> Log {
        log.add(at, "ssh", "tunnel.state", &[TUNNEL, ("from", "-"), ("to", to), ("because", "-")])
    }

    fn up() -> Log {
        let network = [TUNNEL, ("agent", "agent#1"), ("path", "direct")];
        let up = state(waiting(), 9, "tailnetUp").add(9, "ssh", "tunnel.network_up", &network);
        state(up, 10, "applicationUp")
    }

    fn step(log: Log, at: u64, step: &str) -> Log {
        log.add(at, "control", "agent.lifecycle_stored", &[("agent", "agent#1"), ("state", step)])
    }

    fn after(log: &Log) -> Tunnels {
        let mut tunnels = Tunnels::default();
        log.records.iter().for_each(|record| tunnels.observe(record));
        tunnels
    }

    #[track_caller]
    fn on_their_way(log: &Log, expected: &[&str]) {
        assert_eq!(after(log).on_their_way().keys().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_tunnel_is_waited_for_until_it_is_up_or_has_ended() {
        let log = Log::new().add(2, "ssh", "tunnel.opened", &[TUNNEL, ("workspace", "dev"), ("agent_name", "")]);
        on_their_way(&log, &["tunnel#1"]);
        on_their_way(&state(waiting(), 9, "tailnetUp"), &["tunnel#1"]);
        on_their_way(&state(waiting(), 9, "shutdownTailnet"), &["tunnel#1"]);
        let up = after(&up());
        assert!(up.on_their_way().is_empty());
        assert_eq!(up.changed_at(), Some(secs(10)));
        on_their_way(&state(waiting(), 9, "tailnetUp").add(10, "ssh", "tunnel.ended", &[TUNNEL]), &[]);
        let killed = state(waiting(), 9, "tailnetUp").add(10, "-", "host.killed", &[("host", "ssh")]);
        on_their_way(&killed, &[]);
    }

    #[test]
    fn a_tunnel_that_is_up_and_of_no_use_has_something_to_find_out() {
        on_their_way(&up(), &[]);
        let answered =
            |log: Log, answer: &str| log.add(11, "ssh", "user.tunnel_answer", &[("name", "ssh"), ("answer", answer)]);
        on_their_way(&answered(up(), "closed"), &["tunnel#1"]);
        on_their_way(&answered(answered(up(), "no answer"), "500"), &[]);
        // A later build has stopped the workspace, or made another agent.
        let built = |transition: &str, status: &str| {
            let queued =
                [("build", "build#2"), ("ws", "ws#1"), ("number", "2"), ("transition", transition), ("job", "job#2")];
            up().add(12, "control", "build.queued", &queued).add(
                13,
                "control",
                "job.completed",
                &[("job", "job#2"), ("by", "prov"), ("status", status)],
            )
        };
        on_their_way(&built("stop", "succeeded"), &["tunnel#1"]);
        on_their_way(&built("stop", "canceled"), &[]);
        let other = [("agent", "agent#2"), ("ws", "ws#1"), ("build", "build#2"), ("name", "main")];
        on_their_way(&built("start", "succeeded").add(14, "control", "agent.registered", &other), &["tunnel#1"]);
    }

    #[test]
    fn an_agent_that_is_not_ready_is_something_real_to_wait_for() {
        on_their_way(&waiting(), &[]);
        on_their_way(&step(waiting(), 5, "start_error"), &[]);
        on_their_way(&step(waiting(), 5, "ready"), &["tunnel#1"]);
        on_their_way(&step(step(waiting(), 5, "ready"), 6, "off"), &[]);
        let other = [("agent", "agent#2"), ("ws", "ws#1"), ("build", "build#1"), ("name", "more")];
        on_their_way(&step(waiting().add(4, "control", "agent.registered", &other), 5, "ready"), &[]);
    }
}
