//! What a model says to a tool: a JSON object, read strictly, so that a model learns of its slips instead of being
//! misunderstood.
//!
//! A field that is unknown, or of another type, is refused. `null` counts as left out, as many models write it so. Ids and
//! names may have blanks around them. Ids are read when their turn comes ([`CreateWorkspace::template`],
//! [`CreateWorkspace::preset`]): a chat that has a workspace learns that, even if its model names a preset that can't be one.

use std::collections::BTreeMap;

use groundhog_wire::id::{PresetId, TemplateId};
use serde::Deserialize;
use uuid::Uuid;

use crate::{texts, tool::Tool};

/// The longest arguments, in bytes: many times what any template's parameters come to.
pub const ARGUMENTS_BYTES_MAX: usize = 64 * 1024;

/// The longest text that is shown back to a model, in characters.
const SHOWN_CHARS_MAX: usize = 64;

/// The longest text of a parser, in characters: it may quote what was given.
const ERROR_CHARS_MAX: usize = 400;

/// A tool with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// See [`Tool::CreateWorkspace`].
    CreateWorkspace(CreateWorkspace),
    /// See [`Tool::StartWorkspace`].
    StartWorkspace,
    /// See [`Tool::StopWorkspace`].
    StopWorkspace,
    /// See [`Tool::ListTemplates`].
    ListTemplates,
    /// See [`Tool::ReadTemplate`].
    ReadTemplate(ReadTemplate),
}

impl Call {
    /// Reads a tool's arguments. No text at all is an empty object.
    ///
    /// # Errors
    ///
    /// [`ArgumentsError`] if the text is too long, no JSON object, or says what the tool does not take.
    pub fn read(tool: Tool, arguments: &str) -> Result<Self, ArgumentsError> {
        if arguments.len() > ARGUMENTS_BYTES_MAX {
            return Err(ArgumentsError::TooLong { tool: tool.name(), bytes: arguments.len() });
        }
        let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
        match tool {
            Tool::CreateWorkspace => {
                let raw: RawCreate = object(tool, arguments)?;
                Ok(Self::CreateWorkspace(CreateWorkspace {
                    template_id: trimmed(raw.template_id),
                    name: Some(trimmed(raw.name)).filter(|name| !name.is_empty()),
                    parameters: raw.parameters.unwrap_or_default(),
                    preset_id: trimmed(raw.preset_id),
                }))
            }
            Tool::StartWorkspace => object::<Nothing>(tool, arguments).map(|Nothing {}| Self::StartWorkspace),
            Tool::StopWorkspace => object::<Nothing>(tool, arguments).map(|Nothing {}| Self::StopWorkspace),
            Tool::ListTemplates => object::<Nothing>(tool, arguments).map(|Nothing {}| Self::ListTemplates),
            Tool::ReadTemplate => {
                let raw: RawRead = object(tool, arguments)?;
                Ok(Self::ReadTemplate(ReadTemplate { template_id: trimmed(raw.template_id) }))
            }
        }
    }

    /// The tool.
    pub const fn tool(&self) -> Tool {
        match self {
            Self::CreateWorkspace(_) => Tool::CreateWorkspace,
            Self::StartWorkspace => Tool::StartWorkspace,
            Self::StopWorkspace => Tool::StopWorkspace,
            Self::ListTemplates => Tool::ListTemplates,
            Self::ReadTemplate(_) => Tool::ReadTemplate,
        }
    }
}

/// The arguments of create_workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateWorkspace {
    /// The template's id as it was given, without blanks around it; empty if it was left out.
    pub template_id: String,
    /// What the workspace is to be called, without blanks around it. It may not be a name that the platform takes.
    pub name: Option<String>,
    /// What is chosen, by the parameters' names.
    pub parameters: BTreeMap<String, String>,
    /// The preset's id as it was given, without blanks around it; empty if it was left out (#24694).
    pub preset_id: String,
}

impl CreateWorkspace {
    /// The template.
    ///
    /// # Errors
    ///
    /// [`IdError`] if it was left out or is no id.
    pub fn template(&self) -> Result<TemplateId, IdError> {
        template(&self.template_id)
    }

    /// The preset, if one is named.
    ///
    /// # Errors
    ///
    /// [`IdError`] if it is no id.
    pub fn preset(&self) -> Result<Option<PresetId>, IdError> {
        if self.preset_id.is_empty() {
            return Ok(None);
        }
        uuid("preset_id", &self.preset_id).map(|id| Some(PresetId(id)))
    }
}

/// The arguments of read_template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadTemplate {
    /// The template's id as it was given, without blanks around it; empty if it was left out.
    pub template_id: String,
}

impl ReadTemplate {
    /// The template.
    ///
    /// # Errors
    ///
    /// [`IdError`] if it was left out or is no id.
    pub fn template(&self) -> Result<TemplateId, IdError> {
        template(&self.template_id)
    }
}

/// A tool does not take the arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentsError {
    /// They are too long.
    #[error("the arguments of {tool} are too long: expected at most {ARGUMENTS_BYTES_MAX} bytes, and got {bytes}")]
    TooLong {
        /// The tool's name.
        tool: &'static str,
        /// How long they are.
        bytes: usize,
    },
    /// They are no JSON, or not what the tool takes.
    #[error("invalid arguments of {tool}: {what}")]
    Invalid {
        /// The tool's name.
        tool: &'static str,
        /// What is wrong, and where.
        what: String,
    },
}

/// An argument does not name anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The template was left out.
    #[error("{}", texts::TEMPLATE_REQUIRED)]
    TemplateMissing,
    /// It is not an id.
    #[error("invalid {field}: {text:?} is not a UUID")]
    Invalid {
        /// The argument's name.
        field: &'static str,
        /// What was given, or the beginning of it.
        text: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCreate {
    template_id: Option<String>,
    name: Option<String>,
    parameters: Option<BTreeMap<String, String>>,
    preset_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRead {
    template_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Reads an object. A struct could be read from a list too, which no tool's description offers.
fn object<'a, T: Deserialize<'a>>(tool: Tool, arguments: &'a str) -> Result<T, ArgumentsError> {
    let invalid = |what: String| ArgumentsError::Invalid { tool: tool.name(), what };
    if arguments.trim_start().starts_with('[') {
        return Err(invalid("expected a JSON object, and got a list".to_owned()));
    }
    serde_json::from_str(arguments).map_err(|error| invalid(texts::shortened(&error.to_string(), ERROR_CHARS_MAX)))
}

fn trimmed(text: Option<String>) -> String {
    text.map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn template(text: &str) -> Result<TemplateId, IdError> {
    if text.is_empty() {
        return Err(IdError::TemplateMissing);
    }
    uuid("template_id", text).map(TemplateId)
}

fn uuid(field: &'static str, text: &str) -> Result<Uuid, IdError> {
    Uuid::parse_str(text).map_err(|_| IdError::Invalid { field, text: texts::shortened(text, SHOWN_CHARS_MAX) })
}
