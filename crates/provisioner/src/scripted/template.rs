//! What a template's source declares.

use std::collections::BTreeMap;

use groundhog_wire::v1::{self, ParameterValue};
use serde::{Deserialize, Serialize};

use super::script::{Script, is_default};

/// A variable of a template, set by its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `string`, `number` or `bool`. Default: `string`.
    #[serde(rename = "type", default = "string")]
    pub kind: String,
    /// Its value where nobody sets one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: Option<String>,
    /// Somebody has to set it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// Its value is a secret.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sensitive: bool,
}

/// What a workspace's owner is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `string`, `number`, `bool` or `list(string)`. Default: `string`.
    #[serde(rename = "type", default = "string")]
    pub kind: String,
    /// How it is asked, such as `input`; empty for what fits the type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub form_type: String,
    /// Its value where the owner gives none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: Option<String>,
    /// The owner has to give one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: bool,
    /// It may be given another value in a later build.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mutable: bool,
}

/// Values of parameters that go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Its name.
    pub name: String,
    /// The values, by parameter.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parameters: BTreeMap<String, String>,
    /// It is meant where none is named.
    #[serde(default, skip_serializing_if = "is_default")]
    pub default: bool,
    /// The workspaces that are built ahead for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prebuilds: Option<Prebuilds>,
}

/// How many workspaces are built ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prebuilds {
    /// How many, unless a schedule says otherwise.
    pub instances: i32,
    /// How long one is kept, in seconds; 0 for ever.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expires_after_s: i32,
    /// An IANA time zone, for the schedules.
    #[serde(default, skip_serializing_if = "is_default")]
    pub timezone: String,
    /// When there are to be more or fewer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedules: Vec<Schedule>,
}

/// How many workspaces are built ahead at certain times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Five fields: minute, hour, day of month, month, day of week.
    pub cron: String,
    /// How many.
    pub instances: i32,
}

/// A service that a workspace's owner must have logged in to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalAuth {
    /// Which service.
    pub id: String,
    /// The owner may do without.
    #[serde(default, skip_serializing_if = "is_default")]
    pub optional: bool,
}

fn string() -> String {
    "string".to_owned()
}

impl Script {
    /// What a parse finds.
    pub(super) fn declarations(&self) -> v1::Declarations {
        v1::Declarations {
            variables: self.variables.iter().map(Into::into).collect(),
            readme: self.readme.clone(),
            workspace_tags: self.workspace_tags.clone().into_iter().collect(),
        }
    }

    /// The name of the first required parameter that is not among `given`.
    pub(super) fn missing_parameter(&self, given: &[ParameterValue]) -> Option<&str> {
        let is_given = |name: &str| given.iter().any(|value| value.name == name);
        self.parameters
            .iter()
            .find(|parameter| parameter.required && !is_given(&parameter.name))
            .map(|parameter| parameter.name.as_str())
    }
}

impl From<&Variable> for v1::TemplateVariable {
    fn from(variable: &Variable) -> Self {
        Self {
            name: variable.name.clone(),
            description: String::new(),
            r#type: variable.kind.clone(),
            default_value: variable.default.clone().unwrap_or_default(),
            required: variable.required,
            sensitive: variable.sensitive,
        }
    }
}

impl From<&Parameter> for v1::TemplateParameter {
    fn from(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name.clone(),
            description: String::new(),
            r#type: parameter.kind.clone(),
            form_type: parameter.form_type.clone(),
            default_value: parameter.default.clone().unwrap_or_default(),
            required: parameter.required,
            mutable: parameter.mutable,
        }
    }
}

impl From<&Preset> for v1::Preset {
    fn from(preset: &Preset) -> Self {
        let value = |(name, value): (&String, &String)| ParameterValue { name: name.clone(), value: value.clone() };
        Self {
            name: preset.name.clone(),
            parameters: preset.parameters.iter().map(value).collect(),
            default: preset.default,
            prebuild: preset.prebuilds.as_ref().map(Into::into),
        }
    }
}

impl From<&Prebuilds> for v1::Prebuild {
    fn from(prebuilds: &Prebuilds) -> Self {
        Self {
            instances: prebuilds.instances,
            expires_after_s: prebuilds.expires_after_s,
            timezone: prebuilds.timezone.clone(),
            schedules: prebuilds.schedules.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Schedule> for v1::PrebuildSchedule {
    fn from(schedule: &Schedule) -> Self {
        Self { cron: schedule.cron.clone(), instances: schedule.instances }
    }
}

impl From<&ExternalAuth> for v1::ExternalAuthProvider {
    fn from(provider: &ExternalAuth) -> Self {
        Self { id: provider.id.clone(), optional: provider.optional }
    }
}
