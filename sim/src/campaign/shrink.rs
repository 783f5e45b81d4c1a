//! Makes a failing plan small.
//!
//! Delta debugging: parts are left out, first half of them at a time, then fewer, as long as what is left still
//! fails in the same way. What can't be left out is made simpler. Both are tried again and again until neither gets
//! any further. Since every random stream of a run depends on the seed and a label alone, what is left of a plan
//! goes on as before when something else is taken out of it: that is what makes this work on a simulated world.
//!
//! A plan is only ever exchanged for one that was seen to fail with the same signature, so the result is never worse
//! than the beginning, whenever the work is cut short.

use super::{Outcome, Plan, Signature, Subject};

/// How far the work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Plans that were run.
    pub runs: u64,
    /// Parts of the smallest plan so far that fails.
    pub parts: usize,
}

/// A plan that was made small.
#[derive(Clone, Debug)]
pub struct Shrunk<P> {
    /// The plan.
    pub plan: P,
    /// What its run brought.
    pub outcome: Outcome,
    /// How many plans were run.
    pub runs: u64,
    /// Whether nothing more could be taken away; false if the work was cut short.
    pub is_minimal: bool,
}

/// Makes `plan`, whose run with `seed` brought `outcome`, as small as it can be while it fails with `signature`.
/// Asks `go_on` before each run.
pub fn shrink<S: Subject>(
    subject: &S,
    plan: S::Plan,
    seed: u64,
    outcome: Outcome,
    signature: &Signature,
    go_on: impl FnMut(Progress) -> bool,
) -> Shrunk<S::Plan> {
    let mut work = Work { subject, plan, seed, outcome, signature, go_on, runs: 0, is_cut_short: false };
    while work.leave_out() | work.simplify() {}
    Shrunk { plan: work.plan, outcome: work.outcome, runs: work.runs, is_minimal: !work.is_cut_short }
}

struct Work<'a, S: Subject, G> {
    subject: &'a S,
    plan: S::Plan,
    seed: u64,
    outcome: Outcome,
    signature: &'a Signature,
    go_on: G,
    runs: u64,
    is_cut_short: bool,
}

impl<S: Subject, G: FnMut(Progress) -> bool> Work<'_, S, G> {
    /// Takes `candidate` if it fails in the same way. False if not, or if the work is to end.
    fn take(&mut self, candidate: S::Plan) -> bool {
        if self.is_cut_short || !(self.go_on)(Progress { runs: self.runs, parts: self.plan.parts() }) {
            self.is_cut_short = true;
            return false;
        }
        self.runs += 1;
        let outcome = self.subject.run(&candidate, self.seed);
        let fails = outcome.fails_with(self.signature);
        if fails {
            (self.plan, self.outcome) = (candidate, outcome);
        }
        fails
    }

    /// Leaves parts out, as many as possible at once. Tells whether it could.
    fn leave_out(&mut self) -> bool {
        let mut changed = false;
        let mut size = self.plan.parts();
        while size > 0 {
            let mut start = 0;
            while start < self.plan.parts() && !self.is_cut_short {
                let before = self.plan.parts();
                let candidate = self.plan.without(start..(start + size).min(before));
                // A candidate with as many parts as before would be taken for ever.
                let taken = candidate.is_some_and(|plan| plan.parts() < before && self.take(plan));
                changed |= taken;
                // What came after the parts that are gone stands in their place now.
                start += if taken { 0 } else { size };
            }
            size /= 2;
        }
        changed
    }

    /// Makes what is left simpler. Tells whether it could.
    fn simplify(&mut self) -> bool {
        let mut changed = false;
        let mut candidates = self.plan.simpler().into_iter();
        let mut tried = 0;
        while let Some(candidate) = candidates.next() {
            if self.take(candidate) {
                changed = true;
                // The same place again in the new list: mostly a further step in the same direction.
                candidates = self.plan.simpler().into_iter();
                candidates.by_ref().take(tried).for_each(drop);
            } else {
                tried += 1;
            }
            if self.is_cut_short {
                break;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use std::{ops::Range, time::Duration};

    use super::*;
    use crate::Violation;

    /// A plan of numbers, which fails if it has a 7 or more and, somewhere after it, a 3 or more.
    #[derive(Clone, Debug, PartialEq)]
    struct Numbers(Vec<u64>);

    impl Plan for Numbers {
        fn parts(&self) -> usize {
            self.0.len()
        }

        fn without(&self, parts: Range<usize>) -> Option<Self> {
            let mut left = self.0.clone();
            left.drain(parts);
            (!left.is_empty()).then_some(Self(left))
        }

        fn simpler(&self) -> Vec<Self> {
            let smaller = |index: usize| {
                let mut numbers = self.0.clone();
                numbers[index] = numbers[index].checked_sub(1)?;
                Some(Self(numbers))
            };
            (0..self.0.len()).filter_map(smaller).collect()
        }
    }

    struct Toy;

    impl Subject for Toy {
        type Plan = Numbers;

        fn run(&self, plan: &Numbers, _seed: u64) -> Outcome {
            let seven = plan.0.iter().position(|number| *number >= 7);
            let fails = seven.is_some_and(|seven| plan.0[seven + 1..].iter().any(|number| *number >= 3));
            // A failure that lures: whoever takes any failure for the one that is looked for ends up here.
            let rule = if fails { "order" } else { "small" };
            let violation =
                Violation { rule: rule.to_owned(), message: String::new(), at: Duration::ZERO, record: None };
            Outcome {
                violations: if fails || plan.0.len() < 3 { vec![violation] } else { vec![] },
                ..Outcome::default()
            }
        }
    }

    fn shrunk(seed: u64, runs_max: u64) -> (Numbers, Shrunk<Numbers>) {
        let mut random = crate::campaign::Draws::new(seed).stream(&["numbers"]);
        let plan = Numbers((0..40).map(|_| random.below(10)).collect());
        let outcome = Toy.run(&plan, seed);
        let signature = outcome.signature().expect("forty numbers have such a pair");
        let shrunk = shrink(&Toy, plan.clone(), seed, outcome, &signature, |progress| progress.runs < runs_max);
        (plan, shrunk)
    }

    #[test]
    fn nothing_can_be_taken_from_the_result_and_it_fails_alike() {
        for seed in 0..50 {
            let (_, shrunk) = shrunk(seed, u64::MAX);
            assert_eq!(shrunk.plan, Numbers(vec![7, 3]), "seed {seed}");
            assert!(shrunk.is_minimal);
            assert_eq!(shrunk.outcome.violations[0].rule, "order");
        }
    }

    #[test]
    fn cut_short_it_is_never_worse_than_at_the_beginning() {
        for runs_max in 0..60 {
            let (plan, shrunk) = shrunk(1, runs_max);
            assert!(shrunk.plan.parts() <= plan.parts() && shrunk.runs <= runs_max);
            assert_eq!(Toy.run(&shrunk.plan, 1).violations[0].rule, "order");
            assert!(!shrunk.is_minimal || shrunk.plan == Numbers(vec![7, 3]));
        }
    }
}
