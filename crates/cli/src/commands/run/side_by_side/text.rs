//! A scenario on several engines, as told to people.

use std::io::{self, Write};

use groundhog_engines::Kind;

use super::Compared;
use crate::commands::run::{
    engine::UNMARKED,
    outcome::Outcome,
    text::{BAD, FAINT, GOOD, failure, styled},
};

/// How many differences of a scenario are told unless all are asked for.
const DIFFERENCES_SHOWN_MAX: usize = 5;

/// How wide an engine's column is.
const COLUMN: usize = 9;

/// What became of all scenarios on one engine.
struct Sum {
    engine: Kind,
    played: usize,
    failed: usize,
}

pub(super) struct Teller {
    sums: Vec<Sum>,
    /// Whether a scenario has several seeds, each a line.
    has_seeds: bool,
    /// Whether all differences are told.
    all: bool,
    told: usize,
    unmarked: usize,
    disagree: usize,
    differ: usize,
}

impl Teller {
    pub(super) fn new(engines: &[Kind], has_seeds: bool, all: bool) -> Self {
        let sums = engines.iter().map(|engine| Sum { engine: *engine, played: 0, failed: 0 }).collect();
        Self { sums, has_seeds, all, told: 0, unmarked: 0, disagree: 0, differ: 0 }
    }

    fn count(&mut self, compared: &Compared) {
        for (outcome, sum) in std::iter::zip(&compared.outcomes, &mut self.sums) {
            sum.played += usize::from(outcome.refused.is_none());
            sum.failed += usize::from(outcome.failed());
        }
        self.disagree += usize::from(compared.disagrees());
        self.differ += usize::from(compared.differences() > 0);
    }

    fn heading(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.told += 1;
        if self.told > 1 {
            return Ok(());
        }
        write!(out, "{:<42}", "")?;
        for sum in &self.sums {
            write!(out, " {}", styled(FAINT, format!("{:<COLUMN$}", sum.engine.name())))?;
        }
        writeln!(out, " {}", styled(FAINT, "order"))
    }
}

/// What stands in an engine's column.
fn cell(outcome: &Outcome) -> String {
    let (style, word) = match &outcome.refused {
        Some(_) => (FAINT, "not for"),
        None if outcome.failed() => (BAD, "fail"),
        None => (GOOD, "pass"),
    };
    styled(style, format!("{word:<COLUMN$}"))
}

/// What stands in the last column.
fn order(compared: &Compared) -> String {
    match (compared.orders.len(), compared.differences()) {
        (0, _) => "-".to_owned(),
        (_, 0) => "the same".to_owned(),
        (_, 1) => "1 difference".to_owned(),
        (_, several) => format!("{several} differences"),
    }
}

impl super::Tell for Teller {
    fn tell(&mut self, compared: &Compared) -> io::Result<()> {
        self.count(compared);
        if compared.outcomes.iter().all(|outcome| outcome.refused.as_deref() == Some(UNMARKED)) {
            self.unmarked += 1;
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        self.heading(&mut out)?;
        let verdict = match compared {
            compared if compared.is_skipped() => styled(FAINT, "SKIP"),
            compared if compared.failed() => styled(BAD, "FAIL"),
            _ => styled(GOOD, "PASS"),
        };
        let name =
            if self.has_seeds { format!("{}@{}", compared.scenario, compared.seed) } else { compared.scenario.clone() };
        let cells: Vec<_> = compared.outcomes.iter().map(cell).collect();
        writeln!(out, "{verdict}  {name:<36} {} {}", cells.join(" "), order(compared))?;
        for outcome in &compared.outcomes {
            if let Some(why) = &outcome.refused {
                writeln!(out, "      {}", styled(FAINT, format!("not for {}: {why}", outcome.engine)))?;
            }
        }
        if self.all || compared.disagrees() {
            let shown = if self.all { usize::MAX } else { DIFFERENCES_SHOWN_MAX };
            differences(&mut out, compared, shown)?;
        }
        compared.outcomes.iter().filter(|outcome| outcome.failed()).try_for_each(|outcome| failure(&mut out, outcome))
    }

    fn end(&mut self) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        writeln!(out)?;
        for sum in &self.sums {
            let verdict = match (sum.played, sum.failed) {
                (0, _) => styled(FAINT, "nothing played"),
                (played, 0) => format!("{played} played, {}", styled(GOOD, "all passed")),
                (played, failed) => format!("{played} played, {}", styled(BAD, format!("{failed} failed"))),
            };
            writeln!(out, "{:<8} {verdict}", sum.engine.name())?;
        }
        let unmarked = match self.unmarked {
            0 => String::new(),
            unmarked => format!("; {unmarked} not marked `live = true`"),
        };
        let verdicts = if self.disagree == 1 {
            "1 verdict differs".to_owned()
        } else {
            format!("{} verdicts differ", self.disagree)
        };
        let logs = if self.differ == 1 { "1 scenario".to_owned() } else { format!("{} scenarios", self.differ) };
        let hint = if self.differ > 0 && !self.all { " (--orders tells how)" } else { "" };
        writeln!(out, "{verdicts}, logs differ in order in {logs}{hint}{unmarked}")
    }
}

fn differences(out: &mut impl Write, compared: &Compared, shown: usize) -> io::Result<()> {
    for orders in &compared.orders {
        let names = orders.engines.map(Kind::name);
        for difference in orders.differences.iter().take(shown) {
            writeln!(out, "      {}", difference.text(names))?;
        }
        let more = orders.differences.len().saturating_sub(shown);
        if more > 0 {
            writeln!(out, "      and {more} more: --orders tells all")?;
        }
    }
    Ok(())
}
