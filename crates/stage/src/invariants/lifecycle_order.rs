//! `lifecycle-order`: what is known of an agent's life is what it has lived, in that order.
//!
//! The steps that the control plane stores of an agent go forward only. Each of them was lived by a process of the
//! agent's machine before, and none that the process lived before it is missing. Which machine it is shows when the
//! agent connects.
//!
//! A process that is begun anew, after a crash say, lives its steps again; those that are stored already are not
//! stored again. A process that serves the next build's agent has lived steps already, and they are that agent's too
//! (A11).

use std::collections::{BTreeMap, BTreeSet};

use super::{Invariant, Violation};
use crate::Record;

/// The steps, in the order in which they are lived.
const STEPS: [&str; 8] =
    ["starting", "start_timeout", "start_error", "ready", "shutting_down", "shutdown_timeout", "shutdown_error", "off"];

fn rank(step: &str) -> Option<usize> {
    STEPS.iter().position(|one| *one == step)
}

/// See the module.
#[derive(Default)]
pub(super) struct LifecycleOrder {
    /// By agent: the machines that it has connected from.
    machines: BTreeMap<String, BTreeSet<String>>,
    /// By machine and process: the steps that were lived.
    lived: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
    /// By agent: the last step that is stored.
    stored: BTreeMap<String, usize>,
}

impl LifecycleOrder {
    fn is_stored(&mut self, agent: &str, step: &str) -> Result<(), String> {
        let rank = rank(step).ok_or_else(|| format!("{agent}: there is no step {step:?} in an agent's life"))?;
        let before = self.stored.insert(agent.to_owned(), rank);
        if let Some(before) = before.filter(|before| *before >= rank) {
            return Err(format!("{agent}: {step} was stored after {}", STEPS[before]));
        }
        // An agent that has connected from nowhere is not one of this stage's.
        let Some(machines) = self.machines.get(agent) else { return Ok(()) };
        let processes = || machines.iter().filter_map(|machine| self.lived.get(machine)).flat_map(BTreeMap::values);
        let lived = processes().filter_map(|lived| lived.iter().position(|one| *one == rank).map(|at| &lived[..at]));
        // What of it would be missing, were it this process's step.
        let missing =
            lived.map(|earlier| earlier.iter().copied().find(|one| before.is_none_or(|before| *one > before)));
        let missing: Vec<Option<usize>> = missing.collect();
        match missing.as_slice() {
            [] => Err(format!("{agent}: {step} was stored, but nothing on its machine had come to that")),
            all if all.contains(&None) => Ok(()),
            all => {
                let skipped = all.iter().flatten().next().map(|one| STEPS[*one]).unwrap_or_default();
                Err(format!("{agent}: {step} was stored, but not {skipped}, which came before it"))
            }
        }
    }
}

impl Invariant for LifecycleOrder {
    fn id(&self) -> &'static str {
        "lifecycle-order"
    }

    fn about(&self) -> &'static str {
        "the steps of an agent's life are stored in the order in which it lives them, none skipped, none taken back"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        let agent = record.field("agent")?;
        match record.event.as_str() {
            "agent.connected" => {
                self.machines.entry(agent.to_owned()).or_default().insert(record.host.clone());
            }
            "agent.lifecycle" => {
                let (process, step) = (record.field("process")?, rank(record.field("state")?)?);
                // What it is told by is a machine that it is on.
                self.machines.entry(agent.to_owned()).or_default().insert(record.host.clone());
                let processes = self.lived.entry(record.host.clone()).or_default();
                processes.entry(process.to_owned()).or_default().push(step);
            }
            "agent.lifecycle_stored" => {
                let stored = self.is_stored(agent, record.field("state").unwrap_or_default());
                return stored.err().map(|message| Violation { id: self.id(), message, ordinal: record.ordinal });
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, assert_broken, assert_kept};

    fn connects(log: Log, at: u64, agent: &str) -> Log {
        log.add(at, "dev.main", "agent.connected", &[("agent", agent)])
    }

    fn lives(log: Log, at: u64, process: &str, steps: &[&str]) -> Log {
        steps.iter().fold(log, |log, step| {
            let fields = [("agent", "agent#1"), ("process", process), ("state", *step)];
            log.add(at, "dev.main", "agent.lifecycle", &fields)
        })
    }

    fn stored(log: Log, at: u64, agent: &str, steps: &[&str]) -> Log {
        steps.iter().fold(log, |log, step| {
            log.add(at, "control", "agent.lifecycle_stored", &[("agent", agent), ("state", *step)])
        })
    }

    #[test]
    fn a_life_is_stored_as_it_is_lived() {
        let log = lives(connects(Log::new(), 1, "agent#1"), 2, "process#1", &["starting", "ready", "shutting_down"]);
        let log = stored(log, 3, "agent#1", &["starting", "ready", "shutting_down"]);
        assert_kept(LifecycleOrder::default(), &log);
    }

    #[test]
    fn a_process_that_begins_anew_goes_on_with_what_is_stored() {
        let log = lives(connects(Log::new(), 1, "agent#1"), 2, "process#1", &["starting"]);
        let log = lives(stored(log, 3, "agent#1", &["starting"]), 4, "process#2", &["starting", "start_error"]);
        assert_kept(LifecycleOrder::default(), &stored(log, 5, "agent#1", &["start_error"]));
    }

    #[test]
    fn the_next_builds_agent_has_the_processs_life() {
        let log = lives(connects(Log::new(), 1, "agent#1"), 2, "process#1", &["starting", "ready"]);
        let log = connects(stored(log, 3, "agent#1", &["starting", "ready"]), 4, "agent#2");
        assert_kept(LifecycleOrder::default(), &stored(log, 5, "agent#2", &["starting", "ready"]));
    }

    #[test]
    fn no_step_is_taken_back_or_stored_twice() {
        let log = lives(connects(Log::new(), 1, "agent#1"), 2, "process#1", &["starting", "ready", "shutting_down"]);
        let log = stored(log, 3, "agent#1", &["starting", "ready", "starting"]);
        assert_broken(LifecycleOrder::default(), &log, 6, &["agent#1", "starting was stored after ready"]);
        let log = lives(connects(Log::new(), 1, "agent#1"), 2, "process#1", &["starting"]);
        let log = stored(log, 3, "agent#1", &["starting", "starting"]);
        assert_broken(LifecycleOrder::default(), &log, 3, &["starting was stored after starting"]);
    }

    #[test]
    fn no_step_is_skipped() {
        let log = lives(connects(Log::new(), 1, "agent#1"), 2, "process#1", &["starting", "ready", "shutting_down"]);
        let log = stored(log, 3, "agent#1", &["starting", "shutting_down"]);
        assert_broken(LifecycleOrder::default(), &log, 5, &["agent#1", "not ready"]);
    }

    #[test]
    fn no_step_is_made_up() {
        let log = lives(connects(Log::new(), 1, "agent#1"), 2, "process#1", &["starting"]);
        let log = stored(log, 3, "agent#1", &["starting", "ready"]);
        assert_broken(LifecycleOrder::default(), &log, 3, &["agent#1", "nothing on its machine"]);
    }
}
