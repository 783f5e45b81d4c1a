//! `groundhog check`: proves that a run depends on its scenario and seed alone.
//!
//! Every run is made twice in this process and once in another, and the digests of all three must be equal. Only
//! where they are not is anything recorded: that costs time and memory.
//!
//! - `elsewhere`: the other process, from both sides.
//! - `mismatch`: what is found out about a run whose digests differ.
//! - `seam`: what went past the seam, and who may.
//! - `text`, `json`: how it is told, to people and to programs.

pub mod elsewhere;
mod json;
mod mismatch;
mod seam;
mod text;

use std::{
    fs,
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
};

use groundhog_sim::Recording;
use groundhog_stage::{
    diagnostic::{Diagnostic, Diagnostics},
    run as stage,
    scenario::Scenario,
};
use indicatif::ProgressBar;

use self::{
    elsewhere::{Digests, Elsewhere, Request},
    mismatch::Mismatch,
    seam::PastTheSeam,
};
use super::{
    run::{began, progress},
    scenarios::{self, Loaded},
};
use crate::{
    arguments::{CheckArguments, Format},
    exit::Exit,
    pool,
};

/// How many runs that differ are looked into. Each takes a process of its own, and they mostly have one cause.
const MISMATCHES_MAX: usize = 3;

/// How many runs are checked at once: the digests of all are kept to the end.
const RUNS_MAX: u64 = 1_000_000;

/// Checks what `arguments` name.
pub fn run(arguments: &CheckArguments) -> io::Result<Exit> {
    let loaded = match scenarios::load(&arguments.paths, arguments.format)? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    let seeds = arguments.seeds.end - arguments.seeds.start;
    if seeds.saturating_mul(loaded.len() as u64) > RUNS_MAX {
        let message = format!("expected at most {RUNS_MAX} runs: give fewer seeds, or fewer scenarios");
        let mistake = Diagnostics::new("--seeds", "", vec![Diagnostic::new("too-many-runs", message)]);
        scenarios::tell(&mistake, arguments.format)?;
        return Ok(Exit::BadInput);
    }
    if layout_is_fixed() {
        anstream::eprintln!(
            "note: this system gives every process the same address layout: addresses are moved a little"
        );
    }
    let jobs = arguments.jobs.unwrap_or_else(pool::default_jobs);
    let plan = Plan { seeds: arguments.seeds.clone().collect(), loaded, plans: arguments.plans };
    let progress = progress(plan.runs());
    let began = began();
    let checked = plan.check(jobs, &progress);
    progress.finish_and_clear();
    let checked = checked?;
    let told = match arguments.format {
        Format::Text => text::tell(&mut anstream::stdout().lock(), &checked),
        Format::Json => json::tell(&mut io::stdout().lock(), &checked),
    };
    // Real time is no result: what stands on standard output is the same, byte for byte, every time. That it can't
    // be told does not change the outcome.
    let seconds = began.elapsed().as_secs_f64();
    let rate = plan.runs() as f64 / seconds / jobs.get().min(plan.count()) as f64;
    let _ = writeln!(anstream::stderr(), "{seconds:.2} s, {rate:.0} runs per second and job");
    match told {
        // A reader that has seen enough does not undo a failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe || checked.passed() => Err(error),
        _ => Ok(if checked.passed() { Exit::Good } else { Exit::Failed }),
    }
}

/// Whether the kernel does not shuffle this process's addresses: then one that is used as an id might be the same
/// in both processes, and not be found.
fn layout_is_fixed() -> bool {
    /// `ADDR_NO_RANDOMIZE` of Linux.
    const FIXED: u32 = 0x004_0000;
    let personality = fs::read_to_string("/proc/self/personality").unwrap_or_default();
    let personality = u32::from_str_radix(personality.trim(), 16).unwrap_or(0);
    let everywhere = fs::read_to_string("/proc/sys/kernel/randomize_va_space").unwrap_or_default();
    personality & FIXED != 0 || everywhere.trim() == "0"
}

/// Which runs are checked.
struct Plan {
    loaded: Vec<Loaded>,
    seeds: Vec<u64>,
    /// Whether plans are drawn of the scenarios, as a campaign does.
    plans: bool,
}

/// One run and what became of it.
struct Checked {
    scenario: String,
    path: String,
    seed: u64,
    /// Twice here, then elsewhere; for a scenario's first seed also while it was recorded.
    digests: Vec<Digests>,
    mismatch: Option<Mismatch>,
}

impl Checked {
    fn equal(&self) -> bool {
        self.digests.windows(2).all(|pair| pair[0] == pair[1])
    }
}

/// All runs, in order, and what went past the seam in them.
struct All {
    runs: Vec<Checked>,
    seeds_each: usize,
    past_the_seam: Vec<PastTheSeam>,
}

impl All {
    fn passed(&self) -> bool {
        self.runs.iter().all(Checked::equal) && !self.past_the_seam.iter().any(PastTheSeam::is_failure)
    }
}

impl Plan {
    fn count(&self) -> usize {
        self.loaded.len() * self.seeds.len()
    }

    /// How many runs are made for that: each three times, and the first of each scenario recorded.
    fn runs(&self) -> usize {
        self.count() * 3 + self.loaded.len()
    }

    /// Scenario by scenario, and within each by seed.
    fn run(&self, number: usize) -> (&Loaded, u64) {
        (&self.loaded[number / self.seeds.len()], self.seeds[number % self.seeds.len()])
    }

    fn story(&self, loaded: &Loaded, seed: u64) -> Scenario {
        elsewhere::story(&loaded.file, seed, self.plans)
    }

    fn request(&self, number: usize) -> io::Result<Request> {
        let (loaded, seed) = self.run(number);
        // The other process works in another folder.
        Ok(Request { path: std::path::absolute(&loaded.entry.path)?, seed, plan: self.plans })
    }

    fn check(&self, jobs: NonZeroUsize, progress: &ProgressBar) -> io::Result<All> {
        let count = self.count();
        // Backwards, so that no run has the same ones before it in both processes.
        let requests: Vec<_> = (0..count).rev().map(|number| self.request(number)).collect::<io::Result<_>>()?;
        let mut there = Vec::with_capacity(count);
        for digests in Elsewhere::start(&requests, jobs, false)?.digests(count) {
            there.push(digests?);
            progress.inc(1);
        }
        there.reverse();
        let mut here = Vec::with_capacity(2 * count);
        let work = |number: usize| {
            let (loaded, seed) = self.run(number % count);
            Digests::of(&stage::run(&self.story(loaded, seed), seed))
        };
        let take = |digests| -> io::Result<()> {
            here.push(digests);
            progress.inc(1);
            Ok(())
        };
        pool::in_order(2 * count, jobs, work, take)?;
        let mut runs: Vec<_> = there
            .into_iter()
            .enumerate()
            .map(|(number, there)| {
                let (loaded, seed) = self.run(number);
                Checked {
                    scenario: loaded.entry.name.clone(),
                    path: loaded.entry.path.display().to_string(),
                    seed,
                    digests: vec![here[number].clone(), here[count + number].clone(), there],
                    mismatch: None,
                }
            })
            .collect();
        let past_the_seam = self.watch(jobs, progress, &mut runs)?;
        self.look_into(&mut runs)?;
        Ok(All { runs, seeds_each: self.seeds.len(), past_the_seam })
    }

    /// Runs the first seed of each scenario recorded, for what goes past the seam.
    fn watch(&self, jobs: NonZeroUsize, progress: &ProgressBar, runs: &mut [Checked]) -> io::Result<Vec<PastTheSeam>> {
        let mut found = Vec::new();
        let work = |number: usize| {
            let seed = self.seeds[0];
            let (report, recording) = stage::recorded(&self.story(&self.loaded[number], seed), seed);
            (number, Digests::of(&report), recording.bypasses().to_vec())
        };
        pool::in_order(self.loaded.len(), jobs, work, |(number, digests, bypasses)| -> io::Result<()> {
            runs[number * self.seeds.len()].digests.push(digests);
            found.push((self.loaded[number].entry.name.clone(), bypasses));
            progress.inc(1);
            Ok(())
        })?;
        Ok(seam::gather(found))
    }

    /// Finds out where the runs part whose digests differ.
    fn look_into(&self, runs: &mut [Checked]) -> io::Result<()> {
        let differing = runs.iter_mut().enumerate().filter(|(_, checked)| !checked.equal());
        for (number, checked) in differing.take(MISMATCHES_MAX) {
            let (loaded, seed) = self.run(number);
            let here = || stage::recorded(&self.story(loaded, seed), seed).1;
            let request = self.request(number)?;
            let there = || -> io::Result<Recording> {
                Elsewhere::start(std::slice::from_ref(&request), pool::default_jobs(), true)?.recording()
            };
            checked.mismatch = Some(mismatch::look_into(&checked.digests, here, there)?);
        }
        Ok(())
    }
}

/// A folder that is not the one this program works in.
fn other_folder() -> PathBuf {
    PathBuf::from("/")
}
