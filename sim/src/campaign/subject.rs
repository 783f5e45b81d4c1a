//! What a user brings to a campaign, and what each of its runs brings back.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use super::Signature;
use crate::Violation;

/// Something that can be run by a plan.
pub trait Subject {
    /// What varies in a run.
    type Plan: Plan;

    /// Runs `plan` with `seed`.
    fn run(&self, plan: &Self::Plan, seed: u64) -> Outcome;
}

/// What varies in a run, as a shrinker sees it: parts that can be left out, and ways to make what is left simpler.
pub trait Plan: Clone {
    /// How many parts there are to leave out. Parts that belong together stand together.
    fn parts(&self) -> usize;

    /// The plan without some parts, and without all that makes no sense without them. `None` if that is no plan.
    #[must_use]
    fn without(&self, parts: Range<usize>) -> Option<Self>;

    /// Plans that are simpler than this one in one respect each, the greatest simplification first. Whoever takes
    /// one of them again and again comes to an end.
    fn simpler(&self) -> Vec<Self>;
}

/// What a run brought.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What went wrong, in the order in which it was noticed.
    pub violations: Vec<Violation>,
    /// How much virtual time the run took.
    pub virtual_time: Duration,
    /// The digest of the log's text.
    pub log_digest: String,
    /// The digest of every step.
    pub trace_digest: String,
    /// What was seen on the way.
    pub coverage: Coverage,
    /// How long the world took to come to rest, if it did.
    pub settled: Option<Settled>,
    /// What the plan calls its hosts and people. In a signature one is like the other.
    pub names: BTreeSet<String>,
}

impl Outcome {
    /// What names this failure; none if nothing failed. The first thing that went wrong counts: what follows it is
    /// often its consequence.
    pub fn signature(&self) -> Option<Signature> {
        self.signatures().next()
    }

    /// What names each thing that went wrong.
    pub fn signatures(&self) -> impl Iterator<Item = Signature> {
        self.violations.iter().map(|violation| Signature::of(violation, &self.names))
    }

    /// Whether something with that signature went wrong.
    pub fn fails_with(&self, signature: &Signature) -> bool {
        self.signatures().any(|other| other == *signature)
    }
}

/// What a run showed: each thing counts once a run, however often it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Kinds of events.
    pub events: BTreeSet<String>,
    /// States that were gone through, as the user names them.
    pub states: BTreeSet<String>,
    /// Kinds of faults that happened.
    pub faults: BTreeSet<String>,
}

/// How long a world took to come to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What it had to recover from last.
    pub from: String,
    /// How long it took from the end of that.
    pub after: Duration,
}
