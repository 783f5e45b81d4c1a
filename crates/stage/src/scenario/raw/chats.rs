//! Chats and what is done in them, as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::FieldText;
use crate::scenario::ChatTool;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Chat {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) owner: Spanned<String>,
    pub(in crate::scenario) organization: Option<Spanned<String>>,
    pub(in crate::scenario) workspaces: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Assistant {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) control: Option<Spanned<String>>,
    pub(in crate::scenario) allowed_templates: Option<Spanned<Vec<Spanned<String>>>>,
    pub(in crate::scenario) dials: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct CallTool {
    pub(in crate::scenario) tool: ChatTool,
    pub(in crate::scenario) chat: Spanned<String>,
    pub(in crate::scenario) on: Option<Spanned<String>>,
    pub(in crate::scenario) template: Option<Spanned<String>>,
    pub(in crate::scenario) template_id: Option<Spanned<String>>,
    pub(in crate::scenario) name: Option<Spanned<String>>,
    pub(in crate::scenario) preset: Option<Spanned<String>>,
    pub(in crate::scenario) preset_id: Option<Spanned<String>>,
    pub(in crate::scenario) parameters: Option<Spanned<BTreeMap<String, FieldText>>>,
    pub(in crate::scenario) arguments: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct AttachWorkspace {
    pub(in crate::scenario) chat: Spanned<String>,
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct SetChatTtl {
    pub(in crate::scenario) ttl: String,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}
