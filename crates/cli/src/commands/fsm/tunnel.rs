//! What a tunnel does at each event.
//!
//! Its table has a row for every configuration, so that it can be compared with another implementation's cell by cell.
//! As text and as a picture it is for people: what is the same under several configurations is said once, and in a
//! picture events that no state tells apart are one.

use groundhog_tunnel::machine::{Effect, EventKind, JobStatus, Options, Row, State, Transition, table as rows};
use serde_json::{Value, json};

use super::{Cell, Edge, Table};

/// The table of `groundhog_tunnel::machine`.
pub(super) fn table() -> Table {
    let rows = rows();
    let cells = |row: &Row| {
        vec![
            Cell::Text(row.state.as_str().to_owned()),
            Cell::Object { value: event(row.event), text: words(row.event) },
            Cell::Object { value: config(row.options), text: flags(row.options) },
            Cell::Text(row.next.as_str().to_owned()),
            Cell::List(effects(row)),
            Cell::Maybe(row.severity.map(|severity| severity.as_str().to_owned())),
        ]
    };
    let edge = |row: &Row| Edge {
        from: row.state.as_str().to_owned(),
        event: class(row.event),
        to: row.next.as_str().to_owned(),
    };
    Table {
        columns: vec!["state", "event", "config", "next_state", "effects", "severity"],
        rows: rows.iter().map(cells).collect(),
        // A picture of every configuration would be one of none: this is of the one in which no flag is set.
        edges: rows.iter().filter(|row| row.options == Options::default() && !is_vain(row)).map(edge).collect(),
    }
}

/// As [`table`], without what is said already: a flag that makes no difference to a state and an event is left out.
pub(super) fn brief() -> Table {
    let rows = rows();
    let cells = |rows: &[Row]| {
        let matter: Vec<Flag> = FLAGS.into_iter().filter(|flag| matters(rows, *flag)).collect();
        // One row of those that differ in nothing that matters: the one in which what does not is not set.
        let told = rows.iter().filter(|row| FLAGS.iter().all(|flag| matter.contains(flag) || !flag.of(row.options)));
        let cells = |row: &Row| {
            let flags: Vec<String> = matter.iter().map(|flag| flag.words(row.options)).collect();
            vec![
                Cell::Text(row.state.as_str().to_owned()),
                Cell::Text(words(row.event)),
                Cell::Text(if flags.is_empty() { "any".to_owned() } else { flags.join(" ") }),
                Cell::Text(row.next.as_str().to_owned()),
                Cell::List(effects(row)),
                Cell::Maybe(row.severity.map(|severity| severity.as_str().to_owned())),
            ]
        };
        told.map(cells).collect::<Vec<_>>()
    };
    let together = |left: &Row, right: &Row| (left.state, left.event) == (right.state, right.event);
    Table { rows: rows.chunk_by(together).flat_map(cells).collect(), ..table() }
}

/// Something that a tunnel can be told not to do.
#[derive(Clone, Copy, PartialEq)]
enum Flag {
    NoAutostart,
    NoWaitForScripts,
}

const FLAGS: [Flag; 2] = [Flag::NoAutostart, Flag::NoWaitForScripts];

impl Flag {
    fn of(self, options: Options) -> bool {
        match self {
            Self::NoAutostart => options.no_autostart,
            Self::NoWaitForScripts => options.no_wait_for_scripts,
        }
    }

    fn flipped(self, options: Options) -> Options {
        match self {
            Self::NoAutostart => Options { no_autostart: !options.no_autostart, ..options },
            Self::NoWaitForScripts => Options { no_wait_for_scripts: !options.no_wait_for_scripts, ..options },
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::NoAutostart => "no_autostart",
            Self::NoWaitForScripts => "no_wait_for_scripts",
        }
    }

    fn words(self, options: Options) -> String {
        format!("{}={}", self.name(), if self.of(options) { "yes" } else { "no" })
    }
}

/// Whether a flag makes a difference to a state and an event, whose rows these are.
fn matters(rows: &[Row], flag: Flag) -> bool {
    let other = |row: &Row| rows.iter().find(|one| one.options == flag.flipped(row.options));
    rows.iter().any(|row| other(row).is_some_and(|other| outcome(other) != outcome(row)))
}

/// Whether a row tells another agent from the one that was dialled where none was.
fn is_vain(row: &Row) -> bool {
    row.state == State::WaitForAgent && matches!(row.event, EventKind::OtherAgentUpdate { .. })
}

/// What a row leads to.
fn outcome(row: &Row) -> (&str, &[Effect], Option<&str>) {
    (row.next.as_str(), &row.effects, row.severity.map(|severity| severity.as_str()))
}

fn effects(row: &Row) -> Vec<String> {
    row.effects.iter().map(|effect| effect.as_str().to_owned()).collect()
}

fn event(event: EventKind) -> Value {
    let kind = event.as_str();
    match event {
        EventKind::ShutdownSignal | EventKind::AppLost | EventKind::TailnetLost => json!({ "type": kind }),
        EventKind::BuildUpdate { transition, job_status } => {
            json!({ "type": kind, "transition": transition.as_str(), "job_status": job_status.as_str() })
        }
        EventKind::AgentUpdate { lifecycle } | EventKind::OtherAgentUpdate { lifecycle } => {
            json!({ "type": kind, "lifecycle": lifecycle.as_str() })
        }
        EventKind::AppUpdate { up } | EventKind::TailnetUpdate { up } => json!({ "type": kind, "up": up }),
        EventKind::StartWorkspaceEnded { underway } => json!({ "type": kind, "underway": underway }),
    }
}

/// An event in a few words.
fn words(event: EventKind) -> String {
    let kind = event.as_str();
    let up = |up: bool| if up { "up" } else { "down" };
    match event {
        EventKind::ShutdownSignal | EventKind::AppLost | EventKind::TailnetLost => kind.to_owned(),
        EventKind::BuildUpdate { transition, job_status } => {
            format!("{kind} {} {}", transition.as_str(), job_status.as_str())
        }
        EventKind::AgentUpdate { lifecycle } | EventKind::OtherAgentUpdate { lifecycle } => {
            format!("{kind} {}", lifecycle.as_str())
        }
        EventKind::AppUpdate { up: is_up } | EventKind::TailnetUpdate { up: is_up } => format!("{kind} {}", up(is_up)),
        EventKind::StartWorkspaceEnded { underway } => {
            format!("{kind} {}", if underway { "underway" } else { "failed" })
        }
    }
}

/// An event as a picture shows it: those that no state tells apart are one.
fn class(event: EventKind) -> String {
    match event {
        EventKind::BuildUpdate { transition, job_status } => match (transition, job_status) {
            (Transition::Delete, _)
            | (_, JobStatus::Canceling | JobStatus::Canceled | JobStatus::Failed | JobStatus::Unknown) => {
                "build of no use".to_owned()
            }
            (Transition::Start | Transition::Stop, JobStatus::Pending | JobStatus::Running) => {
                format!("{} underway", transition.as_str())
            }
            (Transition::Start | Transition::Stop, JobStatus::Succeeded) => {
                format!("{} succeeded", transition.as_str())
            }
        },
        EventKind::AgentUpdate { lifecycle } => format!("agent {}", lifecycle.as_str()),
        EventKind::OtherAgentUpdate { .. } => "other agent".to_owned(),
        EventKind::ShutdownSignal
        | EventKind::AppUpdate { .. }
        | EventKind::TailnetUpdate { .. }
        | EventKind::StartWorkspaceEnded { .. }
        | EventKind::AppLost
        | EventKind::TailnetLost => words(event),
    }
}

fn config(options: Options) -> Value {
    json!({ "no_autostart": options.no_autostart, "no_wait_for_scripts": options.no_wait_for_scripts })
}

/// The flags of a configuration.
fn flags(options: Options) -> String {
    FLAGS.map(|flag| flag.words(options)).join(" ")
}
