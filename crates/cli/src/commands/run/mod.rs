//! `groundhog run`: runs scenarios and judges them.
//!
//! - `outcome`: one run, with what is needed to tell of it.
//! - `text`, `json`: how it is told, to people and to programs.

mod json;
mod outcome;
pub(super) mod text;

use std::{
    io::{self, IsTerminal},
    ops::Range,
    time::Instant,
};

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
    let loaded = match scenarios::load(&arguments.paths, arguments.format)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let plan = Plan::new(&loaded, arguments);
    let jobs = arguments.jobs.unwrap_or_else(pool::default_jobs);
    let progress = progress(plan.count());
    let began = began();
    let mut teller: Box<dyn Tell> = match arguments.format {
        Format::Text => Box::new(text::Teller::new(plan.runs_each, arguments.log)),
        Format::Json => Box::new(json::Teller::new(arguments.log)),
    };
    let mut failures = 0;
    let work = |number: usize| {
        let (loaded, seed) = plan.run(number);
        outcome::run(loaded, seed, arguments)
    };
    let told = pool::in_order(plan.count(), jobs, work, |outcome| {
        failures += usize::from(!outcome.passed());
        progress.inc(1);
        progress.suspend(|| teller.tell(&outcome))
    });
    progress.finish_and_clear();
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
