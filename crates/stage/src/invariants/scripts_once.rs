//! `scripts-once`: a script that runs when an agent starts, or when it ends, does so once.
//!
//! However often the agent loses its connection, a start of its process begins each start script and each stop script
//! at most once. A process that is begun anew, after a crash or a claim, may begin them again: they are for the
//! machine as it is then. Scripts that run by the clock are not meant.

use std::collections::BTreeSet;

use super::{Invariant, Violation};
use crate::Record;

/// See the module.
#[derive(Default)]
pub(super) struct ScriptsOnce {
    /// By process, stage and name: the scripts that have begun.
    begun: BTreeSet<(String, String, String)>,
}

impl Invariant for ScriptsOnce {
    fn id(&self) -> &'static str {
        "scripts-once"
    }

    fn about(&self) -> &'static str {
        "a start of an agent's process begins each start script and each stop script at most once"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        if record.event != "agent.script_started" {
            return None;
        }
        let (process, script, stage) = (record.field("process")?, record.field("script")?, record.field("stage")?);
        if stage == "cron" || self.begun.insert((process.to_owned(), stage.to_owned(), script.to_owned())) {
            return None;
        }
        let message = format!("{process} on {} began the {stage} script {script} again", record.host);
        Some(Violation { id: self.id(), message, ordinal: record.ordinal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    fn begins(log: Log, at: u64, process: &str, script: &str, stage: &str) -> Log {
        let fields = [("agent", "agent#1"), ("process", process), ("script", script), ("stage", stage)];
        log.add(at, "dev.main", "agent.script_started", &fields)
    }

    #[test]
    fn a_process_begins_a_start_script_once() {
        let log = begins(Log::new(), 1, "process#1", "install", "start");
        let log = begins(log, 2, "process#1", "greet", "start");
        let log = begins(log, 3, "process#1", "greet", "stop");
        assert_kept(ScriptsOnce::default(), &begins(log, 4, "process#2", "install", "start"));
        let log = begins(Log::new(), 1, "process#1", "install", "start");
        let log = begins(log, 9, "process#1", "install", "start");
        assert_broken(ScriptsOnce::default(), &log, 1, &["process#1", "dev.main", "install"]);
    }

    #[test]
    fn what_runs_by_the_clock_runs_again() {
        let log = begins(Log::new(), 1, "process#1", "tidy", "cron");
        assert_kept(ScriptsOnce::default(), &begins(log, 61, "process#1", "tidy", "cron"));
    }
}
