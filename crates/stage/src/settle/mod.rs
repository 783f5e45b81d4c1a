//! Whether the world has come to rest, and by when it must.

mod agents;
mod calls;
mod pools;
mod tunnels;

use std::{collections::BTreeMap, time::Duration};

use groundhog_sim::Record;

use self::{
    agents::Agents,
    calls::Calls,
    pools::{Changed, Pools},
    tunnels::Tunnels,
};
use crate::{
    invariants::{begins, is_terminal},
    scenario::{Scenario, Step},
};

/// How long after the last fault and the last step everything that people still wait for has been asked again and
/// answered: half a minute for a call, ten seconds of back-off, twice.
pub(crate) const CALM: Duration = Duration::from_mins(3);

/// Things that are under way. At rest, every job has ended, every agent that should be there is online, every tunnel
/// that should be up is, every call of a tool is answered, and what is built ahead is as it is wanted.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// What last happened to each job that has not ended, but for those that build ahead.
    jobs: BTreeMap<String, String>,
    agents: Agents,
    tunnels: Tunnels,
    calls: Calls,
    pools: Pools,
    /// When the last of them ended.
    empty_since: Duration,
}

impl UnderWay {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        Self {
            jobs: BTreeMap::new(),
            agents: Agents::default(),
            tunnels: Tunnels::default(),
            calls: Calls::default(),
            pools: Pools::of(scenario),
            empty_since: Duration::ZERO,
        }
    }

    pub(crate) fn observe(&mut self, record: &Record) {
        match self.pools.observe(record) {
            None => {}
            Some(Changed::Ahead { jobs }) => self.jobs.retain(|job, _| !jobs.contains(job)),
            Some(Changed::Claimed { jobs }) => {
                self.jobs.extend(jobs.into_iter().map(|job| (job, record.event.clone())));
            }
        }
        self.agents.observe(record);
        self.tunnels.observe(record);
        self.calls.observe(record);
        let changed = [self.agents.changed_at(), self.tunnels.changed_at(), self.calls.changed_at()];
        if changed.contains(&Some(record.at)) {
            self.empty_since = record.at;
        }
        let Some(job) = record.field("job") else { return };
        if begins(&record.event) {
            if record.field("ws").is_some_and(|workspace| self.pools.is_ahead(workspace)) {
                return;
            }
            self.jobs.insert(job.to_owned(), record.event.clone());
        } else if is_terminal(&record.event) {
            // The end of what is built ahead is none of what is waited for.
            if self.jobs.remove(job).is_some() {
                self.empty_since = record.at;
            }
        } else if let Some(last) = self.jobs.get_mut(job) {
            last.clone_from(&record.event);
        }
    }

    /// Since when nothing has been under way; none while something is.
    pub(crate) fn rested(&self) -> Option<Duration> {
        let none = self.jobs.is_empty() && self.agents.missing().is_empty() && self.tunnels.on_their_way().is_empty();
        let none = none && self.calls.are_over();
        none.then(|| self.pools.rested().map(|pools| pools.max(self.empty_since))).flatten()
    }

    /// What is under way, in words; nothing at rest.
    pub(crate) fn describe(&self) -> Option<String> {
        let jobs = self.jobs.iter().map(|(job, last)| format!("{job} (last seen: {last})"));
        let agents = self.agents.missing().iter().map(|agent| format!("{agent} is not online"));
        let tunnels = self.tunnels.on_their_way().iter().map(|(tunnel, state)| format!("{tunnel} is in {state}"));
        let all: Vec<String> = jobs.chain(agents).chain(tunnels).chain(self.calls.open()).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// What of what is built ahead is not as it is wanted, in words; nothing at rest.
    pub(crate) fn describe_pools(&self) -> Option<String> {
        let all: Vec<String> = self.pools.describe().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// By when the world must be at rest: the settle time after the last fault has ended and the last step was
/// taken, or the end of the run if that is earlier.
pub(crate) fn deadline(scenario: &Scenario) -> Duration {
    story_end(scenario).saturating_add(scenario.settle).min(scenario.duration)
}

/// When the last step has been taken, with what it takes, and the last fault that ends has ended.
pub(crate) fn story_end(scenario: &Scenario) -> Duration {
    let faults = scenario.faults.iter().map(|fault| fault.ends_at().unwrap_or(fault.at));
    faults.chain(scenario.steps.iter().map(Step::ends_at)).max().unwrap_or_default()
}
