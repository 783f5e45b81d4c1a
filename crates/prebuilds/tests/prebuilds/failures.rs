//! Windows of builds.

use groundhog_prebuilds::Backoff;
use groundhog_prebuilds::failures::{Attempt, backoff_window, is_hard_limited};
use proptest::{prelude::*, test_runner::RngSeed};

fn attempts() -> impl Strategy<Value = Vec<Attempt<u32>>> {
    // Few instants, so that there are ties; ids that are not in order.
    prop::collection::vec((0_i64..6, any::<bool>()), 0..9)
        .prop_map(|of| {
            let attempt = |(id, (minute, failed))| Attempt { id, created_at_ms: minute * 60_000, failed };
            (0_u32..).zip(of).map(attempt).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// The newest ones: each has fewer than `at_most` that are newer.
fn is_among_the_newest(attempts: &[Attempt<u32>], at_most: u32, one: &Attempt<u32>) -> bool {
    let newer = |other: &&Attempt<u32>| {
        other.created_at_ms > one.created_at_ms || other.created_at_ms == one.created_at_ms && other.id > one.id
    };
    (attempts.iter().filter(newer).count() as u64) < u64::from(at_most)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    #[test]
    fn windows_are_as_the_model_says(attempts in attempts(), window in 0_u32..5, lookback in 0_i64..7, now in 0_i64..9) {
        let (lookback_ms, now_ms) = (lookback * 60_000, now * 60_000);
        let late = |one: &&Attempt<u32>| one.failed && now_ms - one.created_at_ms <= lookback_ms;
        let newest: Vec<_> = attempts.iter().filter(|one| is_among_the_newest(&attempts, window, one)).collect();
        let last = newest.iter().copied().filter(late).map(|one| one.created_at_ms).max();
        let num_failed = u32::try_from(attempts.iter().filter(late).count()).expect("they are few");
        let expected = last.map(|last_build_at_ms| Backoff { num_failed, last_build_at_ms });
        prop_assert_eq!(backoff_window(&attempts, window, lookback_ms, now_ms), expected);

        let limited = window > 0 && newest.len() as u64 == u64::from(window) && newest.iter().all(|one| one.failed);
        prop_assert_eq!(is_hard_limited(&attempts, window), limited);
    }
}

#[test]
fn a_window_longer_than_all_time_is_answered() {
    let attempt = Attempt { id: 1, created_at_ms: i64::MIN, failed: true };
    assert_eq!(
        backoff_window(&[attempt], u32::MAX, i64::MAX, i64::MIN),
        Some(Backoff { num_failed: 1, last_build_at_ms: i64::MIN })
    );
    assert!(!is_hard_limited(&[attempt], u32::MAX));
}
