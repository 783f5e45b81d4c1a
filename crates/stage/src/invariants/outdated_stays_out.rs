//! `outdated-stays-out`: an agent of a build that is outdated does not come in any more.
//!
//! Once a later build of the workspace has succeeded, the agents that an earlier one made known never come online
//! again. A machine that is kept goes on as the later build's agent, which is another one to the control plane.
//!
//! An agent that came in just before may be told of just after: replicas tell of what they did a moment later, so
//! nothing counts for a few seconds after the build's success, nor for as long after trouble with a control plane.

use std::{collections::BTreeMap, time::Duration};

use super::{Bounds, Invariant, Violation, weather::Weather};
use crate::Record;

/// How much later than it happened something may be told, the database's time left aside.
const TOLD_LATER: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct OutdatedStaysOut {
    weather: Weather,
    told_later: Duration,
    /// By job: its build and the build's workspace.
    builds: BTreeMap<String, (String, String)>,
    /// By build: its number.
    numbers: BTreeMap<String, u64>,
    /// By agent: the workspace, and the build that made it known.
    agents: BTreeMap<String, (String, String)>,
    /// By workspace: the last build that has succeeded, and when.
    latest: BTreeMap<String, (String, Duration)>,
}

impl OutdatedStaysOut {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            weather: Weather::default(),
            told_later: TOLD_LATER.saturating_add(bounds.notice),
            builds: BTreeMap::new(),
            numbers: BTreeMap::new(),
            agents: BTreeMap::new(),
            latest: BTreeMap::new(),
        }
    }

    fn number(&self, build: &str) -> u64 {
        self.numbers.get(build).copied().unwrap_or(0)
    }

    /// Why an agent that comes online now should not have.
    fn outdated(&self, agent: &str, now: Duration) -> Option<String> {
        let (workspace, build) = self.agents.get(agent)?;
        let (latest, since) = self.latest.get(workspace)?;
        let well_since = self.weather.control_well_since();
        let is_outdated = self.number(latest) > self.number(build);
        (is_outdated && self.weather.has_passed(self.told_later, *since, well_since, now))
            .then(|| format!("{agent} of {build} came online although {latest} of {workspace} had succeeded"))
    }
}

impl Invariant for OutdatedStaysOut {
    fn id(&self) -> &'static str {
        "outdated-stays-out"
    }

    fn about(&self) -> &'static str {
        "once a later build of a workspace has succeeded, the agents of earlier ones never come online"
    }

    fn observe(&mut self, record: &Record) -> Option<Violation> {
        self.weather.observe(record);
        let field = |field: &str| record.field(field).map(str::to_owned);
        match record.event.as_str() {
            "build.queued" => {
                let build = field("build")?;
                self.builds.insert(field("job")?, (build.clone(), field("ws")?));
                self.numbers.insert(build, record.field("number")?.parse().ok()?);
            }
            "job.completed" => {
                let (build, workspace) = self.builds.get(record.field("job")?)?.clone();
                let latest = self.latest.get(&workspace).map_or(0, |(latest, _)| self.number(latest));
                if self.number(&build) > latest {
                    self.latest.insert(workspace, (build, record.at));
                }
            }
            "agent.registered" => {
                self.agents.insert(field("agent")?, (field("ws")?, field("build")?));
            }
            "agent.online" => {
                let message = self.outdated(record.field("agent")?, record.at)?;
                return Some(Violation { id: self.id(), message, ordinal: record.ordinal });
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

    fn invariant() -> OutdatedStaysOut {
        OutdatedStaysOut::new(&Bounds::default())
    }

    /// A workspace's build that makes an agent known.
    fn build(log: Log, at: u64, number: &str, ends: bool) -> Log {
        let (job, build, agent) = (format!("job#{number}"), format!("build#{number}"), format!("agent#{number}"));
        let fields = [("build", build.as_str()), ("ws", "ws#1"), ("number", number), ("job", job.as_str())];
        let log = log.add(at, "control", "build.queued", &fields);
        if !ends {
            return log;
        }
        let fields = [("agent", agent.as_str()), ("ws", "ws#1"), ("build", build.as_str()), ("name", "main")];
        let log = log.add(at + 1, "control", "agent.registered", &fields);
        log.add(at + 1, "control", "job.completed", &[("job", job.as_str())])
    }

    fn online(log: Log, at: u64, agent: &str) -> Log {
        log.add(at, "control", "agent.online", &[("agent", agent), ("first", "true")])
    }

    #[test]
    fn the_agent_of_an_earlier_build_stays_out() {
        let log = online(build(Log::new(), 1, "1", true), 3, "agent#1");
        let log = online(build(log, 10, "2", true), 13, "agent#2");
        assert_kept(invariant(), &online(build(log, 60, "3", false), 70, "agent#2"));
        let log = build(build(Log::new(), 1, "1", true), 10, "2", true);
        assert_broken(invariant(), &online(log, 60, "agent#1"), 6, &["agent#1", "build#2", "ws#1"]);
    }

    #[test]
    fn what_is_told_a_moment_later_is_believed() {
        let log = build(build(Log::new(), 1, "1", true), 10, "2", true);
        assert_kept(invariant(), &online(log, 12, "agent#1"));
        let log = build(build(Log::new(), 1, "1", true), 10, "2", true);
        let log = log.add(50, "-", "host.suspended", &[("host", "control-2")]);
        let log = log.add(70, "-", "host.resumed", &[("host", "control-2")]);
        assert_kept(invariant(), &online(log, 71, "agent#1"));
    }
}
