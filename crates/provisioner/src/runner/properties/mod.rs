//! What holds of every run, whatever comes in whatever order: random events against the core, with a model of
//! the control plane, of the session and of the time around it.
//!
//! - [`world`]: that model. [`invariants`]: what must hold, by name.

mod invariants;
mod world;

use std::time::Duration;

use groundhog_wire::v1::{self, TemplateDryRun, TemplateImport, Transition, WorkspaceBuild};
use proptest::{prelude::*, test_runner::RngSeed};

use self::world::World;
use super::event::{Event, Moment};

/// How a call is answered.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Ok,
    LostBefore,
    LostAfter,
    Refused,
    Over,
}

/// One step of a run. What can't happen where it comes is passed over.
#[derive(Clone, Debug)]
enum Step {
    Update(Answer),
    UserCancels,
    Declare(Answer),
    Quota(Answer, bool),
    Terminal(Answer),
    Logs(u16),
    Parsed {
        fails: bool,
    },
    Planned {
        fails: bool,
        cost: i32,
    },
    Applied {
        fails: bool,
    },
    /// An answer to something that was not asked.
    OutOfTurn,
    SendFails,
    SessionEnds,
    Shutdown,
    Close,
    Stop,
    ToDeadline,
    Pass(u64),
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        8 => Just(Answer::Ok),
        3 => Just(Answer::LostBefore),
        3 => Just(Answer::LostAfter),
        1 => Just(Answer::Refused),
        1 => Just(Answer::Over),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => answers().prop_map(Step::Update),
        1 => Just(Step::UserCancels),
        6 => (answers(), any::<bool>()).prop_map(|(answer, ok)| Step::Quota(answer, ok)),
        6 => answers().prop_map(Step::Declare),
        8 => answers().prop_map(Step::Terminal),
        8 => prop_oneof![9 => 1_u16..120, 1 => 9_000_u16..12_000].prop_map(Step::Logs),
        6 => (proptest::bool::weighted(0.1), 0_i32..3).prop_map(|(fails, cost)| Step::Planned { fails, cost }),
        6 => proptest::bool::weighted(0.1).prop_map(|fails| Step::Parsed { fails }),
        6 => any::<bool>().prop_map(|fails| Step::Applied { fails }),
        1 => Just(Step::OutOfTurn),
        1 => Just(Step::SendFails),
        1 => Just(Step::SessionEnds),
        1 => Just(Step::Shutdown),
        1 => Just(Step::Close),
        1 => Just(Step::Stop),
        10 => Just(Step::ToDeadline),
        8 => (1_u64..20_000).prop_map(Step::Pass),
    ]
}

fn kinds() -> impl Strategy<Value = v1::job::Kind> {
    let build = |transition: Transition| {
        v1::job::Kind::WorkspaceBuild(WorkspaceBuild { transition: transition.into(), ..WorkspaceBuild::default() })
    };
    prop_oneof![
        2 => Just(build(Transition::Start)),
        1 => Just(build(Transition::Stop)),
        1 => Just(build(Transition::Destroy)),
        3 => Just(v1::job::Kind::TemplateImport(TemplateImport::default())),
        1 => Just(v1::job::Kind::TemplateDryRun(TemplateDryRun::default())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_run_keeps_the_rules_and_ends(
        kind in kinds(),
        canceled_before in proptest::bool::weighted(0.1),
        provisioner_hangs in any::<bool>(),
        steps in proptest::collection::vec(steps(), 0..120),
    ) {
        let mut world = World::new(kind);
        if canceled_before {
            world.happen(Event::Cancel);
        }
        world.happen(Event::Start);
        for step in &steps {
            world.step(step);
        }
        world.calm_down(provisioner_hangs);
        // Whatever comes now, nothing goes out.
        for event in [Event::Timer, Event::Cancel, Event::Updated(Ok(true)), Event::Terminal(Ok(())), Event::Stop] {
            world.now += Duration::from_secs(3600);
            let effects = world.runner.handle(Moment { now: world.now, wall_ms: 0 }, event);
            world.rules.runner_silence(&effects);
        }
        prop_assert!(world.runner.next_deadline().is_none());
    }
}
