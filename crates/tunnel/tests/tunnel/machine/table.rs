//! Every cell of the machine, against the table that people know.
//!
//! The platform's client is described by a table with a column per group of events. It is written down here once more,
//! by hand, with the decisions' columns beside it; what the machine answers is compared with it row by row.

use std::collections::BTreeMap;

use groundhog_tunnel::machine::{EventKind, JobStatus, Lifecycle, Options, Row, State, Transition, table};

/// What a cell says: `.` nothing; `E` an error, `!` a critical one; else the next state and after it what is done. With two
/// parts at a `/`, the second one is for a tunnel that must not start the workspace (columns of stops) or that does not
/// wait for scripts (the column `scripts`). `exit` alone is with `cancel`.
const CELLS: &str = "
state                   | end                           | starting                      | started      | stopping                      | stopped
init                    | exit                          | waitForWorkspaceStarted       | waitForAgent | waitToStart/exit              | waitForWorkspaceStarted startWorkspace/exit
waitToStart             | exit                          | waitForWorkspaceStarted       | waitForAgent | ./exit                        | waitForWorkspaceStarted startWorkspace/exit
waitForWorkspaceStarted | exit                          | .                             | waitForAgent | waitToStart/exit              | . startWorkspace/exit
waitForAgent            | exit                          | waitForWorkspaceStarted       | .            | waitToStart/exit              | waitForWorkspaceStarted startWorkspace/exit
establishTailnet        | shutdownTailnet               | shutdownTailnet               | .            | shutdownTailnet               | shutdownTailnet
tailnetUp               | shutdownApplication           | shutdownApplication           | .            | shutdownApplication           | shutdownApplication
applicationUp           | shutdownApplication closeApp  | shutdownApplication closeApp  | .            | shutdownApplication closeApp  | shutdownApplication closeApp
shutdownApplication     | .                             | .                             | .            | .                             | .
shutdownTailnet         | .                             | .                             | .            | .                             | .
exit                    | .                             | .                             | .            | .                             | .

state                   | ready                           | scripts                           | unready | app_up        | app_down
init                    | .                               | .                                 | .       | E             | E
waitToStart             | .                               | .                                 | .       | E             | E
waitForWorkspaceStarted | .                               | .                                 | .       | E             | E
waitForAgent            | establishTailnet connectTailnet | ./establishTailnet connectTailnet | .       | E             | E
establishTailnet        | .                               | .                                 | .       | E             | E
tailnetUp               | .                               | .                                 | .       | applicationUp | shutdownTailnet shutdownTailnet
applicationUp           | .                               | .                                 | .       | E             | shutdownTailnet shutdownTailnet
shutdownApplication     | .                               | .                                 | .       | . closeApp    | shutdownTailnet shutdownTailnet
shutdownTailnet         | .                               | .                                 | .       | E             | E
exit                    | .                               | .                                 | .       | .             | .

state                   | tailnet_up                        | tailnet_down
init                    | E                                 | E
waitToStart             | E                                 | E
waitForWorkspaceStarted | E                                 | E
waitForAgent            | E                                 | E
establishTailnet        | tailnetUp setAgentConn startApp   | exit
tailnetUp               | E                                 | E
applicationUp           | !                                 | !
shutdownApplication     | E                                 | E
shutdownTailnet         | . setAgentConn shutdownTailnet    | exit
exit                    | .                                 | .

state                   | other_ready                       | other_scripts                     | other_unready                | underway | failed
init                    | .                                 | .                                 | .                            | .        | .
waitToStart             | .                                 | .                                 | .                            | .        | .
waitForWorkspaceStarted | .                                 | .                                 | .                            | .        | exit
waitForAgent            | establishTailnet connectTailnet   | ./establishTailnet connectTailnet | .                            | .        | .
establishTailnet        | shutdownTailnet                   | shutdownTailnet                   | shutdownTailnet              | .        | .
tailnetUp               | shutdownApplication               | shutdownApplication               | shutdownApplication          | .        | .
applicationUp           | shutdownApplication closeApp      | shutdownApplication closeApp      | shutdownApplication closeApp | .        | .
shutdownApplication     | .                                 | .                                 | .                            | .        | .
shutdownTailnet         | .                                 | .                                 | .                            | .        | .
exit                    | .                                 | .                                 | .                            | .        | .

state                   | app_lost                     | tailnet_lost
init                    | E                            | E
waitToStart             | E                            | E
waitForWorkspaceStarted | E                            | E
waitForAgent            | E                            | E
establishTailnet        | E                            | E
tailnetUp               | E                            | shutdownApplication
applicationUp           | shutdownApplication closeApp | shutdownApplication closeApp
shutdownApplication     | .                            | .
shutdownTailnet         | .                            | .
exit                    | .                            | .
";

/// The cells by state and column.
fn cells() -> BTreeMap<(&'static str, &'static str), &'static str> {
    let mut cells = BTreeMap::new();
    let mut columns: Vec<&str> = Vec::new();
    for line in CELLS.lines().filter(|line| !line.is_empty()) {
        let mut fields = line.split('|').map(str::trim);
        let state = fields.next().expect("a line has a first field");
        let fields: Vec<&str> = fields.collect();
        if state == "state" {
            columns = fields;
        } else {
            assert_eq!(fields.len(), columns.len(), "{line}");
            for (column, cell) in columns.iter().zip(fields) {
                assert_eq!(cells.insert((state, *column), cell), None, "{state}, {column} twice");
            }
        }
    }
    cells
}

/// The column of an event, and whether its cells have a second part for this configuration.
fn column(event: EventKind, options: Options) -> (&'static str, bool) {
    let agent = |lifecycle, columns: [&'static str; 3]| match lifecycle {
        Lifecycle::Ready => (columns[0], false),
        Lifecycle::Starting | Lifecycle::StartError | Lifecycle::StartTimeout => {
            (columns[1], options.no_wait_for_scripts)
        }
        _ => (columns[2], false),
    };
    match event {
        EventKind::ShutdownSignal => ("end", false),
        EventKind::BuildUpdate { transition, job_status } => match (transition, job_status) {
            (Transition::Delete, _) => ("end", false),
            (Transition::Start, JobStatus::Pending | JobStatus::Running) => ("starting", false),
            (Transition::Start, JobStatus::Succeeded) => ("started", false),
            (Transition::Stop, JobStatus::Pending | JobStatus::Running) => ("stopping", options.no_autostart),
            (Transition::Stop, JobStatus::Succeeded) => ("stopped", options.no_autostart),
            _ => ("end", false),
        },
        EventKind::AgentUpdate { lifecycle } => agent(lifecycle, ["ready", "scripts", "unready"]),
        EventKind::OtherAgentUpdate { lifecycle } => {
            agent(lifecycle, ["other_ready", "other_scripts", "other_unready"])
        }
        EventKind::AppUpdate { up } => (if up { "app_up" } else { "app_down" }, false),
        EventKind::TailnetUpdate { up } => (if up { "tailnet_up" } else { "tailnet_down" }, false),
        EventKind::StartWorkspaceEnded { underway } => (if underway { "underway" } else { "failed" }, false),
        EventKind::AppLost => ("app_lost", false),
        EventKind::TailnetLost => ("tailnet_lost", false),
    }
}

/// A row as a cell would say it.
fn said(row: &Row) -> String {
    match row.severity.map(|severity| severity.as_str()) {
        Some("error") => return "E".to_owned(),
        Some(_) => return "!".to_owned(),
        None => {}
    }
    if row.next == State::Exit && row.effects.iter().map(|effect| effect.as_str()).eq(["cancel"]) {
        return "exit".to_owned();
    }
    let next = if row.next == row.state { "." } else { row.next.as_str() };
    let effects = row.effects.iter().map(|effect| effect.as_str().trim_start_matches("spawn:"));
    std::iter::once(next).chain(effects).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_cell_is_as_the_table_says() {
    let cells = cells();
    let mut differences = Vec::new();
    for row in table() {
        let (column, second) = column(row.event, row.options);
        let cell = cells[&(row.state.as_str(), column)];
        let (first_part, second_part) = cell.split_once('/').unwrap_or((cell, cell));
        let expected = if second { second_part } else { first_part };
        if said(&row) != expected {
            differences.push(format!("{row:?}: expected {expected}"));
        }
    }
    assert_eq!(differences, [] as [String; 0]);
}

/// What is known of the platform's own machine: how many cells it has, and how many of them complain.
#[test]
fn there_are_as_many_cells_as_the_platform_has() {
    let rows = table();
    let core: Vec<&Row> = rows
        .iter()
        .filter(|row| {
            !matches!(
                row.event,
                EventKind::OtherAgentUpdate { .. }
                    | EventKind::StartWorkspaceEnded { .. }
                    | EventKind::AppLost
                    | EventKind::TailnetLost
            )
        })
        .collect();
    let complaining =
        |name: &str| core.iter().filter(|row| row.severity.is_some_and(|severity| severity.as_str() == name)).count();
    assert_eq!((core.len(), complaining("error"), complaining("critical")), (1_400, 100, 8));
    // Beside them: nine of other agents, two answers to a start, two losses.
    assert_eq!(rows.len(), 1_400 + 13 * State::ALL.len() * Options::ALL.len());
}

/// No two rows are of the same cell.
#[test]
fn each_cell_has_one_row() {
    let rows = table();
    let mut keys: Vec<_> = rows.iter().map(|row| (row.state, row.event, row.options)).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), rows.len());
}
