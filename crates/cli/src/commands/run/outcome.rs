//! One run, with what is needed to tell of it: the records themselves are dropped with the thread's next run.

use std::{io, time::Duration};

use groundhog_engines::Kind;
use groundhog_sim::{Violation, json, text};
use groundhog_stage::{run::Report, snapshot};
use similar::TextDiff;

use super::{
    began,
    engine::{self, Played},
};
use crate::{arguments::Format, arguments::RunArguments, commands::scenarios::Loaded};

/// The rule that is broken when a log is not what its snapshot holds.
const SNAPSHOT: &str = "snapshot";

/// How many lines of the log are shown before and after the one that matters.
const CONTEXT: usize = 4;

/// One run.
pub(super) struct Outcome {
    pub(super) scenario: String,
    pub(super) path: String,
    pub(super) engine: Kind,
    pub(super) seed: u64,
    /// Why it was not played: it is not for this engine, and has neither passed nor failed.
    pub(super) refused: Option<String>,
    pub(super) violations: Vec<Violation>,
    /// For each violation, the lines around it or the difference to the snapshot.
    pub(super) details: Vec<String>,
    /// Records in the log, quiet ones not counted.
    pub(super) events: usize,
    pub(super) virtual_time: Duration,
    pub(super) wall_time: Duration,
    pub(super) log_digest: String,
    pub(super) trace_digest: String,
    /// The log, if it is to be shown.
    pub(super) log: Option<String>,
    /// What there is to say beside: that a snapshot was stored, or is missing.
    pub(super) note: Option<&'static str>,
}

impl Outcome {
    pub(super) fn passed(&self) -> bool {
        self.refused.is_none() && self.violations.is_empty()
    }

    pub(super) fn failed(&self) -> bool {
        !self.violations.is_empty()
    }

    /// The command line that makes this run again, as a shell takes it.
    pub(super) fn replay(&self) -> String {
        replay(&self.path, &[self.engine], self.seed)
    }
}

/// The command line that makes the run of a scenario again on these engines, as a shell takes it.
pub(super) fn replay(path: &str, engines: &[Kind], seed: u64) -> String {
    let engines = match engines {
        [Kind::Leap] => String::new(),
        several => format!(" --engine {}", several.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")),
    };
    format!("groundhog run {}{engines} --seed {seed}", quoted(path))
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./=:+,@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Runs a scenario with a seed on an engine. On leap it compares its log with the snapshot if there is one for that seed,
/// or stores it. Fails when the machine can't provide what the engine needs.
pub(super) fn run(loaded: &Loaded, engine: Kind, seed: u64, arguments: &RunArguments) -> io::Result<Outcome> {
    let began = began();
    let played = engine::play(engine, loaded, seed)?;
    let mut outcome = Outcome::of(loaded, engine, seed, &played);
    if let Played::Judged(report) = &played {
        outcome.log = arguments.log.then(|| log(report, arguments.format));
        if engine == Kind::Leap {
            compare(loaded, report, arguments, &mut outcome);
        }
    }
    outcome.wall_time = began.elapsed();
    Ok(outcome)
}

impl Outcome {
    /// What there is to tell of a scenario that was played, or was refused.
    pub(super) fn of(loaded: &Loaded, engine: Kind, seed: u64, played: &Played) -> Self {
        let mut outcome = Self {
            scenario: loaded.entry.name.clone(),
            path: loaded.entry.path.display().to_string(),
            engine,
            seed,
            refused: None,
            violations: Vec::new(),
            details: Vec::new(),
            events: 0,
            virtual_time: Duration::ZERO,
            wall_time: Duration::ZERO,
            log_digest: String::new(),
            trace_digest: String::new(),
            log: None,
            note: None,
        };
        match played {
            Played::Refused(why) => outcome.refused = Some(why.clone()),
            Played::Judged(report) => {
                outcome.details = report.violations.iter().map(|violation| around(report, violation)).collect();
                outcome.events = report.log().count();
                outcome.virtual_time = report.virtual_time;
                outcome.log_digest.clone_from(&report.log_digest);
                outcome.trace_digest.clone_from(&report.trace_digest);
                outcome.violations.clone_from(&report.violations);
            }
        }
        outcome
    }
}

fn log(report: &Report, format: Format) -> String {
    match format {
        Format::Text => report.log().map(|record| text::line(record) + "\n").collect(),
        Format::Json => report.records.iter().map(|record| json::line(record) + "\n").collect(),
    }
}

/// The lines of the log around what a violation points at, that one marked.
fn around(report: &Report, violation: &Violation) -> String {
    let lines: Vec<_> = report.log().collect();
    let Some(ordinal) = violation.record else { return String::new() };
    // A quiet record stands between two lines: the last one before it is marked.
    let marked = lines.partition_point(|record| record.ordinal <= ordinal).saturating_sub(1);
    let shown = lines.iter().enumerate().skip(marked.saturating_sub(CONTEXT)).take(2 * CONTEXT + 1);
    shown
        .map(|(index, record)| format!("{} {}\n", if index == marked { '>' } else { ' ' }, text::line(record)))
        .collect()
}

fn compare(loaded: &Loaded, report: &Report, arguments: &RunArguments, outcome: &mut Outcome) {
    // A snapshot is of one seed, the scenario's own.
    let Some(snapshots) = loaded.entry.snapshots.as_ref().filter(|_| report.seed == loaded.file.scenario.seed) else {
        return;
    };
    let mut fail = |message: String, detail: String| {
        let violation = Violation { rule: SNAPSHOT.to_owned(), message, at: report.virtual_time, record: None };
        outcome.violations.push(violation);
        outcome.details.push(detail);
    };
    let name = &loaded.entry.name;
    let file = snapshot::path(snapshots, name).display().to_string();
    let content = snapshot::render(name, report);
    if arguments.bless {
        if !report.passed() {
            return;
        }
        match snapshot::write(snapshots, name, &content) {
            Ok(()) => outcome.note = Some("snapshot stored"),
            Err(error) => fail(format!("{file} can not be written: {error}"), String::new()),
        }
        return;
    }
    match snapshot::read(snapshots, name) {
        Ok(None) => outcome.note = Some("no snapshot yet: --bless stores one"),
        Ok(Some(stored)) if snapshot::same(&stored, &content) => {}
        Ok(Some(stored)) => {
            let difference = TextDiff::from_lines(stored.trim(), content.trim());
            let difference = difference.unified_diff().context_radius(2).missing_newline_hint(false).to_string();
            fail(format!("the log differs from {file}; --bless accepts it"), difference);
        }
        Err(error) => fail(format!("{file} can not be read: {error}"), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_made_again_on_its_engine() {
        assert_eq!(replay("a.toml", &[Kind::Leap], 7), "groundhog run a.toml --seed 7");
        assert_eq!(replay("a.toml", &[Kind::Turmoil], 7), "groundhog run a.toml --engine turmoil --seed 7");
        let both = [Kind::Leap, Kind::Live];
        assert_eq!(replay("a.toml", &both, 7), "groundhog run a.toml --engine leap,live --seed 7");
    }

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("scenarios/cancel/force-cancel.toml"), "scenarios/cancel/force-cancel.toml");
        assert_eq!(quoted("my files/a.toml"), "'my files/a.toml'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
