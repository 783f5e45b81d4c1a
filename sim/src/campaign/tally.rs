//! What is known after any number of runs.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Distribution, Outcome, Signature};

/// What is known after any number of runs. Tallies of disjoint sets of runs join, in any order, to the tally of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many runs there were.
    pub runs: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How much virtual time they took, in microseconds.
    pub virtual_us: u64,
    /// The failures, those of one signature together.
    pub findings: BTreeMap<Signature, Finding>,
    /// In how many runs each kind of event was seen.
    pub events: BTreeMap<String, u64>,
    /// In how many runs each state was seen.
    pub states: BTreeMap<String, u64>,
    /// In how many runs each kind of fault happened.
    pub faults: BTreeMap<String, u64>,
    /// How long worlds took to come to rest, by what they had to recover from last.
    pub settling: BTreeMap<String, Distribution>,
}

/// Failures of one signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How many runs failed so.
    pub runs: u64,
    /// The index, within the campaign, of the first such run.
    pub index: u64,
    /// What was run there.
    pub subject: String,
    /// Its seed.
    pub seed: u64,
    /// What went wrong there, in full.
    pub message: String,
}

impl Tally {
    /// Counts the run `index` of a campaign. Tells its signature if it is the first failure of its kind.
    pub fn add(&mut self, index: u64, subject: &str, seed: u64, outcome: &Outcome) -> Option<Signature> {
        self.runs += 1;
        self.virtual_us =
            self.virtual_us.saturating_add(u64::try_from(outcome.virtual_time.as_micros()).unwrap_or(u64::MAX));
        for (counts, seen) in [
            (&mut self.events, &outcome.coverage.events),
            (&mut self.states, &outcome.coverage.states),
            (&mut self.faults, &outcome.coverage.faults),
        ] {
            seen.iter().for_each(|name| count(counts, name, 1));
        }
        if let Some(settled) = &outcome.settled {
            self.settling.entry(settled.from.clone()).or_default().add(settled.after);
        }
        let violation = outcome.violations.first()?;
        self.failed += 1;
        let signature = Signature::of(violation, &outcome.names);
        let finding = Finding { runs: 1, index, subject: subject.to_owned(), seed, message: violation.message.clone() };
        let known = self.findings.contains_key(&signature);
        self.meet(&signature, finding);
        (!known).then_some(signature)
    }

    /// Counts all that another tally has counted.
    pub fn join(&mut self, other: &Self) {
        self.runs += other.runs;
        self.failed += other.failed;
        self.virtual_us = self.virtual_us.saturating_add(other.virtual_us);
        for (counts, more) in
            [(&mut self.events, &other.events), (&mut self.states, &other.states), (&mut self.faults, &other.faults)]
        {
            more.iter().for_each(|(name, runs)| count(counts, name, *runs));
        }
        for (from, times) in &other.settling {
            self.settling.entry(from.clone()).or_default().join(times);
        }
        for (signature, finding) in &other.findings {
            self.meet(signature, finding.clone());
        }
    }

    /// How much virtual time the runs took.
    pub fn virtual_time(&self) -> Duration {
        Duration::from_micros(self.virtual_us)
    }

    /// Joins a finding to what is known of its signature: the earliest run stands for all.
    fn meet(&mut self, signature: &Signature, finding: Finding) {
        match self.findings.get_mut(signature) {
            None => {
                self.findings.insert(signature.clone(), finding);
            }
            Some(known) => {
                let runs = known.runs + finding.runs;
                if finding.index < known.index {
                    *known = finding;
                }
                known.runs = runs;
            }
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str, runs: u64) {
    match counts.get_mut(name) {
        Some(count) => *count += runs,
        None => {
            counts.insert(name.to_owned(), runs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Violation,
        campaign::{Coverage, Settled},
    };

    fn outcome(index: u64) -> Outcome {
        let violation = Violation {
            rule: "even".to_owned(),
            message: format!("{index} is odd, by {}", if index.is_multiple_of(3) { "three" } else { "one" }),
            at: Duration::ZERO,
            record: None,
        };
        let coverage = Coverage { events: [format!("event {}", index % 2)].into(), ..Coverage::default() };
        Outcome {
            violations: if index % 2 == 1 { vec![violation] } else { vec![] },
            virtual_time: Duration::from_secs(index),
            coverage,
            settled: Some(Settled { from: "kill".to_owned(), after: Duration::from_millis(index) }),
            ..Outcome::default()
        }
    }

    fn tally(indices: impl IntoIterator<Item = u64>) -> Tally {
        let mut tally = Tally::default();
        for index in indices {
            tally.add(index, "toy", index + 100, &outcome(index));
        }
        tally
    }

    #[test]
    fn failures_of_one_signature_are_one_finding_and_the_first_run_stands_for_them() {
        let tally = tally(0..10);
        assert_eq!((tally.runs, tally.failed, tally.virtual_time()), (10, 5, Duration::from_secs(45)));
        let found: Vec<_> =
            tally.findings.values().map(|finding| (finding.runs, finding.index, finding.seed)).collect();
        assert_eq!(found, [(3, 1, 101), (2, 3, 103)]);
        assert_eq!(tally.events["event 0"], 5);
    }

    #[test]
    fn parts_join_to_the_whole_in_any_order() {
        let parts: Vec<Tally> = (0..4).map(|part| tally((0..50).filter(|index| index % 4 == part))).collect();
        for order in [[0, 1, 2, 3], [3, 1, 0, 2]] {
            let mut joined = Tally::default();
            order.iter().for_each(|part| joined.join(&parts[*part]));
            assert_eq!(joined, tally(0..50));
        }
    }

    #[test]
    fn a_finding_is_told_when_it_is_new() {
        let mut tally = Tally::default();
        let new: Vec<u64> = (0..10).filter(|index| tally.add(*index, "toy", 0, &outcome(*index)).is_some()).collect();
        assert_eq!(new, [1, 3]);
    }
}
