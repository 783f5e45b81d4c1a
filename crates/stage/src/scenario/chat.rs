//! Chats, the assistants that people have them with, and what an assistant does by its tools.

use std::collections::{BTreeMap, BTreeSet};

/// What a chat's assistant can be told to do.
pub use groundhog_chattool::tool::Tool as ChatTool;

use super::{Agent, DEFAULT_ORGANIZATION, Scenario, ahead, machine};

/// A person's chat with an assistant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// What the story calls it.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// The organisation of whose templates its workspace is to be; the default one if left out.
    pub organization: Option<String>,
    /// For how many workspaces that its tools make there are machines.
    pub workspaces: u32,
}

/// A runtime of the tools, on a host of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assistant {
    /// Its name, which is its host's too.
    pub name: String,
    /// Which replica of the control plane it tries first; unless set, assistants take them in turn.
    pub control: Option<String>,
    /// The names of the templates that its chats may use; empty for all.
    pub allowed_templates: Vec<String>,
    /// It finds out whether it can reach agents.
    pub dials: bool,
}

impl Assistant {
    /// One of which nothing but its name is said.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), control: None, allowed_templates: Vec::new(), dials: true }
    }
}

/// The assistant that there is if a file has chats and names no assistant.
pub const ASSISTANT: &str = "assistant";

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool.
    pub tool: ChatTool,
    /// The chat in which it is called.
    pub chat: String,
    /// The assistant that calls it.
    pub on: String,
    /// With what.
    pub arguments: ToolArguments,
}

/// With what a tool is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolArguments {
    /// What the story says, from which the assistant makes the arguments.
    Said(Said),
    /// The text of a JSON object, or of whatever else, as it is.
    Raw(String),
}

/// What a story says of a tool's arguments. What is empty is left out of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The template's name: the assistant looks for its id first. One that it does not find it takes for an id.
    pub template: String,
    /// The template's id, as it is, instead of its name.
    pub template_id: String,
    /// What the workspace is to be called.
    pub name: String,
    /// The preset's name: the assistant looks for its id first. One that it does not find it takes for an id.
    pub preset: String,
    /// The preset's id, as it is, instead of its name.
    pub preset_id: String,
    /// Values by name.
    pub parameters: BTreeMap<String, String>,
}

impl ToolCall {
    /// Leaves out of the arguments what a workspace can be made without.
    pub(crate) fn make_simpler(&mut self) {
        if let ToolArguments::Said(said) = &mut self.arguments {
            said.parameters.clear();
            said.name.clear();
            said.preset.clear();
            said.preset_id.clear();
        }
    }

    /// Whether there are the template and the preset that it names, if it does.
    pub(crate) fn names_what_is_there(
        &self,
        templates: &BTreeSet<String>,
        presets: &BTreeMap<String, BTreeSet<String>>,
    ) -> bool {
        let ToolArguments::Said(Said { template, preset, .. }) = &self.arguments else { return true };
        let is_template = template.is_empty() || templates.contains(template);
        let is_preset = preset.is_empty() || presets.get(template).is_none_or(|presets| presets.contains(preset));
        is_template && is_preset
    }
}

/// What a scenario calls the workspace that a chat's tools made, or were given, as its `number`th, counted from 1.
pub fn chat_workspace(chat: &str, number: usize) -> String {
    format!("{chat}-{number}")
}

/// The chat and the number of a workspace, if that is what a scenario could call one of a chat's.
pub fn chat_and_number(workspace: &str) -> Option<(&str, usize)> {
    let (chat, digits) = workspace.rsplit_once('-')?;
    // As it is written, and in no other way.
    let number = digits.parse().ok().filter(|number| *number >= 1 && chat_workspace(chat, *number) == workspace)?;
    Some((chat, number))
}

impl Scenario {
    /// The chat and the number of a workspace that its tools made, if a step means one by that name.
    pub fn chat_of(&self, workspace: &str) -> Option<(&Chat, usize)> {
        let (name, number) = chat_and_number(workspace)?;
        let chat = self.chats.iter().find(|chat| chat.name == name)?;
        (number <= chat.workspaces as usize).then_some((chat, number))
    }

    /// The apps of all agents of a name.
    pub(crate) fn apps_of(&self, agent: &str) -> BTreeSet<String> {
        let agents = self.templates.iter().flat_map(|template| &template.agents);
        let called = agents.filter(|one| one.names().any(|name| name == agent));
        called.flat_map(|one| one.apps.iter().map(|app| app.slug.clone())).collect()
    }

    /// The machines for workspaces that chats' tools make, by the names of their hosts, with the chat's workspace and the
    /// agent: for each workspace one for each name of an agent of any template of the chat's organisation. None if there
    /// are no chats.
    pub fn chat_machines(&self) -> impl Iterator<Item = (String, String, String)> {
        self.chats.iter().flat_map(|chat| {
            let agents: BTreeSet<String> = self.agents_of(chat).flat_map(Agent::machines).collect();
            (1..=chat.workspaces as usize).flat_map(move |number| {
                let workspace = chat_workspace(&chat.name, number);
                let one = move |agent: String| (machine(&workspace, &agent), workspace.clone(), agent);
                agents.clone().into_iter().map(one)
            })
        })
    }

    /// The agents that a chat's workspaces may have.
    fn agents_of(&self, chat: &Chat) -> impl Iterator<Item = &Agent> {
        let organization = whose(chat.organization.as_deref()).to_owned();
        let templates =
            self.templates.iter().filter(move |one| whose(one.organization.as_deref()) == organization.as_str());
        templates.flat_map(|template| &template.agents)
    }
}

/// The organisation that is meant by what is said of it.
pub(crate) fn whose(organization: Option<&str>) -> &str {
    organization.unwrap_or(DEFAULT_ORGANIZATION)
}

/// Whether a chat must not be called so, because its workspaces would be called as those that are built ahead.
pub(crate) fn is_taken(chat: &str) -> bool {
    chat_workspace(chat, 1) == ahead(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chats_workspace_is_known_by_its_number() {
        assert_eq!(chat_and_number(&chat_workspace("c1", 12)), Some(("c1", 12)));
        assert_eq!(chat_and_number("c-1-2"), Some(("c-1", 2)));
        for other in ["c1-0", "c1-01", "c1-", "c1", "c1-x", "c1-1.main"] {
            assert_eq!(chat_and_number(other), None, "{other}");
        }
        assert!(is_taken("prebuild") && !is_taken("c1"));
    }
}
