//! What a model is told of each tool.

use serde_json::Value;

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

/// All tools.
pub const DEFINITIONS: &[ToolDefinition] = &[];
