//! Chats, and what is done in them, as a file says it.

use toml_edit::{Array, Table, Value, value};

use super::step::some_texts;
use crate::scenario::{Assistant, Chat, ToolArguments, ToolCall};

pub(super) fn chat(chat: &Chat) -> Table {
    let mut table = Table::new();
    table["name"] = value(&chat.name);
    table["owner"] = value(&chat.owner);
    if let Some(organization) = &chat.organization {
        table["organization"] = value(organization);
    }
    // Written even where it is what would be so anyway: what is usual here may change.
    table["workspaces"] = value(i64::from(chat.workspaces));
    table
}

pub(super) fn assistant(assistant: &Assistant) -> Table {
    let mut table = Table::new();
    table["name"] = value(&assistant.name);
    if let Some(control) = &assistant.control {
        table["control"] = value(control);
    }
    if !assistant.allowed_templates.is_empty() {
        table["allowed_templates"] = value(assistant.allowed_templates.iter().collect::<Array>());
    }
    if !assistant.dials {
        table["dials"] = value(false);
    }
    table
}

pub(super) fn call(call: &ToolCall) -> Vec<(&'static str, Value)> {
    let mut fields =
        vec![("tool", call.tool.name().into()), ("chat", call.chat.as_str().into()), ("on", call.on.as_str().into())];
    match &call.arguments {
        ToolArguments::Raw(text) => fields.push(("arguments", text.into())),
        ToolArguments::Said(said) => {
            let texts = [
                ("template", &said.template),
                ("template_id", &said.template_id),
                ("name", &said.name),
                ("preset", &said.preset),
                ("preset_id", &said.preset_id),
            ];
            for (key, text) in texts {
                fields.extend((!text.is_empty()).then(|| (key, text.into())));
            }
            fields.extend(some_texts("parameters", &said.parameters));
        }
    }
    fields
}
