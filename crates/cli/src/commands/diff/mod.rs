//! `groundhog diff`: where two runs, or two logs, part.
//!
//! - `side`: what stands on one side: a scenario that is run, or a log that is read.
//! - `log_file`: reads logs.
//! - `text`, `json`: how it is told, to people and to programs.

mod json;
mod log_file;
mod side;
mod text;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use groundhog_sim::Divergence;
use groundhog_stage::diagnostic::{Diagnostic, Diagnostics};

use self::side::Side;
use super::scenarios;
use crate::{
    arguments::{DiffArguments, Format},
    exit::Exit,
};

/// How many of the lines that both have are shown before those that differ.
const SHARED_MAX: usize = 5;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    host: String,
    quiet: bool,
    text: String,
}

/// Where two sides part.
struct Difference {
    /// How many lines of the log both have before it.
    index: usize,
    /// The last of them.
    shared: Vec<String>,
    /// The lines that differ; `None` where the log has ended.
    lines: [Option<String>; 2],
    /// What each host did last before it, quiet records too.
    last: [BTreeMap<String, String>; 2],
    /// Whether the lines that differ are quiet records, because the logs are equal.
    quiet: bool,
}

/// What was found out about two sides.
enum Finding {
    Equal,
    /// Their lines differ.
    Lines(Box<Difference>),
    /// Their lines are equal, and their runs are not.
    Steps(Box<Divergence>),
    /// So they were, and when they were made again with every step recorded, they were equal.
    Unsteady,
}

/// Compares what `arguments` name.
pub fn run(arguments: &DiffArguments) -> io::Result<Exit> {
    let mut sides = Vec::with_capacity(2);
    for operand in [&arguments.a, &arguments.b] {
        match Side::open(operand) {
            Ok(side) => sides.push(side),
            Err(diagnostics) => {
                scenarios::tell(&diagnostics, arguments.format)?;
                return Ok(Exit::BadInput);
            }
        }
    }
    let [a, b] = &sides[..] else { unreachable!("two were opened") };
    let finding = compare(a, b);
    let names = [arguments.a.as_str(), arguments.b.as_str()];
    let told = match arguments.format {
        Format::Text => text::tell(&mut anstream::stdout().lock(), names, &finding),
        Format::Json => json::tell(&mut io::stdout().lock(), names, &finding),
    };
    let exit = if matches!(finding, Finding::Equal) { Exit::Good } else { Exit::Failed };
    match told.and_then(|()| io::stdout().flush()) {
        // A reader that has seen enough does not make them equal.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe || exit == Exit::Good => Err(error),
        _ => Ok(exit),
    }
}

/// A mistake in an operand that is in no file's text.
fn mistake(code: &'static str, operand: &str, message: impl Into<String>) -> Diagnostics {
    Diagnostics::new(operand, "", vec![Diagnostic::new(code, message)])
}

fn compare(a: &Side, b: &Side) -> Finding {
    // Quiet records are compared only where the logs are equal, and only if both sides have any: a log as text has
    // none.
    let quiet = [a, b].iter().all(|side| side.lines().iter().any(|line| line.quiet));
    let difference = difference(a.lines(), b.lines(), false)
        .or_else(|| quiet.then(|| difference(a.lines(), b.lines(), true)).flatten());
    if let Some(difference) = difference {
        return Finding::Lines(Box::new(difference));
    }
    match (a.run(), b.run()) {
        (Some(one), Some(other)) if one.report.trace_digest != other.report.trace_digest => {
            match one.recorded().first_divergence(&other.recorded()) {
                Some(divergence) => Finding::Steps(Box::new(divergence)),
                None => Finding::Unsteady,
            }
        }
        _ => Finding::Equal,
    }
}

/// Where the logs part; with `quiet` records or without.
fn difference(a: &[Line], b: &[Line], quiet: bool) -> Option<Difference> {
    // Each line with its place among all.
    let seen = |lines: &[Line]| -> Vec<(usize, String)> {
        let lines = lines.iter().enumerate().filter(|(_, line)| quiet || !line.quiet);
        lines.map(|(place, line)| (place, line.text.clone())).collect()
    };
    let (seen_a, seen_b) = (seen(a), seen(b));
    let equal = std::iter::zip(&seen_a, &seen_b).take_while(|(one, other)| one.1 == other.1).count();
    if equal == seen_a.len() && equal == seen_b.len() {
        return None;
    }
    let at = |seen: &[(usize, String)], all: &[Line]| seen.get(equal).map_or(all.len(), |(place, _)| *place);
    let last = |lines: &[Line]| lines.iter().map(|line| (line.host.clone(), line.text.clone())).collect();
    Some(Difference {
        index: equal,
        shared: seen_a[equal.saturating_sub(SHARED_MAX)..equal].iter().map(|(_, text)| text.clone()).collect(),
        lines: [&seen_a, &seen_b].map(|seen| seen.get(equal).map(|(_, text)| text.clone())),
        last: [last(&a[..at(&seen_a, a)]), last(&b[..at(&seen_b, b)])],
        quiet,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        let line = |text: &&str| Line {
            host: text.split(' ').next().unwrap_or_default().to_owned(),
            quiet: text.ends_with('q'),
            text: (*text).to_owned(),
        };
        texts.iter().map(line).collect()
    }

    #[test]
    fn the_first_line_that_differs_is_found_with_what_hosts_did_before() {
        let (a, b) = (lines(&["x 1", "y 1 q", "x 2", "y 3"]), lines(&["x 1", "x 2", "x 3", "y 3"]));
        let found = difference(&a, &b, false).expect("they differ");
        assert_eq!((found.index, found.shared), (2, vec!["x 1".to_owned(), "x 2".to_owned()]));
        assert_eq!(found.lines, [Some("y 3".to_owned()), Some("x 3".to_owned())]);
        assert_eq!(found.last[0].get("y").map(String::as_str), Some("y 1 q"));
        assert_eq!(found.last[1].get("y"), None);
        assert!(difference(&a, &a, true).is_none());
    }

    #[test]
    fn a_log_that_ends_early_differs_at_its_end() {
        let (a, b) = (lines(&["x 1"]), lines(&["x 1", "x 2"]));
        let found = difference(&a, &b, false).expect("they differ");
        assert_eq!(found.lines, [None, Some("x 2".to_owned())]);
    }

    #[test]
    fn quiet_records_count_only_where_asked_for() {
        let (a, b) = (lines(&["x 1", "x 1 q"]), lines(&["x 1", "x 2 q"]));
        assert!(difference(&a, &b, false).is_none());
        assert_eq!(difference(&a, &b, true).map(|found| found.index), Some(1));
    }
}
