//! Long random runs of the machine among all that can happen to it: finer steps than the search takes, and older news.

use groundhog_tunnel::machine::{JobStatus, Options, State, Transition};
use proptest::{prelude::*, sample::Index, test_runner::RngSeed};

use super::model::{Grain, Model, Step};

/// More steps than a tunnel needs to come up and down again with everything told in between.
const SETTLE_STEPS_MAX: usize = 1_000;

fn options() -> impl Strategy<Value = Options> {
    (any::<bool>(), any::<bool>())
        .prop_map(|(no_autostart, no_wait_for_scripts)| Options { no_autostart, no_wait_for_scripts })
}

fn first() -> impl Strategy<Value = Model> {
    let transition = proptest::sample::select(Transition::ALL);
    let status = proptest::sample::select(&[JobStatus::Pending, JobStatus::Running, JobStatus::Succeeded][..]);
    (transition, status).prop_map(|(transition, status)| Model::new(transition, status))
}

/// Signals and losses end a tunnel; without them it lives longer.
fn ends(step: &Step) -> bool {
    matches!(
        step,
        Step::Signal
            | Step::AppGone
            | Step::NetworkGone
            | Step::AppLost
            | Step::NetworkLost
            | Step::Status(JobStatus::Failed | JobStatus::Canceled | JobStatus::Canceling)
            | Step::Queue(Transition::Delete)
    )
}

/// Lets everything that is under way come to its end, and all be told, in an order that `picks` draws; nothing new is
/// begun by people.
fn settle(model: &mut Model, picks: &[Index], options: Options) -> Result<(), String> {
    for at in 0..SETTLE_STEPS_MAX {
        let steps: Vec<Step> = model
            .steps(Grain::Fine)
            .into_iter()
            .filter(|step| {
                !matches!(
                    step,
                    Step::Queue(_)
                        | Step::Status(_)
                        | Step::Lifecycle(_)
                        | Step::Resync
                        | Step::Signal
                        | Step::AppGone
                        | Step::NetworkGone
                )
            })
            .collect();
        if steps.is_empty() {
            return if model.machine.state() == State::Exit || model.is_quiet() {
                Ok(())
            } else {
                Err(format!("nothing is left to happen, and it is not quiet: {model:?}"))
            };
        }
        let step = *picks[at % picks.len()].get(&steps);
        model.take(step, options)?;
    }
    Err(format!("does not come to rest: {model:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000, failure_persistence: None, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default()
    })]

    /// Whatever happens, in whatever order: nothing unexpected, one start at a time, an application only inside a network,
    /// and when all has come to rest no tunnel waits for what does not come. A signal then ends it.
    #[test]
    fn whatever_happens_a_tunnel_is_sound_and_ends(
        mut model in first(),
        options in options(),
        picks in proptest::collection::vec((any::<Index>(), 0_u8..20), 1..200),
        order in proptest::collection::vec(any::<Index>(), 1..20),
    ) {
        for (pick, luck) in &picks {
            let mut steps = model.steps(Grain::Fine);
            if *luck > 0 {
                steps.retain(|step| !ends(step));
            }
            if steps.is_empty() {
                continue;
            }
            let step = *pick.get(&steps);
            model.take(step, options).map_err(|wrong| TestCaseError::fail(format!("{wrong} by {step:?}")))?;
        }
        settle(&mut model, &order, options).map_err(TestCaseError::fail)?;
        if model.machine.state() != State::Exit {
            model.take(Step::Signal, options).map_err(TestCaseError::fail)?;
            settle(&mut model, &order, options).map_err(TestCaseError::fail)?;
        }
        prop_assert_eq!(model.machine.state(), State::Exit);
    }
}
