//! Which script may begin when, as a pure value.

use std::collections::BTreeMap;

use super::{
    Script,
    outcome::{StageEnd, Status},
};

/// The scripts can't be put in order. Found out before anything runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OrderError {
    /// A script waits for one that is not there.
    #[error("script {script:?} is to run after {after:?}, which is no script of this agent")]
    Unknown {
        /// The one that waits.
        script: String,
        /// What it waits for.
        after: String,
    },
    /// A script waits for a name that several have.
    #[error("script {script:?} is to run after {after:?}, and several scripts are called so: give each its own name")]
    Ambiguous {
        /// The one that waits.
        script: String,
        /// What it waits for.
        after: String,
    },
    /// Scripts wait for each other.
    #[error("scripts wait for each other: {}", .scripts.join(", "))]
    Circle {
        /// Their names, in their order.
        scripts: Vec<String>,
    },
}

/// What a script waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Need {
    /// The other one's place.
    script: usize,
    /// It is enough that it has ended.
    completion: bool,
}

/// What the scripts of an agent wait for.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    needs: Vec<Vec<Need>>,
}

impl Order {
    /// Of all scripts of an agent, by their display names.
    pub(crate) fn new(scripts: &[Script]) -> Result<Self, OrderError> {
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, script) in scripts.iter().enumerate() {
            places.entry(&script.name).or_default().push(index);
        }
        let need = |script: &Script, after: &super::After| {
            let named = || (script.name.clone(), after.script.clone());
            match places.get(after.script.as_str()).map_or(&[][..], Vec::as_slice) {
                [one] => Ok(Need { script: *one, completion: after.completion }),
                [] => Err(named()).map_err(|(script, after)| OrderError::Unknown { script, after }),
                _ => Err(named()).map_err(|(script, after)| OrderError::Ambiguous { script, after }),
            }
        };
        let needs = |script: &Script| script.after.iter().map(|after| need(script, after)).collect();
        let order = Self { needs: scripts.iter().map(needs).collect::<Result<_, _>>()? };
        match order.circle() {
            circle if circle.is_empty() => Ok(order),
            circle => {
                Err(OrderError::Circle { scripts: circle.into_iter().map(|at| scripts[at].name.clone()).collect() })
            }
        }
    }

    /// The scripts that can never begin, because what they wait for can't.
    fn circle(&self) -> Vec<usize> {
        let mut open: Vec<usize> = (0..self.needs.len()).collect();
        loop {
            let waits = |at: &usize| self.needs[*at].iter().any(|need| open.contains(&need.script));
            let still_open: Vec<usize> = open.iter().copied().filter(waits).collect();
            if still_open.len() == open.len() {
                return open;
            }
            open = still_open;
        }
    }
}

/// What is to be done next in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Run the script at this place.
    Start(usize),
    /// Say that the script at this place won't be run.
    Skip(usize),
}

/// One stage: the scripts that take part, and how far they are. All begin at once, but for those that wait for another
/// one that takes part; who waits for one that does not take part does not wait.
#[derive(Debug)]
pub(crate) struct StageRun<'a> {
    order: &'a Order,
    scripts: BTreeMap<usize, Progress>,
    end: StageEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Waits,
    Runs,
    Ended(Status),
}

impl<'a> StageRun<'a> {
    /// The scripts at these places take part.
    pub(crate) fn new(order: &'a Order, scripts: impl IntoIterator<Item = usize>) -> Self {
        let scripts = scripts.into_iter().map(|at| (at, Progress::Waits)).collect();
        Self { order, scripts, end: StageEnd::default() }
    }

    /// What may be done now, in the scripts' order. To be asked at the beginning and after each end.
    pub(crate) fn next(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            let step = self.scripts.iter().find_map(|(at, progress)| match progress {
                Progress::Waits => self.verdict(*at),
                Progress::Runs | Progress::Ended(_) => None,
            });
            match step {
                Some(Step::Start(at)) => {
                    self.scripts.insert(at, Progress::Runs);
                }
                Some(Step::Skip(at)) => self.ended(at, Status::Skipped),
                None => return steps,
            }
            steps.extend(step);
        }
    }

    /// The script at this place has ended.
    pub(crate) fn ended(&mut self, at: usize, status: Status) {
        self.scripts.insert(at, Progress::Ended(status));
        self.end.add(status);
    }

    /// Those that wait, each with what it waits for, in the scripts' order.
    pub(crate) fn waiting(&self) -> Vec<(usize, Vec<usize>)> {
        let open = |at: &usize| matches!(self.scripts.get(at), Some(Progress::Waits | Progress::Runs));
        let waits = self.scripts.iter().filter(|(_, progress)| **progress == Progress::Waits);
        let needs = |at: usize| self.order.needs[at].iter().map(|need| need.script).filter(|at| open(at)).collect();
        waits.map(|(at, _)| (*at, needs(*at))).collect()
    }

    /// How the stage has ended, as far as it has.
    pub(crate) fn end(&self) -> StageEnd {
        self.end
    }

    /// What is to become of a script that waits; none if it goes on waiting. It is not skipped before everything it
    /// waits for has ended, so that what is told of it does not depend on who was quicker.
    fn verdict(&self, at: usize) -> Option<Step> {
        let mut step = Step::Start(at);
        for need in &self.order.needs[at] {
            match self.scripts.get(&need.script) {
                Some(Progress::Waits | Progress::Runs) => return None,
                Some(Progress::Ended(status)) if *status != Status::Ok && !need.completion => step = Step::Skip(at),
                Some(Progress::Ended(_)) | None => {}
            }
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::{super::After, *};

    /// Scripts `0`, `1`, … with what each waits for: `(other, completion)`.
    fn scripts(needs: &[&[(usize, bool)]]) -> Vec<Script> {
        let after = |(other, completion): &(usize, bool)| After { script: other.to_string(), completion: *completion };
        let script = |(at, needs): (usize, &&[(usize, bool)])| Script {
            name: at.to_string(),
            after: needs.iter().map(after).collect(),
            ..Script::default()
        };
        needs.iter().enumerate().map(script).collect()
    }

    #[test]
    fn without_needs_all_begin_at_once() {
        let order = Order::new(&scripts(&[&[], &[], &[]])).expect("there is an order");
        let mut run = StageRun::new(&order, [0, 2]);
        assert_eq!(run.next(), [Step::Start(0), Step::Start(2)]);
        assert_eq!(run.next(), []);
    }

    #[test]
    fn a_script_waits_for_all_that_it_needs() {
        let order = Order::new(&scripts(&[&[(1, false), (2, true)], &[], &[]])).expect("there is an order");
        let mut run = StageRun::new(&order, 0..3);
        assert_eq!(run.next(), [Step::Start(1), Step::Start(2)]);
        assert_eq!(run.waiting(), [(0, vec![1, 2])]);
        run.ended(1, Status::Ok);
        assert_eq!(run.next(), []);
        assert_eq!(run.waiting(), [(0, vec![2])]);
        run.ended(2, Status::ExitFailure);
        assert_eq!(run.next(), [Step::Start(0)]);
        assert_eq!((run.waiting(), run.end()), (vec![], StageEnd::Failed));
    }

    #[test]
    fn what_is_skipped_skips_what_needs_its_success() {
        let order = Order::new(&scripts(&[&[], &[(0, false)], &[(1, false)], &[(1, true)]])).expect("an order");
        let mut run = StageRun::new(&order, 0..4);
        assert_eq!(run.next(), [Step::Start(0)]);
        run.ended(0, Status::TimedOut);
        assert_eq!(run.next(), [Step::Skip(1), Step::Skip(2), Step::Start(3)]);
        run.ended(3, Status::Ok);
        assert_eq!((run.next(), run.end()), (vec![], StageEnd::TimedOut));
    }

    #[test]
    fn who_does_not_take_part_is_not_waited_for() {
        let order = Order::new(&scripts(&[&[(1, false)], &[]])).expect("there is an order");
        assert_eq!(StageRun::new(&order, [0]).next(), [Step::Start(0)]);
    }

    #[test]
    fn what_can_not_be_ordered_is_found_before_anything_runs() {
        let unknown = Order::new(&scripts(&[&[(7, false)]]));
        let (script, after) = ("0".to_owned(), "7".to_owned());
        assert_eq!(unknown.map(drop), Err(OrderError::Unknown { script, after }));
        let itself = Order::new(&scripts(&[&[(0, true)]]));
        assert_eq!(itself.map(drop), Err(OrderError::Circle { scripts: vec!["0".to_owned()] }));
        let circle = Order::new(&scripts(&[&[], &[(2, false)], &[(1, true), (0, false)]]));
        assert_eq!(circle.map(drop), Err(OrderError::Circle { scripts: vec!["1".to_owned(), "2".to_owned()] }));
        let mut twins = scripts(&[&[], &[], &[(0, false)]]);
        twins[1].name = "0".to_owned();
        let (script, after) = ("2".to_owned(), "0".to_owned());
        assert_eq!(Order::new(&twins).map(drop), Err(OrderError::Ambiguous { script, after }));
    }

    /// What each of several scripts waits for, how each would end, and who is quicker.
    type Plan = (Vec<Vec<(usize, bool)>>, Vec<Status>, Vec<usize>);

    /// Any scripts that wait for earlier ones, and any ends.
    fn plans() -> impl Strategy<Value = Plan> {
        let status = prop_oneof![
            4 => Just(Status::Ok),
            1 => Just(Status::ExitFailure),
            1 => Just(Status::TimedOut),
            1 => Just(Status::PipesLeftOpen),
        ];
        (1_usize..9).prop_flat_map(move |count| {
            let needs = (0..count).map(|at| proptest::collection::vec((0..at.max(1), any::<bool>()), 0..3.min(at + 1)));
            let needs = needs.collect::<Vec<_>>().prop_map(|mut needs| {
                needs[0].clear();
                needs
            });
            let picks = proptest::collection::vec(0_usize..8, 30);
            (needs, proptest::collection::vec(status.clone(), count), picks)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() })]

        /// Whoever is quicker: every script is run or skipped, once; none begins before what it waits for has ended;
        /// which ones are skipped depends on nothing but how the others ended.
        #[test]
        fn every_script_has_its_turn((needs, statuses, picks) in plans()) {
            let borrowed: Vec<&[(usize, bool)]> = needs.iter().map(Vec::as_slice).collect();
            let order = Order::new(&scripts(&borrowed)).expect("each waits for earlier ones only");
            let mut run = StageRun::new(&order, 0..needs.len());
            let mut ended: BTreeMap<usize, Status> = BTreeMap::new();
            let mut running = Vec::new();
            let mut picks = picks.into_iter();
            loop {
                for step in run.next() {
                    let (Step::Start(at) | Step::Skip(at)) = step;
                    prop_assert!(!ended.contains_key(&at) && !running.contains(&at), "{at} has had its turn");
                    let missed = needs[at].iter().any(|(other, completion)| {
                        ended.get(other).is_none_or(|status| *status != Status::Ok && !completion)
                    });
                    prop_assert!(needs[at].iter().all(|(other, _)| ended.contains_key(other)), "{at} is too early");
                    prop_assert_eq!(step == Step::Skip(at), missed);
                    match step {
                        Step::Start(at) => running.push(at),
                        Step::Skip(at) => {
                            ended.insert(at, Status::Skipped);
                        }
                    }
                }
                if running.is_empty() {
                    break;
                }
                let at = running.remove(picks.next().unwrap_or(0) % running.len());
                ended.insert(at, statuses[at]);
                run.ended(at, statuses[at]);
            }
            prop_assert_eq!(ended.len(), needs.len());
            prop_assert!(run.waiting().is_empty());
            let all_well = ended.values().all(|status| *status == Status::Ok);
            prop_assert_eq!(run.end() == StageEnd::Well, all_well);
        }
    }
}
