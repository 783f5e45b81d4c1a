//! The machines on which agents run: which there will be, and what runs on them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Agent, Scenario, Template, ahead};

/// A machine that exists while its workspace runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine<'a> {
    /// The workspace's name.
    pub workspace: &'a str,
    /// Who makes the workspace.
    pub owner: &'a str,
    /// The agent's name, its number included.
    pub agent: String,
    /// What the template says of it. If an import changes that, what the latest one says.
    pub declared: &'a Agent,
}

/// What the host of an agent is called.
pub fn machine(workspace: &str, agent: &str) -> String {
    format!("{workspace}.{agent}")
}

impl Scenario {
    /// The machines that agents run on at one time or another, by the names of their hosts.
    pub fn machines(&self) -> BTreeMap<String, Machine<'_>> {
        let mut machines = BTreeMap::new();
        for step in &self.steps {
            let Action::CreateWorkspace { name: workspace, owner, template, .. } = &step.action else { continue };
            for declared in self.behaviours(template).flat_map(|template| &template.agents) {
                for agent in declared.machines() {
                    machines.insert(machine(workspace, &agent), Machine { workspace, owner, agent, declared });
                }
            }
        }
        machines
    }

    /// The machines for workspaces that are built ahead, by the names of their hosts: for each workspace one for each name
    /// of an agent. None if nothing is built ahead.
    pub fn ahead_machines(&self) -> impl Iterator<Item = (String, String)> {
        let built_ahead = self.templates.iter().filter(|template| template.is_built_ahead());
        let agents: BTreeSet<String> =
            built_ahead.flat_map(|template| template.agents.iter().flat_map(Agent::machines)).collect();
        let there = if self.control.prebuilds.enabled { self.control.ahead_machines as usize } else { 0 };
        (1..=there).flat_map(move |number| {
            agents.clone().into_iter().map(move |agent| (machine(&ahead(number), &agent), agent))
        })
    }

    /// What shells on machines are told to run.
    pub(crate) fn texts_for_shells(&self) -> impl Iterator<Item = &str> {
        let agents = self.templates.iter().flat_map(|template| &template.agents);
        let scripts = agents.clone().flat_map(|agent| agent.scripts.iter().map(|script| script.runs.as_str()));
        let metadata = agents.flat_map(|agent| agent.metadata.iter().map(|one| one.runs.as_str()));
        let typed = self.steps.iter().filter_map(|step| match &step.action {
            Action::OpenTerminal { command, sends, .. } => Some(sends.iter().chain([command]).map(String::as_str)),
            _ => None,
        });
        scripts.chain(metadata).chain(typed.flatten())
    }

    /// How versions of a template may behave: as the file has it, and as its imports have it, in the order of the
    /// file's templates.
    pub(crate) fn behaviours<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Template> {
        let is_imported = move |like: &str| {
            self.steps.iter().any(|step| {
                matches!(&step.action, Action::ImportTemplate { template, like: other, .. }
                    if template == name && other == like)
            })
        };
        self.templates.iter().filter(move |template| template.name == name || is_imported(&template.name))
    }
}
