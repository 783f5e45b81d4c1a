//! `groundhog replay`: whether a failure that was found is still there.

use std::io::{self, Write};

use groundhog_stage::case::{self, Verdict};
use serde_json::json;

use super::{
    run::text::{BAD, GOOD, styled},
    scenarios,
};
use crate::{
    arguments::{CaseArguments, Format},
    exit::Exit,
    version::version,
};

/// Runs the case files that `arguments` name.
pub fn run(arguments: &CaseArguments) -> io::Result<Exit> {
    let cases = match scenarios::cases(&arguments.cases, arguments.format)? {
        Ok(cases) => cases,
        Err(exit) => return Ok(exit),
    };
    let mut fails = false;
    for (loaded, case) in &cases {
        let (verdict, outcome) = case::replay(&loaded.file.scenario, case);
        fails |= verdict != Verdict::NoLongerFails;
        let path = loaded.entry.path.display().to_string();
        match arguments.format {
            Format::Text => {
                let mut out = anstream::stdout().lock();
                let (word, detail) = words(&verdict, &case.version);
                let style = if verdict == Verdict::NoLongerFails { GOOD } else { BAD };
                writeln!(out, "{} {path}{detail}", styled(style, word))?;
                for violation in &outcome.violations {
                    writeln!(out, "  {}: {}", violation.rule, violation.message)?;
                }
            }
            Format::Json => {
                let violations: Vec<_> = outcome
                    .violations
                    .iter()
                    .map(|violation| json!({ "rule": violation.rule, "message": violation.message }))
                    .collect();
                let line = json!({
                    "case": path,
                    "verdict": key(&verdict),
                    "expected": case.signature,
                    "violations": violations,
                    "same_run": outcome.trace_digest == case.trace_digest,
                    "log_digest": outcome.log_digest,
                    "trace_digest": outcome.trace_digest,
                    "version": version(),
                    "found_with": case.version,
                });
                writeln!(io::stdout(), "{line}")?;
            }
        }
    }
    Ok(if fails { Exit::Failed } else { Exit::Good })
}

fn key(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::StillFails { .. } => "still_fails",
        Verdict::FailsOtherwise(_) => "fails_otherwise",
        Verdict::NoLongerFails => "no_longer_fails",
    }
}

/// The verdict, and what there is to say beside it.
fn words(verdict: &Verdict, found_with: &str) -> (&'static str, String) {
    match verdict {
        Verdict::StillFails { is_same_run: true } => ("still fails:", ", step by step as it was found".to_owned()),
        Verdict::StillFails { is_same_run: false } => {
            ("still fails:", format!(", in the same way, but not step by step as with {found_with}"))
        }
        Verdict::FailsOtherwise(_) => ("fails otherwise:", String::new()),
        Verdict::NoLongerFails => ("no longer fails:", String::new()),
    }
}
