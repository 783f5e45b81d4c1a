//! What follows if decisions are carried out.

use std::collections::BTreeSet;

use groundhog_prebuilds::{Action, Pool, Prebuilt, actions, state};
use proptest::{prelude::*, test_runner::RngSeed};

use super::pools::{Situation, situation};

/// All that is to be done is done, and all that is under way has ended well.
fn carried_out(mut pool: Pool<u32>, actions: &[Action<u32>], now_ms: i64) -> Pool<u32> {
    let mut built = pool.in_progress.starting;
    for action in actions {
        match action {
            Action::Backoff { .. } => (),
            Action::CancelPending => pool.pending = 0,
            Action::Delete { ids, .. } => {
                pool.running.retain(|one| !ids.contains(&one.id));
                pool.lingering.retain(|one| !ids.contains(&one.id));
            }
            Action::Create { count } => built += count,
        }
    }
    pool.in_progress = Default::default();
    let next = (100..).zip(0..built).map(|(id, _)| Prebuilt { id, created_at_ms: Some(now_ms + 1), ready: true });
    pool.running.extend(next);
    pool
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 10_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    /// Once all is carried out as many run as are wanted and nothing more is to do, unless too many were on the way: then
    /// after once more.
    #[test]
    fn a_pool_settles_and_stays(situation in situation()) {
        let Situation { mut pool, settings, now_ms, .. } = situation;
        pool.backoff = None;
        pool.preset.last_invalidated_at_ms = pool.preset.last_invalidated_at_ms.map(|at| at.min(now_ms));
        for _ in 0..2 {
            let todo = actions(&pool, &settings, now_ms);
            pool = carried_out(pool, &todo, now_ms);
        }
        prop_assert_eq!(actions(&pool, &settings, now_ms), []);
        let state = state(&pool, now_ms);
        prop_assert_eq!((state.actual, state.expired, state.extraneous), (state.desired, 0, 0));
    }

    /// However many fail, there are never more than are wanted because of what was decided.
    #[test]
    fn no_more_are_built_than_are_wanted(situation in situation()) {
        let Situation { pool, settings, now_ms, .. } = situation;
        let state = state(&pool, now_ms);
        for action in actions(&pool, &settings, now_ms) {
            if let Action::Create { count } = action {
                prop_assert!(count > 0);
                prop_assert_eq!(state.actual - state.expired + state.starting + u64::from(count), state.desired);
            }
        }
    }

    /// Nothing is deleted twice, and nothing that is not there; builds are told last, back-off first.
    #[test]
    fn what_is_done_can_be_done_in_that_order(situation in situation()) {
        let Situation { pool, settings, now_ms, .. } = situation;
        let todo = actions(&pool, &settings, now_ms);
        let there = pool.running.iter().map(|one| one.id).chain(pool.lingering.iter().map(|one| one.id));
        let mut there: BTreeSet<u32> = there.collect();
        let backs_off = |action: &Action<u32>| matches!(action, Action::Backoff { .. });
        for (index, action) in todo.iter().enumerate() {
            match action {
                Action::Backoff { until_ms } => prop_assert!(index == 0 && *until_ms >= now_ms),
                Action::CancelPending => prop_assert!(todo[..index].iter().all(backs_off)),
                Action::Delete { ids, .. } => {
                    prop_assert!(!ids.is_empty());
                    prop_assert!(ids.iter().all(|id| there.remove(id)));
                }
                Action::Create { .. } => {
                    prop_assert_eq!(index, todo.len() - 1);
                    prop_assert!(!backs_off(&todo[0]));
                }
            }
        }
    }

    /// Failures hold back builds and nothing else (P11), and the hard limit changes nothing here.
    #[test]
    fn back_off_takes_away_builds_only(situation in situation()) {
        let Situation { pool, settings, now_ms, .. } = situation;
        let without = Pool { backoff: None, hard_limited: !pool.hard_limited, ..pool.clone() };
        let mut expected = actions(&without, &settings, now_ms);
        let todo = actions(&pool, &settings, now_ms);
        if let Some(backoff @ Action::Backoff { .. }) = todo.first() {
            expected.retain(|action| !matches!(action, Action::Create { .. }));
            expected.insert(0, backoff.clone());
        }
        prop_assert_eq!(todo, expected);
    }

    /// The order in which workspaces are given counts for the expired ones of an active preset and for nothing else (P15).
    #[test]
    fn the_order_of_what_is_given_does_not_matter(situation in situation()) {
        let Situation { pool, settings, now_ms, .. } = situation;
        let mut turned = pool.clone();
        turned.running.reverse();
        turned.lingering.reverse();
        let sorted = |pool: &Pool<u32>| {
            let mut todo = actions(pool, &settings, now_ms);
            for action in &mut todo {
                if let Action::Delete { ids, cause: groundhog_prebuilds::DeleteCause::Expired } = action {
                    ids.sort_unstable();
                }
            }
            todo
        };
        prop_assert_eq!(sorted(&pool), sorted(&turned));
    }
}
