//! Runs as told to people.

use std::{
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use groundhog_engines::Kind;

use super::{Outcome, Tell, engine::UNMARKED};

pub(in crate::commands) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(in crate::commands) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(in crate::commands) const FAINT: Style = Style::new().dimmed();

pub(in crate::commands) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How many failing runs of one scenario are told in full. The others are counted.
const FAILURES_SHOWN_MAX: usize = 3;

/// Runs of one scenario, told together when there are many.
#[derive(Default)]
struct Sum {
    path: String,
    runs: usize,
    failed: usize,
    refused: usize,
}

pub(super) struct Teller {
    engine: Kind,
    runs_each: usize,
    log: bool,
    sum: Sum,
    runs: usize,
    failed: usize,
    /// Scenarios that are not for the engine, for want of a mark and otherwise.
    unmarked: usize,
    refused: usize,
    virtual_time: Duration,
}

impl Teller {
    pub(super) fn new(engine: Kind, runs_each: usize, log: bool) -> Self {
        Self {
            engine,
            runs_each,
            log,
            sum: Sum::default(),
            runs: 0,
            failed: 0,
            unmarked: 0,
            refused: 0,
            virtual_time: Duration::ZERO,
        }
    }

    /// Whether each run gets a line of its own.
    fn one_by_one(&self) -> bool {
        self.runs_each == 1 || self.log
    }

    /// What the time is that a run takes by its own clock.
    fn kind_of_time(&self) -> &'static str {
        if self.engine == Kind::Live { "real" } else { "virtual" }
    }

    fn count(&mut self, outcome: &Outcome) {
        if self.sum.path != outcome.path {
            self.sum = Sum { path: outcome.path.clone(), ..Sum::default() };
        }
        if let Some(why) = &outcome.refused {
            // One scenario, however many seeds it was to have.
            let first = usize::from(self.sum.refused == 0);
            self.sum.refused += 1;
            *(if why == UNMARKED { &mut self.unmarked } else { &mut self.refused }) += first;
            return;
        }
        let failed = usize::from(outcome.failed());
        self.sum.runs += 1;
        self.sum.failed += failed;
        self.runs += 1;
        self.failed += failed;
        self.virtual_time += outcome.virtual_time;
    }
}

impl Tell for Teller {
    fn tell(&mut self, outcome: &Outcome) -> io::Result<()> {
        self.count(outcome);
        let mut out = anstream::stdout().lock();
        if let Some(why) = &outcome.refused {
            // Those without the mark are most of them, and are counted.
            if self.sum.refused > 1 || why == UNMARKED {
                return Ok(());
            }
            let verdict = styled(FAINT, "SKIP");
            return writeln!(out, "{verdict}  {:<36} not for this engine: {why}", outcome.scenario);
        }
        if self.one_by_one() {
            let verdict = if outcome.passed() { styled(GOOD, "PASS") } else { styled(BAD, "FAIL") };
            let engine = if outcome.engine == Kind::Leap { String::new() } else { format!("{}, ", outcome.engine) };
            let figures = format!(
                "{engine}seed {}, {} events, {} {}",
                outcome.seed,
                outcome.events,
                virtual_time(outcome.virtual_time),
                self.kind_of_time()
            );
            let note = outcome.note.map(|note| format!("  ({note})")).unwrap_or_default();
            writeln!(out, "{verdict}  {:<36} {}{note}", outcome.scenario, styled(FAINT, figures))?;
        }
        if let Some(log) = &outcome.log {
            write!(out, "{log}")?;
        }
        if outcome.failed() && (self.one_by_one() || self.sum.failed <= FAILURES_SHOWN_MAX) {
            failure(&mut out, outcome)?;
        }
        if !self.one_by_one() && self.sum.runs == self.runs_each {
            let verdict = if self.sum.failed == 0 { styled(GOOD, "PASS") } else { styled(BAD, "FAIL") };
            let failed = if self.sum.failed == 0 { String::new() } else { format!(", {} failed", self.sum.failed) };
            writeln!(out, "{verdict}  {:<36} {} seeds{failed}", outcome.scenario, self.sum.runs)?;
        }
        Ok(())
    }

    fn end(&mut self, wall_time: Duration, jobs: usize) -> io::Result<()> {
        let verdict = match self.failed {
            0 => styled(GOOD, "all passed"),
            failed => styled(BAD, format!("{failed} failed")),
        };
        let runs = if self.runs == 1 { "run" } else { "runs" };
        let total = format!("{} {}", virtual_time(self.virtual_time), self.kind_of_time());
        let refused = match self.refused {
            0 => String::new(),
            refused => format!(", {refused} not for this engine"),
        };
        let unmarked = match self.unmarked {
            0 => String::new(),
            unmarked => format!(", {unmarked} not marked `live = true`"),
        };
        writeln!(anstream::stdout(), "\n{} {runs}, {verdict} ({total}){refused}{unmarked}", self.runs)?;
        // Real time is no result: what stands on standard output is the same, byte for byte, every time.
        let seconds = wall_time.as_secs_f64();
        let rate = self.runs as f64 / seconds / jobs.max(1) as f64;
        writeln!(anstream::stderr(), "{seconds:.2} s, {rate:.0} runs per second and job")
    }
}

/// All that is known of a run that failed, and how to see it again.
pub(super) fn failure(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    writeln!(out)?;
    for (violation, detail) in outcome.violations.iter().zip(&outcome.details) {
        writeln!(out, "  {} {}", styled(BAD, format!("{}:", violation.rule)), violation.message)?;
        for line in detail.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out)?;
    }
    let digest = match outcome.engine {
        Kind::Leap => format!("trace {}", outcome.trace_digest),
        // There is no trace on the others.
        other => format!("{other}, log {}", outcome.log_digest),
    };
    writeln!(out, "  {}  seed {}, {digest}", outcome.scenario, outcome.seed)?;
    writeln!(out, "  replay: {} --log\n", outcome.replay())
}

/// Hours, minutes and seconds, as long as there are any.
pub(in crate::commands) fn virtual_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}
