//! What is done about a failure of a new kind.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use groundhog_sim::campaign::{Outcome, Plan, Shrunk, Signature, Tally, shrink};
use groundhog_stage::{campaign::Stories, case::Failure, scenario::Scenario};

use super::record::{Header, Line, Record, Size, write_whole};

/// Findings that are made small at most: the first ones are looked at, and shrinking takes time from searching.
const SHRUNK_MAX: usize = 20;

/// Failures that were found, each with its case file.
pub(in crate::commands) struct Finds {
    out: PathBuf,
    pub(super) header: Header,
    shrink_runs: u64,
    /// By signature: the case file, and how large its plan was and is.
    pub(super) cases: BTreeMap<Signature, Case>,
}

/// The case file of a finding.
pub(super) struct Case {
    pub(super) path: PathBuf,
    pub(super) before: Size,
    pub(super) after: Size,
    /// How many plans were run to make it small; none if it was not tried.
    pub(super) runs: Option<u64>,
}

impl Finds {
    pub(super) fn new(out: &Path, header: Header, shrink_runs: u64) -> Self {
        Self { out: out.to_owned(), header, shrink_runs, cases: BTreeMap::new() }
    }

    /// Writes the case of a finding, then makes it small and writes it again.
    pub(super) fn found(
        &mut self,
        signature: Signature,
        tally: &Tally,
        (plan, outcome): (&Scenario, &Outcome),
        record: &mut Record,
    ) -> io::Result<()> {
        let Some(finding) = tally.findings.get(&signature) else { return Ok(()) };
        let case = format!("{}.toml", signature.slug());
        let path = self.out.join(&case);
        let found =
            Some(format!("campaign {}, run {}, drawn from {}", self.header.campaign, finding.index, finding.subject));
        let version = self.header.version.clone();
        let write = |plan: &Scenario, outcome: &Outcome| {
            let failure = Failure { plan, outcome, signature: &signature, version: &version, found: found.clone() };
            write_whole(&path, &failure.to_toml(&path.display().to_string()))
        };
        write(plan, outcome)?;
        record.write(&Line::Finding {
            signature: signature.clone(),
            scenario: finding.subject.clone(),
            index: finding.index,
            seed: finding.seed,
            message: finding.message.clone(),
            case: case.clone(),
        })?;
        anstream::eprintln!("found: {}: {} ({})", signature.rule(), finding.message, path.display());
        let before = size(plan);
        let mut known = Case { path: path.clone(), before, after: before, runs: None };
        if self.cases.len() < SHRUNK_MAX && self.shrink_runs > 0 {
            let shrunk = smaller(plan, outcome, &signature, self.shrink_runs);
            write(&shrunk.plan, &shrunk.outcome)?;
            let after = size(&shrunk.plan);
            (known.after, known.runs) = (after, Some(shrunk.runs));
            record.write(&Line::Shrunk {
                signature: signature.clone(),
                index: finding.index,
                case,
                runs: shrunk.runs,
                is_minimal: shrunk.is_minimal,
                before,
                after,
            })?;
        }
        self.cases.insert(signature, known);
        Ok(())
    }
}

/// Makes a failing plan as small as so many runs allow.
pub(in crate::commands) fn smaller(
    plan: &Scenario,
    outcome: &Outcome,
    signature: &Signature,
    runs_max: u64,
) -> Shrunk<Scenario> {
    let go_on = |progress: groundhog_sim::campaign::Progress| progress.runs < runs_max;
    shrink(&Stories, plan.clone(), plan.seed, outcome.clone(), signature, go_on)
}

/// How large a plan is.
pub(in crate::commands) fn size(plan: &Scenario) -> Size {
    Size { parts: plan.parts(), faults: plan.faults.len(), steps: plan.steps.len() }
}
