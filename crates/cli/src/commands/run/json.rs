//! Runs as told to programs: one JSON object a run, on a line of its own.
//!
//! | key | what |
//! | --- | --- |
//! | `scenario`, `seed` | which run |
//! | `engine` | on which engine; left out for leap |
//! | `outcome` | `passed` or `failed`; `not_for_this_engine` if the engine does not do what the scenario asks |
//! | `why` | with the latter only: why, and then none of the following but `replay` |
//! | `violations` | a list of `{rule, message, at_us, record}`; `record` is the ordinal of the record it points at, or null |
//! | `events` | how many lines the log has |
//! | `virtual_seconds`, `wall_seconds` | how long it took, in the simulation and in reality |
//! | `log_digest`, `trace_digest` | equal for equal logs, and for equal runs; the latter is empty on other engines than leap |
//! | `replay` | the command line that makes this run again |
//!
//! With `--log`, the lines of each run's log (see the log's own format) come before its object.

use std::{
    io::{self, Write},
    time::Duration,
};

use groundhog_engines::Kind;
use groundhog_sim::{Violation, json as log};
use serde_json::{Value, json};

use super::{Outcome, Tell};

/// What is said of a scenario that an engine does not play.
pub(super) const NOT_FOR_THIS_ENGINE: &str = "not_for_this_engine";

/// What went wrong, as it is told.
pub(super) fn violations(violations: &[Violation]) -> Vec<Value> {
    let told = violations.iter().map(|violation| {
        let at_us = u64::try_from(violation.at.as_micros()).unwrap_or(u64::MAX);
        json!({
            "rule": violation.rule,
            "message": violation.message,
            "at_us": at_us,
            "record": violation.record,
        })
    });
    told.collect()
}

pub(super) struct Teller {
    log: bool,
}

impl Teller {
    pub(super) fn new(log: bool) -> Self {
        Self { log }
    }
}

impl Tell for Teller {
    fn tell(&mut self, outcome: &Outcome) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if let Some(lines) = outcome.log.as_ref().filter(|_| self.log) {
            write!(out, "{}\n{lines}", log::header())?;
        }
        if let Some(why) = &outcome.refused {
            let line = json!({
                "scenario": outcome.scenario,
                "seed": outcome.seed,
                "engine": outcome.engine.name(),
                "outcome": NOT_FOR_THIS_ENGINE,
                "why": why,
                "replay": outcome.replay(),
            });
            return writeln!(out, "{line}");
        }
        let mut line = json!({
            "scenario": outcome.scenario,
            "seed": outcome.seed,
            "outcome": if outcome.passed() { "passed" } else { "failed" },
            "violations": violations(&outcome.violations),
            "events": outcome.events,
            "virtual_seconds": outcome.virtual_time.as_secs_f64(),
            "wall_seconds": outcome.wall_time.as_secs_f64(),
            "log_digest": outcome.log_digest,
            "trace_digest": outcome.trace_digest,
            "replay": outcome.replay(),
        });
        if outcome.engine != Kind::Leap {
            line["engine"] = json!(outcome.engine.name());
        }
        writeln!(out, "{line}")
    }

    fn end(&mut self, _wall_time: Duration, _jobs: usize) -> io::Result<()> {
        Ok(())
    }
}
