//! How far a campaign has come, on standard error.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use groundhog_sim::campaign::Tally;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often it is told where there is no terminal to keep a line on.
const EVERY: Duration = Duration::from_secs(10);

pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    began: Instant,
    /// How many times [`EVERY`] it has been told.
    told: u64,
}

impl Progress {
    pub(super) fn new(runs: Option<u64>, began: Instant) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target = if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(runs, target);
        let template = if runs.is_some() { "{bar:30} {pos}/{len} runs  {msg}" } else { "{spinner} {pos} runs  {msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, is_terminal, began, told: 0 }
    }

    /// Lets something else be said.
    pub(super) fn suspend<T>(&self, say: impl FnOnce() -> T) -> T {
        self.bar.suspend(say)
    }

    pub(super) fn tell(&mut self, tally: &Tally) {
        self.bar.set_position(tally.runs);
        let elapsed = self.began.elapsed();
        if self.is_terminal {
            self.bar.set_message(state(tally, elapsed));
        } else if elapsed.as_secs() / EVERY.as_secs() > self.told {
            self.told = elapsed.as_secs() / EVERY.as_secs();
            anstream::eprintln!("{} s: {} runs  {}", elapsed.as_secs(), tally.runs, state(tally, elapsed));
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// How fast it was.
    pub(super) fn rate(&self, tally: &Tally, jobs: NonZeroUsize) {
        let seconds = self.began.elapsed().as_secs_f64();
        let (runs, virtual_seconds) = (tally.runs as f64 / seconds, tally.virtual_time().as_secs_f64() / seconds);
        anstream::eprintln!(
            "{seconds:.1} s with {jobs} jobs: {runs:.1} seeds per second, {virtual_seconds:.0} virtual seconds per second"
        );
    }
}

fn state(tally: &Tally, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for (signature, finding) in &tally.findings {
        *by_rule.entry(signature.rule()).or_default() += finding.runs;
    }
    let failures: Vec<String> = by_rule.iter().map(|(rule, runs)| format!("{rule} {runs}")).collect();
    let failures = if failures.is_empty() { "no failure".to_owned() } else { failures.join(", ") };
    format!(
        "{:.0}/s, {:.0} virtual s/s; {failures}; seen {} events, {} states, {} faults",
        tally.runs as f64 / seconds,
        tally.virtual_time().as_secs_f64() / seconds,
        tally.events.len(),
        tally.states.len(),
        tally.faults.len(),
    )
}
