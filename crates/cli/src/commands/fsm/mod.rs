//! `groundhog fsm`: the platform's state machines, as the code has them.
//!
//! A machine is a `Table`: columns and rows, asked of the code that decides, and the edges of its picture. What is
//! written here can't differ from what runs.

mod job_status;
mod mermaid;
mod runner;
mod tunnel;

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::table;
use crate::{
    arguments::{FsmArguments, FsmFormat, Machine},
    exit::Exit,
};

/// A machine as rows.
struct Table {
    columns: Vec<&'static str>,
    /// As many cells as there are columns.
    rows: Vec<Vec<Cell>>,
    edges: Vec<Edge>,
}

/// What stands in a column.
enum Cell {
    Text(String),
    Flag(bool),
    List(Vec<String>),
    /// Nothing, or a text.
    Maybe(Option<String>),
    /// A value of several parts, and what it is for people.
    Object {
        value: Value,
        text: String,
    },
}

/// A way from one state to another.
struct Edge {
    from: String,
    event: String,
    to: String,
}

/// Writes a machine.
pub fn run(arguments: &FsmArguments) -> io::Result<Exit> {
    let table = match arguments.machine {
        Machine::Runner => runner::table(),
        Machine::JobStatus => job_status::table(),
        Machine::Tunnel if arguments.format == FsmFormat::Text => tunnel::brief(),
        Machine::Tunnel => tunnel::table(),
    };
    let mut out = io::stdout().lock();
    match arguments.format {
        FsmFormat::Text => write!(out, "{}", text(&table))?,
        FsmFormat::Json => write!(out, "{}", json(&table))?,
        FsmFormat::Mermaid => write!(out, "{}", mermaid::diagram(&table.edges))?,
    }
    Ok(Exit::Good)
}

fn text(table: &Table) -> String {
    let headings: Vec<String> = table.columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Flag(holds) => if *holds { "yes" } else { "no" }.to_owned(),
        Cell::List(items) => items.join("; "),
        Cell::Maybe(text) => text.clone().unwrap_or_default(),
        Cell::Object { text, .. } => text.clone(),
    };
    table::render(&headings, table.rows.iter().map(|row| row.iter().map(cell).collect()))
}

/// A list of objects, one a line, so that two versions can be compared by lines.
fn json(table: &Table) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) => Value::from(text.as_str()),
        Cell::Flag(holds) => Value::from(*holds),
        Cell::List(items) => Value::from(items.as_slice()),
        Cell::Maybe(text) => Value::from(text.as_deref()),
        Cell::Object { value, .. } => value.clone(),
    };
    let object = |row: &Vec<Cell>| {
        let fields = table.columns.iter().map(|column| (*column).to_owned()).zip(row.iter().map(cell));
        Value::Object(fields.collect::<Map<_, _>>()).to_string()
    };
    let lines: Vec<String> = table.rows.iter().map(object).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}
