//! Runs as told to programs: one JSON object a run, on a line of its own.
//!
//! | key | what |
//! | --- | --- |
//! | `scenario`, `seed` | which run |
//! | `outcome` | `passed` or `failed` |
//! | `violations` | a list of `{rule, message, at_us, record}`; `record` is the ordinal of the record it points at, or null |
//! | `events` | how many lines the log has |
//! | `virtual_seconds`, `wall_seconds` | how long it took, in the simulation and in reality |
//! | `log_digest`, `trace_digest` | equal for equal logs, and for equal runs |
//! | `replay` | the command line that makes this run again |
//!
//! With `--log`, the lines of each run's log (see the log's own format) come before its object.

use std::{
    io::{self, Write},
    time::Duration,
};

use groundhog_sim::json as log;
use serde_json::json;

use super::{Outcome, Tell};

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
        let violations: Vec<_> = outcome
            .violations
            .iter()
            .map(|violation| {
                let at_us = u64::try_from(violation.at.as_micros()).unwrap_or(u64::MAX);
                json!({
                    "rule": violation.rule,
                    "message": violation.message,
                    "at_us": at_us,
                    "record": violation.record,
                })
            })
            .collect();
        let line = json!({
            "scenario": outcome.scenario,
            "seed": outcome.seed,
            "outcome": if outcome.passed() { "passed" } else { "failed" },
            "violations": violations,
            "events": outcome.events,
            "virtual_seconds": outcome.virtual_time.as_secs_f64(),
            "wall_seconds": outcome.wall_time.as_secs_f64(),
            "log_digest": outcome.log_digest,
            "trace_digest": outcome.trace_digest,
            "replay": outcome.replay(),
        });
        writeln!(out, "{line}")
    }

    fn end(&mut self, _wall_time: Duration, _jobs: usize) -> io::Result<()> {
        Ok(())
    }
}
