//! A job's status, by the four facts that decide it.

use groundhog_control::job_status::{Facts, JobStatus, status, table as statuses};

use super::{Cell, Edge, Table};

/// The table of `groundhog_control::job_status`.
pub(super) fn table() -> Table {
    let rows = statuses();
    let cells = |(facts, status): &(Facts, JobStatus)| {
        let Facts { started, canceled, completed, error } = *facts;
        let flags = [started, canceled, completed, error].map(Cell::Flag);
        flags.into_iter().chain([Cell::Text(status.as_str().to_owned())]).collect()
    };
    Table {
        columns: vec!["started", "canceled", "completed", "error", "status"],
        rows: rows.iter().map(cells).collect(),
        edges: rows.iter().flat_map(|(facts, status)| edges(*facts, *status)).collect(),
    }
}

/// What becomes of a job when one more fact comes true. Nothing does once it is over, and it is not over before a
/// worker took it or its end was asked for.
fn edges(before: Facts, from: JobStatus) -> Vec<Edge> {
    if before.completed || before.error {
        return Vec::new();
    }
    let over = (before.started || before.canceled).then_some(("completed", Facts { completed: true, ..before }));
    let more = [
        Some(("started", Facts { started: true, ..before })),
        Some(("canceled", Facts { canceled: true, ..before })),
        over,
        Some(("error", Facts { error: true, ..before })),
    ];
    let edge = |(event, after): (&str, Facts)| Edge {
        from: from.as_str().to_owned(),
        event: event.to_owned(),
        to: status(after).as_str().to_owned(),
    };
    more.into_iter().flatten().map(edge).collect()
}
