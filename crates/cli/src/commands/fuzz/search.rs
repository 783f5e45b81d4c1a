//! Makes the runs of a campaign, in the order of their indices.

use std::{
    any::Any,
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use groundhog_sim::campaign::{Outcome, Shard, Signature, Subject, Tally, campaign_seed};
use groundhog_stage::{
    campaign::{Stories, plan},
    scenario::{Scenario, ScenarioFile},
};

use crate::{arguments::FuzzArguments, commands::run::began, pool};

/// How long a campaign lasts unless something else is said.
const TIME: Duration = Duration::from_secs(60);

/// Where the runs of a campaign come from.
pub(super) struct Search<'a> {
    families: &'a [(String, ScenarioFile)],
    campaign: &'a str,
    shard: Shard,
    jobs: NonZeroUsize,
    /// How many runs this shard has; none if time is what ends it.
    runs: Option<u64>,
    time: Option<Duration>,
}

/// Whether a run failed.
pub(super) enum Found {
    /// It passed, or failed in a way that is known.
    Nothing,
    /// It failed in a way that was not seen before.
    New(Signature),
}

/// Why a campaign ended.
pub(super) enum Stop {
    /// There was nothing more to run, or enough had been found.
    Done,
    /// The machinery broke down, as the text says.
    Broken(String),
}

/// One run.
struct Ran {
    index: u64,
    family: usize,
    seed: u64,
    plan: Scenario,
    outcome: Outcome,
}

/// Why runs come to an end.
enum End {
    Time,
    Enough,
    Broken(String),
    Failed(io::Error),
}

impl<'a> Search<'a> {
    pub(super) fn new(
        families: &'a [(String, ScenarioFile)],
        arguments: &'a FuzzArguments,
        shard: Shard,
        jobs: NonZeroUsize,
    ) -> Self {
        let time = arguments.time.or(arguments.seeds.is_none().then_some(TIME));
        let runs = arguments.seeds.map(|seeds| shard.share(seeds));
        Self { families, campaign: &arguments.campaign, shard, jobs, runs, time }
    }

    /// How many runs there are, if that is known.
    pub(super) fn runs(&self) -> Option<u64> {
        self.runs
    }

    /// Makes every run, and calls `take` with each, in order, until it says that it is enough: with what was found,
    /// all that is known after it, and its plan and what came of it.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(Found, &Tally, (&Scenario, &Outcome)) -> io::Result<bool>,
    ) -> io::Result<(Tally, Stop)> {
        let began = began();
        let count = self.runs.map_or(usize::MAX, |runs| usize::try_from(runs).unwrap_or(usize::MAX));
        let mut tally = Tally::default();
        let work = |number: usize| self.run(number as u64, began);
        let end = pool::in_order(count, self.jobs, work, |ran| {
            let ran = match ran {
                None => return Err(End::Time),
                Some(Err(message)) => return Err(End::Broken(message)),
                Some(Ok(ran)) => ran,
            };
            let name = &self.families[ran.family].0;
            let found = tally.add(ran.index, name, ran.seed, &ran.outcome).map_or(Found::Nothing, Found::New);
            match take(found, &tally, (&ran.plan, &ran.outcome)) {
                Ok(true) => Ok(()),
                Ok(false) => Err(End::Enough),
                Err(error) => Err(End::Failed(error)),
            }
        });
        match end {
            Ok(()) | Err(End::Time | End::Enough) => Ok((tally, Stop::Done)),
            Err(End::Broken(message)) => Ok((tally, Stop::Broken(message))),
            Err(End::Failed(error)) => Err(error),
        }
    }

    /// This shard's run `number`; none if the time is over.
    fn run(&self, number: u64, began: Instant) -> Option<Result<Ran, String>> {
        if self.time.is_some_and(|time| began.elapsed() >= time) {
            return None;
        }
        let index = self.shard.run(number);
        let seed = campaign_seed(self.campaign, index);
        // By the seed, not by the index: so each shard meets every family.
        let family = (seed % self.families.len() as u64) as usize;
        let (name, file) = &self.families[family];
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let plan = plan(file, seed);
            let outcome = Stories.run(&plan, seed);
            Ran { index, family, seed, plan, outcome }
        }));
        Some(ran.map_err(|panic| {
            let campaign = self.campaign;
            format!(
                "the run {index} of campaign {campaign} ({name}, seed {seed}) broke the simulator: {}",
                text(&*panic)
            )
        }))
    }
}

/// What a panic said.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without a word")
}
