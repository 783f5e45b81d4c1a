//! What stands on one side of a comparison.

use std::{fs, path::Path};

use groundhog_sim::{Loudness, Recording, text};
use groundhog_stage::{
    catalogue,
    diagnostic::Diagnostics,
    run::{self, Report},
    scenario::Scenario,
};

use super::{Line, log_file, mistake};

/// A log that was read, or a run that was made.
pub(super) struct Side {
    lines: Vec<Line>,
    run: Option<Run>,
}

/// A run, and what it takes to make it again.
pub(super) struct Run {
    scenario: Scenario,
    pub(super) report: Report,
}

impl Run {
    /// The same run, with every step recorded.
    pub(super) fn recorded(&self) -> Recording {
        run::recorded(&self.scenario, self.report.seed).1
    }
}

impl Side {
    /// Reads the log, or runs the scenario, that `operand` names.
    pub(super) fn open(operand: &str) -> Result<Self, Diagnostics> {
        let (path, seed) = split(operand)?;
        // A scenario is known by its name's ending, as everywhere; and a seed is for scenarios.
        if seed.is_none() && Path::new(path).extension().is_none_or(|ending| ending != "toml") {
            let content = fs::read(path)
                .map_err(|error| mistake("unreadable", path, format!("the file can not be read: {error}")))?;
            let content =
                String::from_utf8(content).map_err(|_| mistake("no-log", path, "this is no log: it is not UTF-8"))?;
            let lines = log_file::read(&content).map_err(|message| mistake("no-log", path, message))?;
            return Ok(Self { lines, run: None });
        }
        let scenario = Scenario::load(Path::new(path), &catalogue::lists())?;
        let report = run::run(&scenario, seed.unwrap_or(scenario.seed));
        let line = |record: &groundhog_sim::Record| Line {
            host: record.host.clone(),
            quiet: record.loudness == Loudness::Quiet,
            text: text::line(record),
        };
        Ok(Self { lines: report.records.iter().map(line).collect(), run: Some(Run { scenario, report }) })
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }
}

/// `FILE@SEED`, unless there is a file of that whole name.
fn split(operand: &str) -> Result<(&str, Option<u64>), Diagnostics> {
    match operand.rsplit_once('@') {
        Some((path, seed)) if !Path::new(operand).exists() => match seed.parse() {
            Ok(seed) => Ok((path, Some(seed))),
            Err(_) => Err(mistake("bad-seed", operand, format!("expected a number after the `@`, found `{seed}`"))),
        },
        _ => Ok((operand, None)),
    }
}
