//! What is said in a session.

use groundhog_wire::v1::{
    Declarations, ExternalAuthProvider, LogLevel, ParameterValue, Preset, Resource, ResourceReplacement,
    TemplateParameter, Timing, Transition,
};

use super::{Value, Variable};

/// What a runner asks of a provisioner.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Must be first, once. There is no response to it.
    Config(Config),
    /// Reads what the source declares. Once at most. Answered by [`Response::Parsed`].
    Parse,
    /// Works out what would be done. Answered by [`Response::Planned`].
    Plan(Plan),
    /// Carries a successful plan out. Answered by [`Response::Applied`].
    Apply(Metadata),
    /// Asks the request in progress to end gracefully. It is still answered, usually with an error.
    Cancel,
}

impl Request {
    /// The request's name, as error texts give it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Config(_) => "Config",
            Self::Parse => "Parse",
            Self::Plan(_) => "Plan",
            Self::Apply(_) => "Apply",
            Self::Cancel => "Cancel",
        }
    }
}

/// What a session is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The template version's source, in whatever form this provisioner reads.
    pub source: Vec<u8>,
    /// The state that the workspace's last build left; empty before the first, and without a workspace.
    pub state: Vec<u8>,
    /// The least important lines that are to be written; unspecified: the provisioner's own choice.
    pub log_level: LogLevel,
}

/// What is built. An import has nothing but a transition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// What to do with the workspace.
    pub transition: Transition,
    /// The workspace's name.
    pub workspace_name: String,
    /// The name of the workspace's owner.
    pub workspace_owner: String,
    /// The template's name.
    pub template_name: String,
    /// The name of the template's version.
    pub template_version: String,
    /// By which the workspace calls the control plane as its owner. Only a start has one.
    pub owner_session_token: Option<Value>,
}

/// What is to be planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What is built.
    pub metadata: Metadata,
    /// The values of the template's variables.
    pub variable_values: Vec<Variable>,
    /// What the workspace's owner has chosen.
    pub parameter_values: Vec<ParameterValue>,
}

/// What a provisioner answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// A line of progress.
    Log {
        /// How important it is.
        level: LogLevel,
        /// The line, without its end.
        output: String,
    },
    /// The end of a parse.
    Parsed(Parsed),
    /// The end of a plan.
    Planned(Planned),
    /// The end of an apply.
    Applied(Applied),
}

impl Response {
    /// The response's name, as error texts give it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Log { .. } => "Log",
            Self::Parsed(_) => "Parsed",
            Self::Planned(_) => "Planned",
            Self::Applied(_) => "Applied",
        }
    }
}

/// The end of a parse.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// What the source declares.
    pub declarations: Declarations,
}

/// The end of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// What would exist after the apply.
    pub resources: Vec<Resource>,
    /// What a workspace's owner is asked.
    pub parameters: Vec<TemplateParameter>,
    /// The values that go together.
    pub presets: Vec<Preset>,
    /// The services that a workspace's owner must have logged in to.
    pub external_auth_providers: Vec<ExternalAuthProvider>,
    /// What would be taken away and made anew, although it only should have changed.
    pub replacements: Vec<ResourceReplacement>,
    /// How long what took, also of a plan that failed.
    pub timings: Vec<Timing>,
}

/// The end of an apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// The state from now on, also after a failure. None: what [`Config`] gave still stands.
    pub state: Option<Vec<u8>>,
    /// What exists now.
    pub resources: Vec<Resource>,
    /// How long what took, also of an apply that failed.
    pub timings: Vec<Timing>,
}
