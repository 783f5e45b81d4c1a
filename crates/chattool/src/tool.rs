//! Which tools there are.

use serde::Deserialize;

/// A tool. It is read by its [name](Tool::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// Gets the chat a workspace, or says which one it has.
    CreateWorkspace,
    /// Starts the chat's workspace.
    StartWorkspace,
    /// Stops it.
    StopWorkspace,
    /// Lists the templates that the chat's workspace can be made of.
    ListTemplates,
    /// Shows what can be chosen of one.
    ReadTemplate,
}

impl Tool {
    /// All of them, in the order in which a model is told of them.
    pub const ALL: [Self; 5] =
        [Self::CreateWorkspace, Self::StartWorkspace, Self::StopWorkspace, Self::ListTemplates, Self::ReadTemplate];

    /// Its name, by which a model calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateWorkspace => "create_workspace",
            Self::StartWorkspace => "start_workspace",
            Self::StopWorkspace => "stop_workspace",
            Self::ListTemplates => "list_templates",
            Self::ReadTemplate => "read_template",
        }
    }

    /// The tool of this name.
    ///
    /// # Errors
    ///
    /// [`UnknownTool`] if there is none.
    pub fn named(name: &str) -> Result<Self, UnknownTool> {
        let unknown = || UnknownTool { name: name.chars().take(64).collect() };
        Self::ALL.into_iter().find(|tool| tool.name() == name).ok_or_else(unknown)
    }
}

/// There is no tool of the name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no tool {name:?}: expected create_workspace, start_workspace, stop_workspace, list_templates or \
     read_template"
)]
pub struct UnknownTool {
    name: String,
}
