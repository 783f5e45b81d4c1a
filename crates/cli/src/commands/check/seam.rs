//! What went past the seam, and who may.
//!
//! What a library asks of the C library is answered from the simulation, and does no harm: hash maps seed themselves,
//! HTTP/2 reads the clock. A component must not rely on that; and a thread is not simulated, whoever starts it.

use std::collections::BTreeMap;

use groundhog_sim::{Bypass, BypassKind};

/// What a component may do all the same: the kind, the file, and why.
const EXCUSED: &[(BypassKind, &str, &str)] = &[(
    BypassKind::MonotonicClock,
    "crates/host/src/http2.rs",
    "an origin, for hyper's own type of a time: only what was added to it is looked at",
)];

/// What is to be thought of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Nobody may do this.
    Failure,
    /// A component does it, for this reason.
    Excused(&'static str),
    /// A library does it, and was answered from the simulation.
    Note,
}

impl Verdict {
    /// Its name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Excused(_) => "excused",
            Self::Note => "note",
        }
    }
}

/// Calls of one kind through one culprit, in all scenarios.
pub(super) struct PastTheSeam {
    /// Of the scenario that is named first.
    pub(super) first: Bypass,
    pub(super) count: u64,
    pub(super) scenarios: Vec<String>,
}

impl PastTheSeam {
    pub(super) fn verdict(&self) -> Verdict {
        let (kind, culprit) = (self.first.kind, &self.first.culprit);
        let name = culprit.crate_name.as_deref().unwrap_or_default();
        // The simulator itself simulates; all other crates of this project are written against the seam.
        let component = name.starts_with("groundhog_") && name != "groundhog_sim";
        let excuse = EXCUSED.iter().find(|(excused, file, _)| *excused == kind && culprit.file == *file);
        match excuse {
            Some((_, _, reason)) => Verdict::Excused(reason),
            None if component || kind == BypassKind::Thread => Verdict::Failure,
            None => Verdict::Note,
        }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.verdict() == Verdict::Failure
    }
}

/// Joins what was found in each scenario: failures first, then as they were first met.
pub(super) fn gather(found: Vec<(String, Vec<Bypass>)>) -> Vec<PastTheSeam> {
    let mut places = BTreeMap::new();
    let mut gathered: Vec<PastTheSeam> = Vec::new();
    for (scenario, bypasses) in found {
        for bypass in bypasses {
            let place = *places.entry((bypass.kind, bypass.culprit.clone())).or_insert(gathered.len());
            if place == gathered.len() {
                gathered.push(PastTheSeam { first: bypass.clone(), count: 0, scenarios: Vec::new() });
            }
            gathered[place].count += bypass.count;
            gathered[place].scenarios.push(scenario.clone());
        }
    }
    gathered.sort_by_key(PastTheSeam::verdict);
    gathered
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use groundhog_sim::Culprit;

    use super::*;

    #[test]
    fn what_is_excused_is_excused_for_its_kind_only() {
        let verdict = |kind| {
            let mut bypass = bypass(kind, Some("groundhog_host"));
            bypass.culprit.file = "crates/host/src/http2.rs".to_owned();
            gather(vec![("a".to_owned(), vec![bypass])])[0].verdict().name()
        };
        assert_eq!((verdict(BypassKind::MonotonicClock), verdict(BypassKind::Entropy)), ("excused", "failure"));
    }

    fn bypass(kind: BypassKind, crate_name: Option<&str>) -> Bypass {
        let value = serde_json::json!({
            "kind": kind.name(),
            "culprit": {
                "crate_name": crate_name, "function": "f", "file": "f.rs", "line": 1, "library": true,
            },
            "count": 2, "step": 0, "at_us": 5, "host": "-", "task": null, "stack": ["f (f.rs:1)"], "tasks": [],
        });
        serde_json::from_value(value).expect("these are its keys")
    }

    #[test]
    fn components_and_threads_are_failures_and_libraries_are_notes() {
        let found = vec![
            ("a".to_owned(), vec![bypass(BypassKind::Entropy, Some("hyper")), bypass(BypassKind::Entropy, None)]),
            ("b".to_owned(), vec![bypass(BypassKind::Entropy, Some("hyper"))]),
            ("c".to_owned(), vec![bypass(BypassKind::Thread, Some("hyper"))]),
            ("d".to_owned(), vec![bypass(BypassKind::WallClock, Some("groundhog_control"))]),
            ("e".to_owned(), vec![bypass(BypassKind::WallClock, Some("groundhog_sim"))]),
        ];
        let gathered = gather(found);
        let told: Vec<_> = gathered.iter().map(|one| (one.is_failure(), one.count, one.scenarios.concat())).collect();
        let expected = [(true, 2, "c"), (true, 2, "d"), (false, 4, "ab"), (false, 2, "a"), (false, 2, "e")];
        assert_eq!(told, expected.map(|(failure, count, names)| (failure, count, names.to_owned())));
        assert_eq!(gathered[0].first.at, Duration::from_micros(5));
        let Culprit { function, .. } = &gathered[0].first.culprit;
        assert_eq!(function, "f");
    }
}
