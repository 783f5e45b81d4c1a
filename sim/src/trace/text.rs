//! A divergence as text for people.

use std::fmt::{self, Write};

use super::{
    divergence::{Cause, Divergence, Side},
    words,
};
use crate::interpose::bypass::Bypass;

/// How many calls past the seam by libraries, which were answered from the simulation, are told of each side.
const HARMLESS_MAX: usize = 5;

/// How many functions of a call stack are told.
const STACK_MAX: usize = 6;

impl Divergence {
    /// As text, with these names for the two runs.
    pub fn text(&self, names: [&str; 2]) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = self.render(&mut text, names);
        text
    }

    fn render(&self, out: &mut impl Write, names: [&str; 2]) -> fmt::Result {
        let width = names.map(|name| name.chars().count()).into_iter().max().unwrap_or(0) + 1;
        let [one, other] = &self.sides;
        writeln!(out, "after {} equal steps the two runs part:", self.index)?;
        for (name, side) in std::iter::zip(names, &self.sides) {
            writeln!(out, "  {:<width$} {}  {}", format!("{name}:"), words::time(micros(side)), side.did)?;
            let task = side.task.as_ref().map_or_else(
                || "between tasks".to_owned(),
                |task| format!("on host {}, task {:?}, spawned at {}:{}", task.host, task.name, task.file, task.line),
            );
            writeln!(out, "  {:<width$} {task}", "")?;
        }
        match &self.cause {
            None => {}
            Some(Cause::Number { words: [one, other], address: true }) => {
                writeln!(out, "likely cause: an address in memory, which differs in each process: {one}, {other}")?;
            }
            Some(Cause::Number { words: [one, other], address: false }) => {
                let what = "a number that was not the host's: a clock, randomness or an address";
                writeln!(out, "likely cause: {what}: {one}, {other}")?;
            }
            Some(Cause::PastTheSeam(bypass)) => {
                writeln!(out, "likely cause: this task went past the seam: {}", line(bypass))?;
                for frame in bypass.stack.iter().take(STACK_MAX) {
                    writeln!(out, "    {frame}")?;
                }
            }
        }
        if let Some(lines) = &self.first_record {
            writeln!(out, "the first record that differs:")?;
            for (name, line) in std::iter::zip(names, lines) {
                let line = line.as_deref().unwrap_or("(there is none)");
                writeln!(out, "  {:<width$} {line}", format!("{name}:"))?;
            }
        }
        if let Some(line) = &self.record_before {
            writeln!(out, "the last record before:\n  {line}")?;
        }
        list(out, "the last equal steps:", &self.shared)?;
        list(out, "the last equal draws:", &self.draws)?;
        if one.bypasses == other.bypasses {
            list(out, "past the seam until then, alike on both sides:", &lines(&one.bypasses))
        } else {
            for (name, side) in std::iter::zip(names, &self.sides) {
                list(out, &format!("past the seam until then, {name}:"), &lines(&side.bypasses))?;
            }
            Ok(())
        }
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.render(f, ["one", "other"])
    }
}

fn micros(side: &Side) -> u64 {
    u64::try_from(side.at.as_micros()).unwrap_or(u64::MAX)
}

fn list(out: &mut impl Write, title: &str, lines: &[String]) -> fmt::Result {
    if !lines.is_empty() {
        writeln!(out, "{title}")?;
    }
    lines.iter().try_for_each(|line| writeln!(out, "  {line}"))
}

fn line(bypass: &Bypass) -> String {
    let times = if bypass.count == 1 { "once".to_owned() } else { format!("{} times in all", bypass.count) };
    format!("{}, {times}, by {}", bypass.kind, bypass.culprit)
}

fn lines(bypasses: &[Bypass]) -> Vec<String> {
    let (harmless, serious): (Vec<_>, Vec<_>) = bypasses.iter().partition(|bypass| bypass.is_harmless());
    let more = harmless.len().saturating_sub(HARMLESS_MAX);
    let told = serious.into_iter().chain(harmless.into_iter().take(HARMLESS_MAX)).map(line);
    told.chain((more > 0).then(|| format!("and {more} more by libraries, which were answered alike"))).collect()
}
