//! `groundhog tools`: what an assistant's model is told of the tools for workspaces.

use std::io::{self, Write};

use groundhog_chattool::{DEFINITIONS, ToolDefinition};
use serde_json::{Value, json};

use crate::{arguments::Format, exit::Exit};

/// Lists the tools.
pub fn run(format: Format) -> io::Result<Exit> {
    let mut out = io::stdout().lock();
    for definition in DEFINITIONS {
        match format {
            Format::Text => text(&mut out, definition)?,
            Format::Json => json(&mut out, definition)?,
        }
    }
    Ok(Exit::Good)
}

fn text(out: &mut impl Write, definition: &ToolDefinition) -> io::Result<()> {
    writeln!(out, "{}\n  {}", definition.name, definition.description)?;
    let schema = (definition.input_schema)();
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (name, argument) in schema["properties"].as_object().into_iter().flatten() {
        let needed = if required.iter().any(|required| required == name) { "required" } else { "optional" };
        writeln!(out, "      {name:<12} {needed}, {}: {}", kind(argument), word(&argument["description"]))?;
    }
    writeln!(out)
}

/// The type of an argument, in a few words.
fn kind(argument: &Value) -> String {
    match argument["format"].as_str() {
        Some(format) => format!("{} ({format})", word(&argument["type"])),
        None => word(&argument["type"]).to_owned(),
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn json(out: &mut impl Write, definition: &ToolDefinition) -> io::Result<()> {
    let line = json!({
        "name": definition.name,
        "description": definition.description,
        "input_schema": (definition.input_schema)(),
    });
    writeln!(out, "{line}")
}
