//! The same scenario on several engines: on which of them it holds, and where their logs differ as partial orders.
//!
//! - `text`, `json`: how it is told, to people and to programs.

mod json;
mod text;

use std::{io, time::Duration};

use groundhog_engines::Kind;
use groundhog_stage::{
    orders::{self, Difference},
    run,
};

use super::{
    Plan, Refusals,
    engine::{self, Played, UNMARKED},
    jobs,
    outcome::{self, Outcome},
    progress,
};
use crate::{
    arguments::{Format, RunArguments},
    commands::scenarios::{self, Loaded},
    exit::Exit,
    pool,
};

/// How many more seeds are run on leap to see what is open there, where another engine does not do what leap did. They
/// take about as long as one run on another engine.
const SEEDS_MORE: u64 = 16;

/// What came of one scenario.
struct Compared {
    scenario: String,
    path: String,
    seed: u64,
    /// One for each engine, in their order.
    outcomes: Vec<Outcome>,
    /// One for each engine that played it but the first.
    orders: Vec<Orders>,
}

/// In what the logs of two engines differ.
struct Orders {
    engines: [Kind; 2],
    differences: Vec<Difference>,
}

impl Compared {
    fn failed(&self) -> bool {
        self.outcomes.iter().any(Outcome::failed)
    }

    /// Whether it holds on one engine and fails on another.
    fn disagrees(&self) -> bool {
        self.failed() && self.outcomes.iter().any(Outcome::passed)
    }

    /// Whether no engine played it.
    fn is_skipped(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.refused.is_some())
    }

    fn differences(&self) -> usize {
        self.orders.iter().map(|orders| orders.differences.len()).sum()
    }

    /// The command line that makes it again.
    fn replay(&self) -> String {
        let engines: Vec<_> = self.outcomes.iter().map(|outcome| outcome.engine).collect();
        outcome::replay(&self.path, &engines, self.seed)
    }
}

/// Tells of scenarios, one after another, and of all of them at the end.
trait Tell {
    fn tell(&mut self, compared: &Compared) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
}

/// Plays what is planned on each of the engines, of which there are several.
pub(super) fn run(plan: &Plan<'_>, engines: &[Kind], arguments: &RunArguments) -> io::Result<Exit> {
    let progress = progress(plan.count());
    let mut teller: Box<dyn Tell> = match arguments.format {
        Format::Text => Box::new(text::Teller::new(engines, plan.runs_each > 1, arguments.orders)),
        Format::Json => Box::new(json::Teller),
    };
    let mut refusals: Vec<_> = engines.iter().map(|engine| (*engine, Refusals::default())).collect();
    let mut failed = false;
    let work = |number: usize| {
        let (loaded, seed) = plan.run(number);
        compare(loaded, engines, seed)
    };
    let told = pool::in_order(plan.count(), jobs(arguments, engines), work, |compared| {
        let compared = compared?;
        failed |= compared.failed();
        for (outcome, (_, refusals)) in std::iter::zip(&compared.outcomes, &mut refusals) {
            refusals.count(outcome);
        }
        progress.inc(1);
        progress.suspend(|| teller.tell(&compared))
    });
    progress.finish_and_clear();
    match told.and_then(|()| teller.end()) {
        // A reader that has seen enough does not undo a failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe || !failed => return Err(error),
        _ if failed => return Ok(Exit::Failed),
        _ => {}
    }
    // Live is the last, and what is not marked for it is played on none.
    match refusals.iter().rfind(|(_, refusals)| refusals.are_all()) {
        None => Ok(Exit::Good),
        Some((engine, refusals)) => {
            scenarios::tell(&refusals.mistake(*engine), arguments.format)?;
            Ok(Exit::BadInput)
        }
    }
}

fn compare(loaded: &Loaded, engines: &[Kind], seed: u64) -> io::Result<Compared> {
    // What is not marked is not what is asked for, even if other engines could play it.
    let unmarked = engines.contains(&Kind::Live) && !loaded.file.scenario.live;
    let mut all = Vec::with_capacity(engines.len());
    for engine in engines {
        let began = super::began();
        let played = if unmarked { Played::Refused(UNMARKED.to_owned()) } else { engine::play(*engine, loaded, seed)? };
        all.push((*engine, played, began.elapsed()));
    }
    let outcome = |(engine, played, wall_time): &(Kind, Played, Duration)| Outcome {
        wall_time: *wall_time,
        ..Outcome::of(loaded, *engine, seed, played)
    };
    Ok(Compared {
        scenario: loaded.entry.name.clone(),
        path: loaded.entry.path.display().to_string(),
        seed,
        outcomes: all.iter().map(outcome).collect(),
        orders: orders_of(loaded, seed, &all),
    })
}

/// Holds each log against the first.
fn orders_of(loaded: &Loaded, seed: u64, all: &[(Kind, Played, Duration)]) -> Vec<Orders> {
    let judged = |(engine, played, _): &'_ (Kind, Played, Duration)| match played {
        Played::Judged(report) => Some((*engine, report.records.clone())),
        Played::Refused(_) => None,
    };
    let mut judged = all.iter().filter_map(judged);
    let Some((first, records)) = judged.next() else { return Vec::new() };
    let mut logs = vec![records];
    let compared = judged.map(|(engine, records)| {
        let differences = |logs: &[Vec<_>]| {
            let logs: Vec<_> = logs.iter().map(Vec::as_slice).collect();
            orders::compare(&logs, &records)
        };
        let mut found = differences(&logs);
        if !found.is_empty() && first == Kind::Leap {
            if logs.len() == 1 {
                let seeds = (1..=SEEDS_MORE).map(|more| seed.wrapping_add(more));
                logs.extend(seeds.map(|seed| run::run(&loaded.file.scenario, seed).records));
            }
            found = differences(&logs);
        }
        Orders { engines: [first, engine], differences: found }
    });
    compared.collect()
}
