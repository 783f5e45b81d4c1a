//! A check as told to people.

use std::{
    fmt::Display,
    io::{self, Write},
};

use anstyle::{AnsiColor, Style};

use super::{
    All, Checked,
    mismatch::Mismatch,
    seam::{PastTheSeam, Verdict},
};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How many functions of a call stack are shown.
const STACK_MAX: usize = 8;

pub(super) fn tell(out: &mut impl Write, all: &All) -> io::Result<()> {
    for runs in all.runs.chunks(all.seeds_each) {
        scenario(out, runs)?;
    }
    if !all.past_the_seam.is_empty() {
        writeln!(out)?;
    }
    for one in &all.past_the_seam {
        past_the_seam(out, one)?;
    }
    let differing = all.runs.iter().filter(|checked| !checked.equal()).count();
    let failures = all.past_the_seam.iter().filter(|one| one.is_failure()).count();
    let verdict = match differing {
        0 => styled(GOOD, "all equal"),
        1 => styled(BAD, "1 differs"),
        count => styled(BAD, format!("{count} differ")),
    };
    let seam = match failures {
        0 => String::new(),
        count => format!(", {}", styled(BAD, format!("{count} past the seam that may not"))),
    };
    let runs = if all.runs.len() == 1 { "run" } else { "runs" };
    writeln!(out, "\n{} {runs}, each made in two processes: {verdict}{seam}", all.runs.len())
}

fn scenario(out: &mut impl Write, runs: &[Checked]) -> io::Result<()> {
    let Some(first) = runs.first() else { return Ok(()) };
    let differing: Vec<_> = runs.iter().filter(|checked| !checked.equal()).collect();
    let seeds = if runs.len() == 1 { format!("seed {}", first.seed) } else { format!("{} seeds", runs.len()) };
    if differing.is_empty() {
        return writeln!(out, "{}  {:<36} {seeds}", styled(GOOD, "SAME"), first.scenario);
    }
    writeln!(out, "{}  {:<36} {seeds}, {} differ", styled(BAD, "DIFF"), first.scenario, differing.len())?;
    for checked in differing {
        writeln!(out, "\n  {}  seed {}", checked.path, checked.seed)?;
        for (name, digests) in std::iter::zip(["here", "here again", "elsewhere", "recorded"], &checked.digests) {
            writeln!(out, "  {name:<12} log {}, trace {}", digests.log_digest, digests.trace_digest)?;
        }
        if let Some(found) = &checked.mismatch {
            mismatch(out, found)?;
        }
    }
    writeln!(out)
}

fn mismatch(out: &mut impl Write, found: &Mismatch) -> io::Result<()> {
    match &found.divergence {
        Some(divergence) => divergence.text(found.names).lines().try_for_each(|line| writeln!(out, "  {line}")),
        None => writeln!(
            out,
            "  made again {} times on both sides with every step recorded, the runs were equal: what makes them differ\n  \
             depends on what else goes on, or is in no step that is recorded",
            found.tries
        ),
    }
}

fn past_the_seam(out: &mut impl Write, one: &PastTheSeam) -> io::Result<()> {
    let times = if one.count == 1 { "once".to_owned() } else { format!("{} times", one.count) };
    let scenarios = match &one.scenarios[..] {
        [only] => only.clone(),
        several => format!("{} scenarios", several.len()),
    };
    let (kind, culprit) = (one.first.kind, &one.first.culprit);
    match one.verdict() {
        Verdict::Failure => {}
        Verdict::Excused(reason) => {
            return writeln!(out, "note: {kind} past the seam, excused: {culprit}, {times} in {scenarios} ({reason})");
        }
        Verdict::Note => {
            let answered = "answered from the simulation";
            return writeln!(out, "note: {kind} past the seam, {answered}: {culprit}, {times} in {scenarios}");
        }
    }
    writeln!(out, "{} {kind} past the seam: {culprit}, {times} in {scenarios}", styled(BAD, "error:"))?;
    let task = one.first.task.as_deref().unwrap_or("-");
    let time = groundhog_sim::text::time(one.first.at);
    writeln!(out, "  first at {time} on host {}, in task {task}, called by", one.first.host)?;
    one.first.stack.iter().take(STACK_MAX).try_for_each(|frame| writeln!(out, "    {frame}"))
}
