//! Agents and programs, as a file says them.

use std::time::Duration;

use toml_edit::{Array, InlineTable, Table, Value, value};

use super::template::{put, text};
use super::{text_of, texts, time};
use crate::scenario::{Agent, AgentApp, AgentMetadata, AgentScript, OnSignal, Pipe, Prints, Program};

pub(super) fn agent(agent: &Agent) -> InlineTable {
    let mut table = InlineTable::from_iter([("name", agent.name.as_str())]);
    if let Some(count) = agent.count {
        table.insert("count", i64::from(count).into());
    }
    text(&mut table, "directory", &agent.directory);
    if !agent.environment.is_empty() {
        table.insert("environment", Value::InlineTable(texts(&agent.environment)));
    }
    // Written even where it is what would be so anyway: what is usual here may change.
    table.insert("boots", text_of(agent.boots));
    some_time(&mut table, "connection_timeout", agent.connection_timeout);
    if !agent.keeps_token {
        table.insert("keeps_token", false.into());
    }
    if agent.display_order != 0 {
        table.insert("display_order", i64::from(agent.display_order).into());
    }
    if agent.external {
        table.insert("external", true.into());
    }
    put(&mut table, "scripts", agent.scripts.iter().map(script));
    put(&mut table, "metadata", agent.metadata.iter().map(metadata));
    put(&mut table, "apps", agent.apps.iter().map(app));
    table
}

fn some_time(table: &mut InlineTable, key: &str, duration: Option<Duration>) {
    if let Some(duration) = duration {
        table.insert(key, text_of(duration));
    }
}

fn names(table: &mut InlineTable, key: &str, names: &[String]) {
    if !names.is_empty() {
        table.insert(key, Value::Array(names.iter().collect()));
    }
}

fn script(script: &AgentScript) -> InlineTable {
    let mut table = InlineTable::from_iter([("name", script.name.as_str()), ("runs", script.runs.as_str())]);
    let stages = [(script.on_start, "start"), (script.on_stop, "stop")];
    let stages: Array = stages.into_iter().filter(|(runs, _)| *runs).map(|(_, stage)| stage).collect();
    if !stages.is_empty() {
        table.insert("on", Value::Array(stages));
    }
    if let Some(cron) = &script.cron {
        table.insert("cron", cron.into());
    }
    some_time(&mut table, "timeout", script.timeout);
    names(&mut table, "after", &script.after);
    names(&mut table, "after_completion", &script.after_completion);
    table
}

fn metadata(metadata: &AgentMetadata) -> InlineTable {
    let mut table = InlineTable::from_iter([("key", metadata.key.as_str()), ("runs", metadata.runs.as_str())]);
    some_time(&mut table, "interval", (!metadata.interval.is_zero()).then_some(metadata.interval));
    some_time(&mut table, "timeout", metadata.timeout);
    table
}

fn app(app: &AgentApp) -> InlineTable {
    let mut table = InlineTable::from_iter([("slug", app.slug.as_str())]);
    table.insert("port", i64::from(app.port).into());
    some_time(&mut table, "interval", app.interval);
    table.insert("threshold", i64::from(app.threshold).into());
    table
}

pub(super) fn program(program: &Program) -> Table {
    let mut table = Table::new();
    table["name"] = value(&program.name);
    if !program.takes.is_zero() && !program.hangs {
        table["takes"] = time(program.takes);
    }
    if program.exit != 0 && !program.hangs {
        table["exit"] = value(i64::from(program.exit));
    }
    if let Some(written) = &program.prints {
        table["prints"] = value(prints(written));
    }
    if !program.prints_bytes.is_empty() {
        table["prints_bytes"] =
            value(program.prints_bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    if program.hangs {
        table["hangs"] = value(true);
    }
    match program.on_signal {
        OnSignal::Ends => {}
        OnSignal::Ignores => table["on_signal"] = value("ignores"),
        OnSignal::EndsAfter(after) => {
            table["on_signal"] = value(InlineTable::from_iter([("ends_after", text_of(after))]));
        }
    }
    if let Some(open) = program.leaves_pipe_open {
        table["leaves_pipe_open"] = time(open);
    }
    if program.fails_first > 0 {
        table["fails_first"] = value(i64::from(program.fails_first));
    }
    table
}

fn prints(prints: &Prints) -> InlineTable {
    let mut table = InlineTable::from_iter([("every", text_of(prints.every))]);
    table.insert("line", prints.line.as_str().into());
    if let Some(count) = prints.count {
        table.insert("count", i64::try_from(count).unwrap_or(i64::MAX).into());
    }
    if prints.to == Pipe::Error {
        table.insert("to", "error".into());
    }
    table
}
