//! Whether what is built ahead has come to what is wanted.
//!
//! A pool is at rest when as many run, and can be given to people, as are wanted, and nothing is being built; and while the
//! control plane says why it builds no more. A pool whose workspaces expire, or are claimed, is never at rest for good: it
//! may be on its way as long as it takes to look at it, to delete one and to build another.
//!
//! Builds of what nobody has claimed, and the agents of it, are the pools' business and are not waited for besides.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use groundhog_sim::Record;

use crate::{
    campaign,
    invariants::is_terminal,
    scenario::{Action, FaultKind, Provisioner, Scenario, Template},
};

/// What a pool may take beyond the intervals and the builds themselves: calls, hand-overs, and the boot of machines.
const SLACK: Duration = Duration::from_mins(3);

/// A preset, with its template, and the version's name.
type Pool = (String, String);

/// What is known of all pools.
#[derive(Debug, Default)]
pub(super) struct Pools {
    wanted: Wanted,
    /// By pool: how it stands, of the versions that are active.
    pools: BTreeMap<Pool, Standing>,
    /// By template: what has become of it since the story began.
    active: BTreeMap<String, Active>,
    /// The workspaces that were built ahead and that nobody has claimed.
    unclaimed: BTreeSet<String>,
    /// By build's job that has not ended: its workspace.
    jobs: BTreeMap<String, String>,
    /// By workspace that was built ahead: its preset, with its template.
    presets: BTreeMap<String, String>,
    /// Presets of which a build went wrong. Two daemons may have been at a job that was taken back, and each made the
    /// machine anew; then its agent is refused for its token's sake, and the workspace runs and is never ready.
    imperfect: BTreeSet<String>,
    /// Since when building ahead is paused, if it is: then the pools are as they are to be, whatever they were last told
    /// to be. A control plane that was begun anew tells nothing of pools that it does not look at.
    paused_since: Option<Duration>,
    /// When the pools were last looked at from one end to the other, or it was seen that they are not to be.
    looked_at: Duration,
    now: Duration,
}

/// What the scenario says of pools.
#[derive(Debug, Default)]
struct Wanted {
    /// Pools are looked after.
    enabled: bool,
    /// How long a look at all pools may be away.
    look: Duration,
    /// How long a pool may be on its way.
    on_its_way: Duration,
    /// Templates of which nothing can be built for ever: no daemon is sure to stay that would.
    without_daemon: BTreeSet<String>,
    /// Templates whose workspaces may run without ever being ready.
    never_ready: BTreeSet<String>,
}

/// What may be built ahead of a template.
#[derive(Debug, Default)]
struct Active {
    /// The version's name: none if it is as the story found it, empty if there is none.
    version: Option<String>,
    is_deprecated: bool,
}

/// How one pool stands.
#[derive(Debug)]
struct Standing {
    wanted: u64,
    /// So many run, can be given to people, and are being started.
    actual: u64,
    eligible: u64,
    starting: u64,
    /// Since when it is not as it is wanted; none if it is.
    off_since: Option<Duration>,
    /// It was as it is wanted, at some time since it has been wanted so.
    was_there: bool,
    /// When it came to what is wanted, or to where nothing more is done about it.
    there_since: Duration,
}

impl Wanted {
    fn of(scenario: &Scenario) -> Self {
        let config = &scenario.control.prebuilds;
        let ahead = |template: &&Template| template.is_built_ahead();
        let instances = |template: &Template| {
            let presets = template.presets.iter().filter_map(|preset| preset.prebuilds.as_ref());
            let most =
                presets.map(|ahead| ahead.schedules.iter().map(|one| one.instances).fold(ahead.instances, u32::max));
            most.fold(0_u32, u32::saturating_add)
        };
        // One daemon may have to do it all, a delete and a build for each.
        let builds = scenario.templates.iter().filter(ahead).map(|template| {
            let one = campaign::build_takes(template).unwrap_or_default();
            one.saturating_mul(instances(template)).saturating_mul(2)
        });
        let look = config.interval.saturating_mul(2).saturating_add(config.lease).saturating_add(SLACK);
        let never_ready = |template: &&Template| {
            let at_start = template.agents.iter().flat_map(|agent| &agent.scripts).any(|script| script.on_start);
            template.agents.is_empty() || at_start || machines_stay_down(scenario)
        };
        let names: BTreeSet<&String> =
            scenario.templates.iter().map(|template| &template.name).chain(scenario.imported()).collect();
        let of_any =
            |name: &str, is: &dyn Fn(&&Template) -> bool| scenario.behaviours(name).any(|template| is(&template));
        let chosen = |is: &dyn Fn(&&Template) -> bool| {
            names.iter().filter(|name| of_any(name, is)).map(|name| (*name).clone()).collect()
        };
        Self {
            enabled: config.enabled,
            look,
            on_its_way: builds.fold(look, Duration::saturating_add),
            without_daemon: chosen(&|template| !scenario.provisioners.iter().any(|one| stays(scenario, one, template))),
            never_ready: chosen(&never_ready),
        }
    }
}

/// Whether a daemon is there for good that takes a template's builds.
fn stays(scenario: &Scenario, daemon: &Provisioner, template: &Template) -> bool {
    let takes = template.tags.iter().all(|(key, value)| daemon.tags.get(key) == Some(value))
        // What asks for no tags is done by whoever has none.
        && (!template.tags.is_empty() || daemon.tags.is_empty());
    let is_sent_away = scenario.steps.iter().any(|step| match &step.action {
        Action::ShutdownProvisioner { name, .. } => *name == daemon.name,
        Action::DeleteKey { key, .. } => *key == daemon.key,
        _ => false,
    });
    let breaks_down = scenario
        .faults
        .iter()
        .any(|fault| fault.ends_at().is_none() && fault.kind.hosts().contains(&daemon.name.as_str()));
    takes && !is_sent_away && !breaks_down && daemon.refuses_sessions.is_none()
}

/// Whether a machine that something is built ahead on can be down or out of reach for good.
fn machines_stay_down(scenario: &Scenario) -> bool {
    let is_machine = |host: &str| host.contains('.');
    let faults = scenario.faults.iter().filter(|fault| fault.ends_at().is_none());
    faults
        .map(|fault| &fault.kind)
        .any(|kind| !matches!(kind, FaultKind::StepClock { .. }) && kind.hosts().into_iter().any(is_machine))
}

impl Pools {
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self { wanted: Wanted::of(scenario), ..Self::default() }
    }

    /// Whether a job builds what nobody has claimed.
    pub(super) fn is_ahead(&self, workspace: &str) -> bool {
        self.unclaimed.contains(workspace)
    }

    /// Takes in what a record says. Tells of jobs that are, from now on, the pools' business, or no longer are.
    pub(super) fn observe(&mut self, record: &Record) -> Option<Changed> {
        self.now = record.at;
        if !self.wanted.enabled {
            return None;
        }
        let owned = |field: &str| record.field(field).map(str::to_owned);
        match record.event.as_str() {
            "build.queued" => {
                self.jobs.insert(owned("job")?, owned("ws")?);
            }
            "job.returned" | "job.reaped" => self.went_wrong(record.field("job")?),
            event if is_terminal(event) => {
                if matches!(event, "job.failed" | "job.canceled") {
                    self.went_wrong(record.field("job")?);
                }
                self.jobs.remove(record.field("job")?);
            }
            "prebuild.created" => {
                let workspace = owned("ws")?;
                let jobs = self.jobs_of(&workspace);
                self.presets.extend(owned("preset").map(|preset| (workspace.clone(), preset)));
                self.unclaimed.insert(workspace);
                return Some(Changed::Ahead { jobs });
            }
            "workspace.claimed" => {
                let workspace = owned("ws")?;
                let was_ahead = self.unclaimed.remove(&workspace);
                let jobs = self.jobs_of(&workspace);
                return was_ahead.then_some(Changed::Claimed { jobs });
            }
            "version.activated" => {
                let (template, version) = (owned("template")?, owned("name")?);
                self.pools.retain(|(preset, of), _| !is_of(preset, &template) || *of == version);
                // A template that was deleted may be there again, under its name.
                let is_deprecated = self.active.get(&template).is_some_and(|active| active.is_deprecated);
                self.active.insert(template, Active { version: Some(version), is_deprecated });
            }
            "template.deleted" => {
                let template = owned("template")?;
                self.pools.retain(|(preset, _), _| !is_of(preset, &template));
                self.active.insert(template, Active { version: Some(String::new()), is_deprecated: false });
            }
            "template.deprecated" => {
                let template = owned("template")?;
                self.pools.retain(|(preset, _), _| !is_of(preset, &template));
                self.active.entry(template).or_default().is_deprecated = true;
            }
            "template.restored" => self.active.entry(owned("template")?).or_default().is_deprecated = false,
            "prebuilds.paused" => self.paused_since = Some(record.at),
            "prebuilds.resumed" => self.resume(record.at),
            "prebuild.pool" => self.pool(record)?,
            "prebuilds.cycle" if matches!(record.field("outcome"), Some("done" | "paused")) => {
                self.looked_at = record.at
            }
            _ => {}
        }
        None
    }

    /// The jobs of a workspace that have not ended: there is one build at a time.
    fn jobs_of(&self, workspace: &str) -> Vec<String> {
        self.jobs.iter().filter(|(_, of)| *of == workspace).map(|(job, _)| job.clone()).collect()
    }

    /// Takes in that a build's job did not simply succeed.
    fn went_wrong(&mut self, job: &str) {
        let preset = self.jobs.get(job).and_then(|workspace| self.presets.get(workspace));
        self.imperfect.extend(preset.cloned());
    }

    /// What the pools lack they lack from now on.
    fn resume(&mut self, now: Duration) {
        self.paused_since = None;
        for standing in self.pools.values_mut() {
            standing.off_since = standing.off_since.map(|_| now);
        }
    }

    fn pool(&mut self, record: &Record) -> Option<()> {
        let number = |field: &str| record.field(field)?.parse::<u64>().ok();
        let (preset, version) = (record.field("preset")?.to_owned(), record.field("version")?.to_owned());
        let (template, _) = preset.split_once('/')?;
        // What is told may be a moment older than what has become of the template.
        let is_active = self.active.get(template).is_none_or(|active| {
            !active.is_deprecated && active.version.as_ref().is_none_or(|active| *active == version)
        });
        if !is_active {
            return None;
        }
        let (actual, eligible) = (number("actual")?, number("eligible")?);
        let (wanted, starting) = (number("desired")?, number("starting")?);
        let is_limited = record.field("limited").is_some_and(|why| !why.is_empty());
        let may_lack = self.wanted.never_ready.contains(template) || self.imperfect.contains(&preset);
        let is_there = is_limited
            || self.wanted.without_daemon.contains(template)
            || (actual == wanted && starting == 0 && (eligible == wanted || may_lack));
        let now = record.at;
        let standing = self.pools.entry((preset, version)).or_insert(Standing {
            wanted,
            actual,
            eligible,
            starting,
            off_since: Some(now),
            was_there: false,
            there_since: now,
        });
        let is_wanted_anew = standing.wanted != wanted;
        (standing.wanted, standing.actual) = (wanted, actual);
        (standing.eligible, standing.starting) = (eligible, starting);
        if is_there {
            if standing.off_since.take().is_some() && !standing.was_there {
                standing.there_since = now;
            }
            standing.was_there = true;
        } else {
            if is_wanted_anew {
                standing.was_there = false;
                standing.off_since = None;
            }
            standing.off_since.get_or_insert(now);
        }
        Some(())
    }

    /// When the last of the pools came to what is wanted; none if one has not, or is on its way again for too long.
    pub(super) fn rested(&self) -> Option<Duration> {
        if !self.wanted.enabled {
            return Some(Duration::ZERO);
        }
        if self.paused_since.is_some() {
            return self.paused_since;
        }
        self.describe().next().is_none().then(|| {
            let there = self.pools.values().map(|standing| standing.there_since);
            there.max().unwrap_or_default()
        })
    }

    /// What is not as it is wanted, in words.
    pub(super) fn describe(&self) -> impl Iterator<Item = String> {
        let is_late = |since: Duration| self.now > since.saturating_add(self.wanted.on_its_way);
        let is_paused = self.paused_since.is_some();
        let off = self.pools.iter().filter(move |_| !is_paused).filter_map(move |((preset, version), standing)| {
            let Standing { wanted, actual, eligible, starting, off_since, was_there, .. } = standing;
            let since = (*off_since)?;
            let told = !was_there || is_late(since);
            told.then(|| {
                format!(
                    "of {preset} in {version} {wanted} are wanted, and since {since:?} not so many are there: {actual} run, \
                     {eligible} of them ready, {starting} are being started"
                )
            })
        });
        let is_overdue =
            self.wanted.enabled && !is_paused && self.now > self.looked_at.saturating_add(self.wanted.look);
        let overdue = is_overdue.then(|| format!("nobody has looked at the pools since {:?}", self.looked_at));
        off.chain(overdue)
    }
}

/// What became of a workspace that was built ahead.
pub(super) enum Changed {
    /// The platform has made it, and these jobs are of it.
    Ahead { jobs: Vec<String> },
    /// Somebody has claimed it, and these jobs are of it.
    Claimed { jobs: Vec<String> },
}

/// Whether a preset, with its template, is one of a template's.
fn is_of(preset: &str, template: &str) -> bool {
    preset.split_once('/').is_some_and(|(of, _)| of == template)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, secs};

    /// Pools that may be on their way for ten minutes.
    fn pools() -> Pools {
        let minutes = Duration::from_mins;
        let wanted = Wanted { enabled: true, look: minutes(5), on_its_way: minutes(10), ..Wanted::default() };
        Pools { wanted, ..Pools::default() }
    }

    fn told(log: Log, at: u64, [actual, wanted, eligible, starting]: [&str; 4], limited: &str) -> Log {
        let fields = [
            ("preset", "vm/p"),
            ("version", "v1"),
            ("actual", actual),
            ("desired", wanted),
            ("eligible", eligible),
            ("starting", starting),
            ("limited", limited),
        ];
        log.add(at, "control", "prebuild.pool", &fields).add(at, "control", "prebuilds.cycle", &[("outcome", "done")])
    }

    fn rested(mut pools: Pools, log: &Log) -> Option<Duration> {
        for record in &log.records {
            pools.observe(record);
        }
        pools.rested()
    }

    const NONE: [&str; 4] = ["0", "2", "0", "0"];
    const ALL: [&str; 4] = ["2", "2", "2", "0"];
    const ONE: [&str; 4] = ["1", "2", "1", "1"];

    #[test]
    fn a_pool_is_waited_for_until_it_is_full() {
        assert_eq!(rested(pools(), &told(Log::new(), 60, NONE, "")), None);
        assert_eq!(rested(pools(), &told(Log::new(), 60, ["2", "2", "1", "0"], "")), None, "one is not ready");
        assert_eq!(rested(pools(), &told(Log::new(), 60, ["3", "2", "2", "0"], "")), None, "one is too many");
        assert_eq!(rested(pools(), &told(Log::new(), 60, ["2", "2", "2", "1"], "")), None, "one is being built");
        let full = told(told(Log::new(), 60, NONE, ""), 120, ALL, "");
        assert_eq!(rested(pools(), &full), Some(secs(120)));
        // More are wanted at another time of day.
        assert_eq!(rested(pools(), &told(full, 180, ["2", "3", "2", "0"], "")), None);
    }

    #[test]
    fn one_that_goes_and_comes_is_no_unrest_but_for_too_long() {
        let full = || told(Log::new(), 60, ALL, "");
        assert_eq!(rested(pools(), &told(full(), 120, ONE, "")), Some(secs(60)));
        let cycle = [("outcome", "done")];
        let late = told(full(), 120, ONE, "").add(721, "control", "prebuilds.cycle", &cycle);
        assert_eq!(rested(pools(), &late), None);
        assert_eq!(rested(pools(), &told(late, 722, ALL, "")), Some(secs(60)));
    }

    #[test]
    fn while_building_ahead_is_paused_the_pools_are_as_they_are_to_be() {
        // The control plane began anew before the pause, so it has no pool of which it could tell that it is paused.
        let paused = || told(Log::new(), 60, NONE, "").add(90, "control", "prebuilds.paused", &[("by", "root")]);
        assert_eq!(rested(pools(), &paused()), Some(secs(90)));
        let resumed = || paused().add(120, "control", "prebuilds.resumed", &[("by", "root")]);
        assert_eq!(rested(pools(), &resumed()), None);
        assert_eq!(rested(pools(), &told(resumed(), 180, ALL, "")), Some(secs(180)));
    }

    #[test]
    fn what_two_daemons_were_at_may_never_be_ready() {
        let queued = [("build", "build#1"), ("ws", "ws#1"), ("number", "1"), ("transition", "start"), ("job", "job#1")];
        let created = [("ws", "ws#1"), ("preset", "vm/p"), ("version", "v1")];
        let begun =
            || Log::new().add(50, "control", "build.queued", &queued).add(50, "control", "prebuild.created", &created);
        let unready = ["2", "2", "1", "0"];
        assert_eq!(rested(pools(), &told(begun(), 120, unready, "")), None);
        let returned = begun().add(70, "control", "job.returned", &[("job", "job#1")]);
        assert_eq!(rested(pools(), &told(returned, 120, unready, "")), Some(secs(120)));
    }

    #[test]
    fn what_is_told_to_be_left_alone_is_at_rest() {
        assert_eq!(rested(pools(), &told(Log::new(), 60, NONE, "hard_limited")), Some(secs(60)));
        let mut without = pools();
        without.wanted.without_daemon.insert("vm".to_owned());
        assert_eq!(rested(without, &told(Log::new(), 60, ["0", "2", "0", "2"], "")), Some(secs(60)));
        let mut unready = pools();
        unready.wanted.never_ready.insert("vm".to_owned());
        assert_eq!(rested(unready, &told(Log::new(), 60, ["2", "2", "0", "0"], "")), Some(secs(60)));
        for event in ["template.deleted", "template.deprecated"] {
            let gone = told(Log::new(), 60, NONE, "").add(70, "control", event, &[("template", "vm")]);
            assert_eq!(rested(pools(), &gone), Some(Duration::ZERO), "{event}");
        }
        let next = [("template", "vm"), ("name", "v2")];
        let old = told(Log::new(), 60, NONE, "").add(70, "control", "version.activated", &next);
        assert_eq!(rested(pools(), &old), Some(Duration::ZERO));
        // What is told a moment later was looked at a moment before.
        assert_eq!(rested(pools(), &told(old, 71, NONE, "")), Some(Duration::ZERO));
        let deprecated = Log::new().add(50, "control", "template.deprecated", &[("template", "vm")]);
        assert_eq!(rested(pools(), &told(deprecated.clone(), 60, NONE, "")), Some(Duration::ZERO));
        let restored = deprecated.add(55, "control", "template.restored", &[("template", "vm")]);
        assert_eq!(rested(pools(), &told(restored, 60, NONE, "")), None);
    }

    #[test]
    fn pools_at_which_nobody_looks_are_no_rest() {
        let log = told(Log::new(), 60, ALL, "").add(361, "control", "job.updated", &[]);
        assert_eq!(rested(pools(), &log), None);
        let paused = told(Log::new(), 60, ALL, "").add(120, "control", "prebuilds.cycle", &[("outcome", "paused")]);
        assert_eq!(rested(pools(), &paused.add(361, "control", "job.updated", &[])), Some(secs(60)));
        let busy = told(Log::new(), 60, ALL, "").add(361, "control", "prebuilds.cycle", &[("outcome", "busy")]);
        assert_eq!(rested(pools(), &busy), None);
    }

    #[test]
    fn jobs_become_somebodys_with_the_claim() {
        let mut pools = pools();
        let queued = [("ws", "ws#1"), ("job", "job#1")];
        let log = Log::new().add(1, "control", "build.queued", &queued);
        let log = log.add(1, "control", "prebuild.created", &[("ws", "ws#1")]);
        let log = log.add(1, "control", "job.completed", &[("job", "job#1")]);
        let log = log.add(2, "control", "build.queued", &[("ws", "ws#1"), ("job", "job#2")]);
        let log = log.add(2, "control", "workspace.claimed", &[("ws", "ws#1")]);
        let changed: Vec<_> = log.records.iter().filter_map(|record| pools.observe(record)).collect();
        assert!(matches!(&changed[0], Changed::Ahead { jobs } if jobs == &["job#1"]));
        assert!(matches!(&changed[1], Changed::Claimed { jobs } if jobs == &["job#2"]));
        assert!(!pools.is_ahead("ws#1"));
    }
}
