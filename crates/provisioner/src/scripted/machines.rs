//! The machines that a template's agents run on.
//!
//! Making machines is the business of a program [`MACHINE`] on the daemon's own host, as it is of the tools that real
//! templates call: `machine create NAME`, with the agent's token as [`AGENT_TOKEN`] in its environment, and
//! `machine delete NAME`. A machine is called by its workspace and its agent, with a dot in between; two people may have
//! machines of the same name, so [`WORKSPACE_OWNER`] tells whose it is. To create one that is there with the same token
//! does nothing; with another token it is made anew. To delete one that is not there does nothing. Any exit status but 0
//! fails the apply.
//!
//! A workspace that was built ahead gets another owner and another name when somebody claims it. Its machine is known by
//! its token then, which stays the same.
//!
//! An agent's token is drawn by the first start, and is a part of the workspace's state, as it is in real provisioners:
//! so a start of a workspace that runs finds it there and leaves the machine alone, unless the agent
//! [renews](Agent::renews_token) it.
//!
//! An [external](Agent::external) agent has a token and no machine: whoever runs it does so elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use groundhog_host::{Command, Host};
use groundhog_wire::v1::Transition;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::agent::Agent;

/// The program that makes and deletes machines.
pub const MACHINE: &str = "machine";

/// The variable that carries an agent's token to the program.
pub const AGENT_TOKEN: &str = "AGENT_TOKEN";

/// The variable that carries the name of the workspace's owner to the program.
pub const WORKSPACE_OWNER: &str = "WORKSPACE_OWNER";

/// How much of what the program complains about is told, in bytes.
const COMPLAINT_BYTES_MAX: u64 = 1_024;

/// What a workspace's builds of a template with agents leave for each other, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// What the script says is left.
    pub(super) left: String,
    /// The agents' tokens, by name. They are secrets, as much else in a provisioner's state.
    pub(super) tokens: BTreeMap<String, String>,
}

impl State {
    /// Reads it. Bytes that are no such thing are what the script has left while the template had no agents.
    pub(super) fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes)
            .unwrap_or_else(|_| Self { left: String::from_utf8_lossy(bytes).into_owned(), tokens: BTreeMap::new() })
    }

    /// As it is kept: plain text as long as there are no agents.
    pub(super) fn write(&self) -> Vec<u8> {
        if self.tokens.is_empty() {
            return self.left.clone().into_bytes();
        }
        serde_json::to_vec(self).expect("texts and a map with text keys are always JSON")
    }

    /// The tokens of `agents` from now on: those that were there, and new ones where there are none or a new one is
    /// wanted.
    pub(super) fn renew(&mut self, host: &Host, agents: &[Agent]) {
        let mut random = host.random("agent tokens");
        let before = std::mem::take(&mut self.tokens);
        for agent in agents {
            for name in agent.names() {
                let kept = before.get(&name).filter(|_| !agent.renews_token);
                let token = kept.cloned().unwrap_or_else(|| random.uuid().to_string());
                self.tokens.insert(name, token);
            }
        }
    }
}

/// The names of those of `agents` that have no machines.
fn external(agents: &[Agent]) -> BTreeSet<String> {
    agents.iter().filter(|agent| agent.external).flat_map(Agent::names).collect()
}

/// The machines of one workspace.
pub(super) struct Machines<'a> {
    pub(super) host: &'a Host,
    /// What makes and deletes them.
    pub(super) program: &'a str,
    /// The workspace's name.
    pub(super) workspace: &'a str,
    /// Its owner's name.
    pub(super) owner: &'a str,
}

impl Machines<'_> {
    /// Brings the machines to what the state says from now on: makes those of its agents, or takes away those that it
    /// had. Fails with a text for people.
    pub(super) async fn provide(
        &self,
        transition: Transition,
        agents: &[Agent],
        state: &mut State,
    ) -> Result<(), String> {
        match transition {
            Transition::Start | Transition::Unspecified => {
                state.renew(self.host, agents);
                let external = external(agents);
                for (agent, token) in state.tokens.iter().filter(|(agent, _)| !external.contains(*agent)) {
                    self.run(Command::new(self.program).argument("create").variable(AGENT_TOKEN, token), agent).await?;
                }
            }
            Transition::Stop | Transition::Destroy => {
                // A build that was broken off may have made machines of which the state does not know.
                let names = agents.iter().flat_map(Agent::names).chain(state.tokens.keys().cloned());
                let external = external(agents);
                for agent in names.filter(|name| !external.contains(name)).collect::<BTreeSet<String>>() {
                    self.run(Command::new(self.program).argument("delete"), &agent).await?;
                }
                state.tokens.clear();
            }
        }
        Ok(())
    }

    async fn run(&self, command: Command, agent: &str) -> Result<(), String> {
        let name = format!("{}.{agent}", self.workspace);
        let wrong = |what: String| format!("machine {name}: {what}");
        let command = command.argument(&name).variable(WORKSPACE_OWNER, self.owner);
        let mut process = self.host.start(command).await.map_err(|error| wrong(error.to_string()))?;
        if let Some(mut input) = process.input.take() {
            // A program that reads nothing may have gone already.
            let _ = input.shutdown().await;
        }
        let mut complaint = Vec::new();
        if let Some(error) = process.error.take() {
            // What can't be read is not told; the exit status is.
            let _ = error.take(COMPLAINT_BYTES_MAX).read_to_end(&mut complaint).await;
        }
        let exit = process.wait().await.map_err(|error| wrong(error.to_string()))?;
        if exit.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&complaint);
        Err(wrong(format!("{exit} {}", complaint.trim()).trim_end().to_owned()))
    }
}
