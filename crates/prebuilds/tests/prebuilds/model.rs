//! How many are wanted and what is to be done, against a model that shares no code: it reads no expression, knows its own
//! calendar, and says of each workspace what becomes of it.

use groundhog_prebuilds::{
    Action, DeleteCause, Prebuilt, State, actions, can_skip, claimable, desired_instances, is_expired, state,
};
use proptest::{prelude::*, test_runner::RngSeed};

use super::pools::{Situation, Times, situation};

/// How many are wanted while the preset is active.
fn wanted(situation: &Situation) -> u32 {
    let default = situation.pool.preset.desired_instances.unwrap_or(0);
    let Some(zone) = situation.zone else { return default };
    let clash = |one: &Times, other: &Times| {
        let meet = |one: Option<(u32, u32)>, other: Option<(u32, u32)>| match (one, other) {
            (Some(one), Some(other)) => one.0 <= other.1 && other.0 <= one.1,
            _ => true,
        };
        let days =
            match (one.days.is_some() && other.days.is_some(), one.weekdays.is_some() && other.weekdays.is_some()) {
                (false, _) => meet(one.weekdays, other.weekdays),
                (true, false) => meet(one.days, other.days),
                (true, true) => meet(one.days, other.days) || meet(one.weekdays, other.weekdays),
            };
        days && meet(Some(one.hours), Some(other.hours)) && meet(one.months, other.months)
    };
    let times = &situation.times;
    if (0..times.len()).any(|one| (0..one).any(|other| clash(&times[one], &times[other]))) {
        return default;
    }
    let local = zone.local(situation.now_ms);
    times.iter().find(|times| times.holds(local)).map_or(default, |times| times.instances)
}

fn active(situation: &Situation) -> bool {
    let preset = &situation.pool.preset;
    preset.using_active_version && !(preset.deleted || preset.deprecated)
}

fn expired(situation: &Situation, one: &Prebuilt<u32>) -> bool {
    let preset = &situation.pool.preset;
    let before = match (preset.last_invalidated_at_ms, one.created_at_ms) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(invalidated), Some(created)) => created < invalidated,
    };
    let outlived = match (preset.ttl_ms, one.created_at_ms) {
        (Some(ttl), Some(created)) if ttl > 0 => created + ttl < situation.now_ms,
        _ => false,
    };
    before || outlived
}

/// How many of the others go before this one when some have to go.
fn before(others: &[&Prebuilt<u32>], one: &Prebuilt<u32>) -> usize {
    let key = |one: &Prebuilt<u32>| (one.created_at_ms.unwrap_or(i64::MIN), one.id);
    others.iter().filter(|other| key(other) < key(one)).count()
}

/// What is to be done, as the model has it.
fn model(situation: &Situation) -> (State, Vec<Action<u32>>) {
    let pool = &situation.pool;
    let active = active(situation);
    let (gone, current): (Vec<_>, Vec<_>) = pool.running.iter().partition(|one| expired(situation, one));
    let desired = if active { u64::from(wanted(situation)) } else { 0 };
    let too_many = if active { (current.len() as u64).saturating_sub(desired) } else { 0 };
    let mut actions = Vec::new();
    let until = pool.backoff.filter(|backoff| backoff.num_failed > 0).map(|backoff| {
        backoff.last_build_at_ms + i64::from(backoff.num_failed) * situation.settings.backoff_interval_ms
    });
    let until = until.filter(|until| *until >= situation.now_ms);
    actions.extend(until.map(|until_ms| Action::Backoff { until_ms }));
    let mut delete = |ids: Vec<u32>, cause| {
        if !ids.is_empty() {
            actions.push(Action::Delete { ids, cause });
        }
    };
    // Each in the place that it has among the others.
    let placed = |of: &[&Prebuilt<u32>]| {
        let mut ids = vec![0; of.len()];
        of.iter().for_each(|one| ids[before(of, one)] = one.id);
        ids
    };
    if active {
        delete(gone.iter().map(|one| one.id).collect(), DeleteCause::Expired);
        let first = usize::try_from(too_many).expect("they are few");
        delete(placed(&current)[..first].to_vec(), DeleteCause::Extraneous);
    } else {
        delete(placed(&pool.running.iter().collect::<Vec<_>>()), DeleteCause::Inactive);
    }
    let mut due: Vec<_> = pool.lingering.iter().filter(|one| one.since_ms + 3_600_000 <= situation.now_ms).collect();
    due.sort_by_key(|one| (one.since_ms, one.id));
    delete(due.iter().map(|one| one.id).collect(), DeleteCause::Lingering);
    if !active && pool.pending > 0 {
        actions.insert(usize::from(until.is_some()), Action::CancelPending);
    }
    let there = current.len() as u64 + u64::from(pool.in_progress.starting);
    if active && until.is_none() && there < desired {
        actions.push(Action::Create { count: u32::try_from(desired - there).expect("they are few") });
    }
    let state = State {
        actual: pool.running.len() as u64,
        desired,
        expired: gone.len() as u64,
        eligible: if active { current.iter().filter(|one| one.ready).count() as u64 } else { 0 },
        extraneous: too_many,
        starting: pool.in_progress.starting.into(),
        stopping: pool.in_progress.stopping.into(),
        deleting: pool.in_progress.deleting.into(),
    };
    (state, actions)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]

    #[test]
    fn decisions_are_as_the_model_says(situation in situation()) {
        let Situation { pool, settings, now_ms, .. } = &situation;
        let (expected_state, expected) = model(&situation);
        prop_assert_eq!(desired_instances(&pool.preset, *now_ms).instances, wanted(&situation));
        prop_assert_eq!(state(pool, *now_ms), expected_state);
        prop_assert_eq!(actions(pool, settings, *now_ms), expected.clone());
        for one in &pool.running {
            prop_assert_eq!(is_expired(&pool.preset, one.created_at_ms, *now_ms), expired(&situation, one));
            let can_be_given = active(&situation) && one.ready && !expired(&situation, one);
            prop_assert_eq!(claimable(&pool.preset, one, *now_ms), can_be_given);
        }
        let skip = !active(&situation) && expected.is_empty() && pool.backoff.is_none();
        prop_assert_eq!(can_skip(pool, settings, *now_ms), skip);
    }
}
