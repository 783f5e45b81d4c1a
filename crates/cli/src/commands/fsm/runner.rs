//! What the runner of a job does at each event.

use groundhog_provisioner::runner::{Row, transitions};

use super::{Cell, Edge, Table};

/// The table of `groundhog_provisioner::runner`.
pub(super) fn table() -> Table {
    let rows = transitions();
    let edge = |row: &Row| Edge { from: row.state.clone(), event: row.event.to_owned(), to: row.next_state.clone() };
    let edges = rows.iter().map(edge).collect();
    let cells = |row: Row| {
        let Row { state, event, next_state, effects } = row;
        vec![Cell::Text(state), Cell::Text(event.to_owned()), Cell::Text(next_state), Cell::List(effects)]
    };
    Table {
        columns: vec!["state", "event", "next_state", "effects"],
        rows: rows.into_iter().map(cells).collect(),
        edges,
    }
}
