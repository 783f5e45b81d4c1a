//! `groundhog run`: runs scenarios and judges them.
//!
//! - `engine`: on what a scenario is played.
//! - `outcome`: one run, with what is needed to tell of it.
//! - `text`, `json`: how it is told, to people and to programs.
//! - `side_by_side`: the same on several engines, and what they do not have in common.

mod engine;
mod json;
mod outcome;
mod side_by_side;
pub(super) mod text;

use std::{
    io::{self, IsTerminal},
    num::NonZeroUsize,
    ops::Range,
    time::Instant,
};

use groundhog_engines::Kind;
use groundhog_stage::diagnostic::{Diagnostic, Diagnostics};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::outcome::Outcome;
use super::scenarios::{self, Loaded};
use crate::{
    arguments::{Format, RunArguments},
    exit::Exit,
    pool,
};

/// Runs what `arguments` name.
pub fn run(arguments: &RunArguments) -> io::Result<Exit> {
    let engines = match arguments.engines() {
        Ok(engines) => engines,
        Err(error) => {
            error.print()?;
            return Ok(Exit::BadInput);
        }
    };
    let loaded = match scenarios::load(&arguments.paths, arguments.format)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let plan = Plan::new(&loaded, arguments);
    let [engine] = engines[..] else { return side_by_side::run(&plan, &engines, arguments) };
    let jobs = jobs(arguments, &engines);
    let progress = progress(plan.count());
    let began = began();
    let mut teller: Box<dyn Tell> = match arguments.format {
        Format::Text => Box::new(text::Teller::new(engine, plan.runs_each, arguments.log)),
        Format::Json => Box::new(json::Teller::new(arguments.log)),
    };
    let (mut failures, mut refusals) = (0, Refusals::default());
    let work = |number: usize| {
        let (loaded, seed) = plan.run(number);
        outcome::run(loaded, engine, seed, arguments)
    };
    let told = pool::in_order(plan.count(), jobs, work, |outcome| {
        let outcome = outcome?;
        failures += usize::from(outcome.failed());
        refusals.count(&outcome);
        progress.inc(1);
        progress.suspend(|| teller.tell(&outcome))
    });
    progress.finish_and_clear();
    if told.is_ok() && refusals.are_all() {
        scenarios::tell(&refusals.mistake(engine), arguments.format)?;
        return Ok(Exit::BadInput);
    }
    match told.and_then(|()| teller.end(began.elapsed(), jobs.get().min(plan.count()))) {
        // A reader that has seen enough does not undo a failure: `groundhog run | head` still ends with it.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe || failures == 0 => Err(error),
        _ => Ok(if failures == 0 { Exit::Good } else { Exit::Failed }),
    }
}

/// Tells of runs, one after another, and of all of them at the end.
trait Tell {
    fn tell(&mut self, outcome: &Outcome) -> io::Result<()>;
    fn end(&mut self, wall_time: std::time::Duration, jobs: usize) -> io::Result<()>;
}

/// How many runs at once. Live ones one by one: each has the whole machine for itself, so that what is waited for is not
/// late because of another.
fn jobs(arguments: &RunArguments, engines: &[Kind]) -> NonZeroUsize {
    let asked = arguments.jobs.unwrap_or_else(pool::default_jobs);
    if engines.contains(&Kind::Live) { NonZeroUsize::MIN } else { asked }
}

/// What an engine did not play.
#[derive(Debug, Default)]
struct Refusals {
    played: usize,
    refused: usize,
    /// Why, the first time.
    why: String,
}

impl Refusals {
    fn count(&mut self, outcome: &Outcome) {
        match &outcome.refused {
            None => self.played += 1,
            Some(why) => {
                if self.refused == 0 {
                    self.why = format!("{}: {why}", outcome.scenario);
                }
                self.refused += 1;
            }
        }
    }

    /// Whether there was something to play, and nothing was played.
    fn are_all(&self) -> bool {
        self.played == 0 && self.refused > 0
    }

    /// It as a mistake: a suite that plays nothing must not look like one that passes.
    fn mistake(&self, engine: Kind) -> Diagnostics {
        let message = format!("none of these scenarios is for the engine {engine}; {}", self.why);
        Diagnostics::new("--engine", "", vec![Diagnostic::new("nothing-to-play", message)])
    }
}

/// Which runs are to be made.
struct Plan<'a> {
    loaded: &'a [Loaded],
    /// The first seed, unless each scenario's own is meant.
    first_seed: Option<u64>,
    /// How many runs each scenario gets.
    runs_each: usize,
}

impl<'a> Plan<'a> {
    fn new(loaded: &'a [Loaded], arguments: &RunArguments) -> Self {
        let count = |seeds: &Range<u64>| usize::try_from(seeds.end - seeds.start).unwrap_or(usize::MAX);
        let first_seed = arguments.seeds.as_ref().map(|seeds| seeds.start).or(arguments.seed);
        Self { loaded, first_seed, runs_each: arguments.seeds.as_ref().map_or(1, count) }
    }

    fn count(&self) -> usize {
        self.loaded.len().saturating_mul(self.runs_each)
    }

    /// Scenario by scenario, and within each by seed.
    fn run(&self, number: usize) -> (&'a Loaded, u64) {
        let loaded = &self.loaded[number / self.runs_each];
        let seed = match self.first_seed {
            Some(first) => first + (number % self.runs_each) as u64,
            None => loaded.file.scenario.seed,
        };
        (loaded, seed)
    }
}

#[allow(clippy::disallowed_methods, reason = "how long the program takes is told in real time")]
pub(super) fn began() -> Instant {
    Instant::now()
}

/// A bar on a terminal; nothing elsewhere.
pub(super) fn progress(count: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
    if !io::stderr().is_terminal() || count < 2 {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} runs  {per_sec}  {eta} left") {
        bar.set_style(style);
    }
    bar
}
