//! What a model is told of each tool.

use serde_json::{Value, json};

use crate::tool::Tool;

/// A tool, as a model is told of it.
#[derive(Clone, Copy, Debug)]
pub struct ToolDefinition {
    /// Its name.
    pub name: &'static str,
    /// What it is for, and when it is to be called.
    pub description: &'static str,
    /// Makes the JSON Schema of its arguments.
    pub input_schema: fn() -> Value,
}

/// All tools, in the order of [`Tool::ALL`].
pub const DEFINITIONS: &[ToolDefinition] = &[
    ToolDefinition {
        name: Tool::CreateWorkspace.name(),
        description: "Gets this chat a workspace: a machine of the user's on which commands run and files are changed. \
            Do not create a workspace early. Wait until you know what the user wants and are sure that it takes a \
            workspace; questions, plans and explanations do not. It takes minutes, and counts against the user's quota. \
            Needs a template_id from list_templates; what can be chosen of the template, and its presets, is told by \
            read_template. A chat has one workspace: if it has one that is being built, is running or is stopped, \
            nothing is created, and the answer tells of that one, so it does no harm to call this again. The call \
            ends when the workspace can be used, or it is known why it can't.",
        input_schema: create_workspace,
    },
    ToolDefinition {
        name: Tool::StartWorkspace.name(),
        description: "Starts this chat's workspace if it is stopped, and waits until it can be used. Call it when \
            create_workspace says that the workspace is stopped, or after stop_workspace. It creates nothing: a chat \
            without a workspace needs create_workspace.",
        input_schema: nothing,
    },
    ToolDefinition {
        name: Tool::StopWorkspace.name(),
        description: "Stops this chat's workspace, and waits until it is stopped. What is stored in it is kept, and what \
            runs in it ends. Call it only if the user wants that, or a stopped workspace is needed to go on.",
        input_schema: nothing,
    },
    ToolDefinition {
        name: Tool::ListTemplates.name(),
        description: "Lists the templates that this chat's workspace can be made of, with their ids.",
        input_schema: nothing,
    },
    ToolDefinition {
        name: Tool::ReadTemplate.name(),
        description: "Shows what can be chosen of a template: its parameters, and its presets with their ids. Call it \
            before create_workspace.",
        input_schema: read_template,
    },
];

fn create_workspace() -> Value {
    json!({
        "type": "object",
        "properties": {
            "template_id": {
                "type": "string",
                "format": "uuid",
                "description": "The template's id, from list_templates.",
            },
            "name": {
                "type": "string",
                "description": "What the workspace is to be called: 1 to 32 letters, digits and single hyphens. One that \
                    can't be is changed so that it can. Left out, a name is made from the template's.",
            },
            "parameters": {
                "type": "object",
                "additionalProperties": { "type": "string" },
                "description": "Values for the template's parameters, by their names, from read_template. What is left \
                    out is as the template has it.",
            },
            "preset_id": {
                "type": "string",
                "format": "uuid",
                "description": "A preset's id, from read_template: parameters that go together, which may be ready \
                    sooner. It may be given with parameters.",
            },
        },
        "required": ["template_id"],
        "additionalProperties": false,
    })
}

fn read_template() -> Value {
    json!({
        "type": "object",
        "properties": {
            "template_id": {
                "type": "string",
                "format": "uuid",
                "description": "The template's id, from list_templates.",
            },
        },
        "required": ["template_id"],
        "additionalProperties": false,
    })
}

fn nothing() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}
