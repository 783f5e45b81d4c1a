//! Runs a scenario with a seed, and judges the run.

use std::{cell::RefCell, rc::Rc, time::Duration};

use groundhog_sim::{Config, Engine, Record, Recording, Violation, simulate};

pub use crate::cast::config;
use crate::{
    cast::{self, Cast, CastError},
    expect::judge,
    invariants::{self, Bounds, Invariant},
    scenario::{Action, AppFailure, JobAtShutdown, Scenario, Step, USERS, machine},
    settle::{self, UnderWay},
};

/// What became of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What went wrong, in the order in which it was noticed. Nothing: the run passed.
    pub violations: Vec<Violation>,
    /// Everything that happened, quiet records too.
    pub records: Vec<Record>,
    /// How much virtual time the run took.
    pub virtual_time: Duration,
    /// When the world came to rest; none if it had not by the end.
    pub rested: Option<Duration>,
    /// The digest of the log's text.
    pub log_digest: String,
    /// The digest of every step; empty on an engine that does not count its steps.
    pub trace_digest: String,
}

impl Report {
    /// Whether nothing went wrong.
    pub fn passed(&self) -> bool {
        self.violations.is_empty()
    }

    /// The lines of the event log, without the quiet records.
    pub fn log(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.loudness != groundhog_sim::Loudness::Quiet)
    }
}

/// The rule that is broken when the world does not come to rest.
pub const LIVENESS: &str = "liveness";

/// The rule that is broken when what is built ahead does not come to what is wanted.
pub const POOL_SETTLES: &str = "pool-settles";

/// The rule that is broken when an expectation of the scenario does not hold.
pub const EXPECTATION: &str = "expectation";

/// The rule that is broken when a scenario can't be put on the stage.
pub const CASTING: &str = "casting";

/// The rule that is broken when an engine does not do what a scenario asks of it.
pub const UNSUPPORTED: &str = "unsupported";

/// Runs `scenario` with `seed` to its end.
pub fn run(scenario: &Scenario, seed: u64) -> Report {
    stage(cast::config(scenario, seed), scenario, seed).0
}

/// As [`run`], with every step recorded. It takes longer; nothing else is different.
pub fn recorded(scenario: &Scenario, seed: u64) -> (Report, Recording) {
    let config = Config { record: true, ..cast::config(scenario, seed) };
    let (report, recording) = stage(config, scenario, seed);
    (report, recording.unwrap_or_default())
}

fn stage(config: Config, scenario: &Scenario, seed: u64) -> (Report, Option<Recording>) {
    simulate(config, |world| {
        let report = perform(scenario, seed, world);
        let trace_digest = world.trace_digest().to_string();
        (Report { trace_digest, ..report }, world.take_recording())
    })
}

/// Plays `scenario` on `engine`, on which nothing has been played yet, and judges what came of it. The seed is only told.
pub fn perform(scenario: &Scenario, seed: u64, engine: &mut dyn Engine) -> Report {
    let (mut violations, mut rested) = (Vec::new(), None);
    let cast = match not_for_a_real_machine(scenario) {
        Some(why) if engine.folder().is_some() => Err(CastError::Unsupported(why)),
        _ => cast::cast(scenario, engine),
    };
    match &cast {
        Ok(cast) => rested = play(scenario, engine, cast, &mut violations),
        Err(error) => violations.push(could_not_cast(error)),
    }
    let records = engine.journal().take_records();
    // A story that was not played meets no expectation, and that is not what went wrong.
    if cast.is_ok() {
        violations.extend(unmet(scenario, &records));
    }
    let mut all = engine.journal().violations();
    all.append(&mut violations);
    Report {
        seed,
        violations: all,
        records,
        virtual_time: engine.now(),
        rested,
        log_digest: engine.journal().digest().to_string(),
        trace_digest: String::new(),
    }
}

/// Why `scenario` is not played on a real machine; none if it is.
pub fn not_for_a_real_machine(scenario: &Scenario) -> Option<String> {
    let why = "a real machine plays a story only if its file says `live = true`: say so if the story is short and nothing \
               goes wrong in it that only a simulator can cause, or run it on another engine";
    (!scenario.live).then(|| why.to_owned())
}

fn could_not_cast(error: &CastError) -> Violation {
    let rule = if let CastError::Unsupported(_) = error { UNSUPPORTED } else { CASTING };
    Violation { rule: rule.to_owned(), message: error.to_string(), at: Duration::ZERO, record: None }
}

/// Plays the story from beginning to end. Tells when the world came to rest.
fn play(scenario: &Scenario, world: &mut dyn Engine, cast: &Cast, violations: &mut Vec<Violation>) -> Option<Duration> {
    let bounds = Bounds::of(scenario);
    let bounds = if world.calm().is_some() { bounds.in_real_time() } else { bounds };
    let invariants = Rc::new(RefCell::new(invariants::all(&bounds)));
    let under_way = Rc::new(RefCell::new(UnderWay::of(scenario)));
    watch(world, &invariants, &under_way);
    let deadline = settle::deadline(scenario);
    for moment in Moment::all(scenario) {
        world.run_until(moment.at());
        match moment {
            Moment::Step(step) => act(world, cast, &step.action),
            Moment::OutageEnds { machine, app, how, .. } => cast.outages.end(&machine, app, how),
        }
    }
    let over = match world.calm() {
        Some(calm) => run_until_over(world, scenario, &under_way, calm),
        None => scenario.ends_at_rest && run_until_rest(world, scenario, &under_way, settle::CALM),
    };
    if !over {
        world.run_until(deadline);
        if let Some(what) = under_way.borrow().describe() {
            let settle = scenario.settle;
            let message = format!("the world has not settled {settle:?} after its last step or fault: {what}");
            violations.push(Violation { rule: LIVENESS.to_owned(), message, at: world.now(), record: None });
        }
        if let Some(what) = under_way.borrow().describe_pools() {
            let settle = scenario.settle;
            let message =
                format!("what is built ahead has not settled {settle:?} after the last step or fault: {what}");
            violations.push(Violation { rule: POOL_SETTLES.to_owned(), message, at: world.now(), record: None });
        }
        world.run_until(scenario.duration);
    }
    for invariant in invariants.borrow_mut().iter_mut() {
        // One thing that is broken is told at a time.
        violations
            .extend(std::iter::from_fn(|| invariant.finish(world.now())).map(|broken| broken_at(broken, world.now())));
    }
    under_way.borrow().rested()
}

/// Runs on until the world has been at rest for `calm` after the last step and fault and every expectation is met, or the
/// story's time is up. False if the world has not come to rest by the time by which it must.
fn run_until_over(world: &mut dyn Engine, scenario: &Scenario, under_way: &RefCell<UnderWay>, calm: Duration) -> bool {
    while run_until_rest(world, scenario, under_way, calm) {
        let is_met = unmet(scenario, &world.journal().records()).is_empty();
        if is_met || world.now() >= scenario.duration {
            return true;
        }
    }
    false
}

/// Runs on until the world has been at rest for `calm` after the last step and fault. False if it has not come to that by
/// the time by which it must.
fn run_until_rest(world: &mut dyn Engine, scenario: &Scenario, under_way: &RefCell<UnderWay>, calm: Duration) -> bool {
    let (deadline, story_end) = (settle::deadline(scenario), settle::story_end(scenario));
    let mut look_at = story_end.max(world.now());
    loop {
        look_at += calm;
        if look_at > deadline {
            return false;
        }
        world.run_until(look_at);
        let rested = under_way.borrow().rested();
        if let Some(since) = rested {
            let over_at = since.max(story_end) + calm;
            if over_at <= look_at {
                return true;
            }
            // The next look is the one that may be the last.
            look_at = over_at - calm;
        }
    }
}

type Invariants = Rc<RefCell<Vec<Box<dyn Invariant>>>>;

/// Shows every record to the invariants and to what watches over liveness, as it is made.
fn watch(world: &mut dyn Engine, invariants: &Invariants, under_way: &Rc<RefCell<UnderWay>>) {
    for index in 0..invariants.borrow().len() {
        let invariants = invariants.clone();
        world.observe(move |record| {
            let broken = invariants.borrow_mut()[index].observe(record)?;
            Some(broken_at(broken, record.at))
        });
    }
    let under_way = under_way.clone();
    world.observe(move |record| {
        under_way.borrow_mut().observe(record);
        None
    });
}

fn broken_at(broken: invariants::Violation, at: Duration) -> Violation {
    Violation { rule: broken.id.to_owned(), message: broken.message, at, record: Some(broken.ordinal) }
}

/// Something that happens at its time in the story.
enum Moment<'a> {
    Step(&'a Step),
    /// An app that was broken is mended.
    OutageEnds {
        at: Duration,
        machine: String,
        app: &'a str,
        how: AppFailure,
    },
}

impl<'a> Moment<'a> {
    /// All of them, in the order of time; what ends at an instant comes after what happens at it.
    fn all(scenario: &'a Scenario) -> Vec<Self> {
        let ends = scenario.steps.iter().filter_map(|step| match &step.action {
            Action::AppOutage { workspace, agent, app, lasts, how } => Some(Self::OutageEnds {
                at: step.at.saturating_add(*lasts),
                machine: machine(workspace, agent),
                app,
                how: *how,
            }),
            _ => None,
        });
        let ends = ends.filter(|end| end.at() <= scenario.duration);
        let mut all: Vec<Self> = scenario.steps.iter().map(Self::Step).chain(ends).collect();
        all.sort_by_key(Self::at);
        all
    }

    fn at(&self) -> Duration {
        match self {
            Self::Step(step) => step.at,
            Self::OutageEnds { at, .. } => *at,
        }
    }
}

/// Takes a step of the story.
fn act(world: &dyn Engine, cast: &Cast, action: &Action) {
    if let Action::ShutdownProvisioner { name, job } = action {
        // A daemon that has not started, or is down, has nothing to shut down.
        if let (Ok(host), Some(daemon)) = (world.handle(name), cast.daemons.get(name)) {
            let job = *job;
            let shutdown = async move {
                match job {
                    JobAtShutdown::Finishes => daemon.shutdown(false).await,
                    JobAtShutdown::IsCanceled => daemon.shutdown(true).await,
                    JobAtShutdown::IsDropped => daemon.close().await,
                }
            };
            host.spawn("shutdown", shutdown).detach();
        }
    } else if let Action::AppOutage { workspace, agent, app, how, .. } = action {
        cast.outages.begin(&machine(workspace, agent), app, *how);
    } else if let Action::OpenTunnel(tunnel) = action {
        // A laptop that is down opens nothing.
        if let Ok(laptop) = world.handle(&tunnel.name) {
            let id = cast.unnamed.id(world, &tunnel.workspace);
            cast.laptops.open(&laptop, &tunnel.name, id.as_ref());
        }
    } else if let Action::CallTool(call) = action {
        // An assistant that is down is told nothing.
        if let Ok(host) = world.handle(&call.on) {
            cast.assistants.call(&host, call);
        }
    } else if let Action::InterruptTunnel { name } = action {
        cast.laptops.interrupt(name);
    } else if let Ok(host) = world.handle(USERS) {
        let id = action.workspace().and_then(|workspace| cast.unnamed.id(world, workspace));
        cast.people.act(&host, action, id.as_ref());
    }
}

/// The expectations that the run did not meet.
fn unmet(scenario: &Scenario, records: &[Record]) -> Vec<Violation> {
    let judged = scenario.expectations.iter().filter_map(|expectation| judge(expectation, records).err());
    judged
        .map(|unmet| {
            let nearest = unmet.nearest.and_then(|index| records.get(index));
            Violation {
                rule: EXPECTATION.to_owned(),
                message: unmet.to_string(),
                at: nearest.map_or(scenario.duration, |record| record.at),
                record: nearest.map(|record| record.ordinal),
            }
        })
        .collect()
}
