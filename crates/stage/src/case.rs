//! Case files: a failure that can be had again.
//!
//! A case is a scenario file, complete in itself, with the seed, and a table `[case]` that says what went wrong in
//! which code. `groundhog run` takes it for the scenario that it is: once the defect is mended, it belongs among the
//! regressions and must pass for ever.

use groundhog_sim::campaign::{Outcome, Signature, Subject};
use toml_edit::{Item, Table, value};

use crate::campaign::Stories;
use crate::scenario::{Case, Scenario, ScenarioFile};

/// A failing run: what was run, and what came of it.
#[derive(Clone, Debug)]
pub struct Failure<'a> {
    /// What was run; its seed is the run's.
    pub plan: &'a Scenario,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// What names the failure.
    pub signature: &'a Signature,
    /// Which code it was.
    pub version: &'a str,
    /// In which campaign and run it was found, and from what it was drawn, if so.
    pub found: Option<String>,
}

impl Failure<'_> {
    /// What a case file says of it.
    pub fn case(&self) -> Case {
        let mut violations = self.outcome.violations.iter().zip(self.outcome.signatures());
        let violation = violations.find(|(_, signature)| signature == self.signature).map(|(violation, _)| violation);
        Case {
            signature: self.signature.to_string(),
            message: violation.map(|violation| violation.message.clone()).unwrap_or_default(),
            version: self.version.to_owned(),
            log_digest: self.outcome.log_digest.clone(),
            trace_digest: self.outcome.trace_digest.clone(),
            found: self.found.clone(),
        }
    }

    /// The text of the case file, which `file` is going to be called.
    pub fn to_toml(&self, file: &str) -> String {
        let case = self.case();
        let mut table = Table::new();
        for (key, text) in [
            ("signature", &case.signature),
            ("message", &case.message),
            ("version", &case.version),
            ("log_digest", &case.log_digest),
            ("trace_digest", &case.trace_digest),
        ] {
            table[key] = value(text);
        }
        if let Some(found) = &case.found {
            table["found"] = value(found);
        }
        let mut document = toml_edit::DocumentMut::new();
        document["case"] = Item::Table(table);
        format!(
            "# A failure that was found. See it again with: groundhog replay {file}\n# Once it is mended, keep it in scenarios/regressions/, where it must pass.\n\n{}\n{document}",
            Scenario { about: case.message, ..self.plan.clone() }.to_toml()
        )
    }
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It fails as it did.
    StillFails {
        /// Whether the run is the same to the last step.
        is_same_run: bool,
    },
    /// It fails, but not as it did: each way in which it does.
    FailsOtherwise(Vec<Signature>),
    /// It passes.
    NoLongerFails,
}

/// Runs a case again.
pub fn replay(scenario: &Scenario, case: &Case) -> (Verdict, Outcome) {
    let outcome = Stories.run(scenario, scenario.seed);
    let signatures: Vec<Signature> = outcome.signatures().collect();
    let verdict = if signatures.iter().any(|signature| signature.as_str() == case.signature) {
        Verdict::StillFails { is_same_run: outcome.trace_digest == case.trace_digest }
    } else if signatures.is_empty() {
        Verdict::NoLongerFails
    } else {
        Verdict::FailsOtherwise(signatures)
    };
    (verdict, outcome)
}

/// What names the failure that a file is about, where there is one: that of the case, if the file is a case and
/// still fails so, else what comes of the run.
pub fn failure_of(file: &ScenarioFile, outcome: &Outcome) -> Option<Signature> {
    let expected = file.case.as_ref().map(|case| Signature::from(case.signature.clone()));
    expected.filter(|signature| outcome.fails_with(signature)).or_else(|| outcome.signature())
}
