//! What is to be done about a pool, in words.

use super::words::{failures, instant, local, named_schedule, number, span};
use crate::cases::input::Situation;
use crate::{
    Action, Because, DeleteCause, Desired, Preset, Settings, State, actions, can_skip, desired_instances, is_expired,
    state,
};

/// A line for each number and for each decision.
pub(super) fn explain(situation: &Situation) -> Vec<String> {
    let Situation { pool, settings, now_ms } = situation;
    let state = state(pool, *now_ms);
    let by = desired_instances(&pool.preset, *now_ms);
    let inactive = why_inactive(&pool.preset);
    let mut lines = match inactive {
        Some(why) => vec![format!("0 wanted: {why}")],
        None => wanted(&pool.preset, &by, *now_ms),
    };
    lines.push(running(&state));
    for one in &pool.running {
        if let Some(why) = why_expired(&pool.preset, one.created_at_ms, *now_ms) {
            lines.push(format!("{} is expired: {why}", one.id));
        }
    }
    lines.push(format!(
        "under way: {}, {}, {}",
        number(state.starting, "is being built", "are being built"),
        number(state.stopping, "stopped", "stopped"),
        number(state.deleting, "deleted", "deleted"),
    ));
    let actions = actions(pool, settings, *now_ms);
    lines.extend(actions.iter().map(|action| doing(action, situation, &state, &by)));
    let backs_off = actions.iter().any(|action| matches!(action, Action::Backoff { .. }));
    let creates = actions.iter().any(|action| matches!(action, Action::Create { .. }));
    if inactive.is_none() && !creates {
        lines.push(why_nothing_is_built(&state, backs_off));
    }
    if let Some(backoff) = pool.backoff.filter(|_| !backs_off) {
        lines.push(format!("no back-off any more: {}, and what that puts off is over", failures(backoff.num_failed)));
    }
    if can_skip(pool, settings, *now_ms) {
        lines.push("it need not be looked at: it is not active, and nothing of it is left".to_owned());
    }
    lines
}

/// How many are wanted and why, and what is wrong with schedules.
pub(super) fn wanted(preset: &Preset, by: &Desired, at_ms: i64) -> Vec<String> {
    let mut lines: Vec<String> = by
        .not_understood
        .iter()
        .map(|(index, error)| format!("{} counts for nothing: {error}", named_schedule(preset, *index)))
        .collect();
    let own = "so the preset's own number counts";
    let zone = &preset.timezone;
    let why = match &by.because {
        Because::NoSchedules => format!("there are no schedules, {own}"),
        Because::NoZone => format!("the schedules have no time zone, {own}"),
        Because::UnknownZone => format!("no time zone is called {zone:?}, {own}"),
        Because::Schedules(error) => format!("the schedules can't stand beside each other, {own}: {error}"),
        Because::Schedule(index) => {
            format!("{} is the first that holds on {}", named_schedule(preset, *index), local(zone, at_ms))
        }
        Because::NoneHolds => format!("no schedule holds on {} in {zone}, {own}", local(zone, at_ms)),
    };
    lines.push(format!("{} wanted: {why}", by.instances));
    lines
}

fn running(state: &State) -> String {
    let mut line = number(state.actual, "runs", "run");
    if state.actual > 0 {
        line += &format!(
            ", {}, {} given to people",
            number(state.expired, "is expired", "are expired"),
            number(state.eligible, "can be", "can be"),
        );
    }
    if state.extraneous > 0 {
        line += &format!(", {} too many", number(state.extraneous, "is", "are"));
    }
    line
}

/// One thing that is to be done, and why.
fn doing(action: &Action<String>, situation: &Situation, state: &State, by: &Desired) -> String {
    let Situation { pool, settings, now_ms } = situation;
    match action {
        Action::Backoff { until_ms } => format!(
            "back off until {} ({} from now): {} of late, and each puts the next one off by {}",
            instant(*until_ms),
            span(until_ms.saturating_sub(*now_ms)),
            failures(pool.backoff.map_or(0, |backoff| backoff.num_failed)),
            span(settings.backoff_interval_ms),
        ),
        Action::CancelPending => format!(
            "withdraw {} of a version that is not active",
            number(pool.pending, "first build that waits", "first builds that wait")
        ),
        Action::Delete { ids, cause } => format!("delete {}: {}", ids.join(", "), why_deleted(*cause, settings)),
        Action::Create { count } => {
            let by = match by.because {
                Because::Schedule(index) => named_schedule(&pool.preset, index),
                _ => "the preset itself".to_owned(),
            };
            let mut line = format!("create {count}: {} wanted by {by}, {}", state.desired, there(state));
            if pool.hard_limited {
                line += "; but so many builds failed in a row that whoever carries this out builds none";
            }
            line
        }
    }
}

/// What there is of what is wanted.
fn there(state: &State) -> String {
    let current = state.actual.saturating_sub(state.expired);
    let runs = match state.expired {
        0 => number(current, "runs", "run"),
        _ => number(current, "runs and is not expired", "run and are not expired"),
    };
    format!("{runs}, {}", number(state.starting, "is being built", "are being built"))
}

fn why_nothing_is_built(state: &State, backs_off: bool) -> String {
    let current = state.actual.saturating_sub(state.expired);
    let missing = state.desired.saturating_sub(current).saturating_sub(state.starting);
    if backs_off && missing > 0 {
        format!("create none, although {} missing: it backs off", number(missing, "is", "are"))
    } else {
        format!("create none: {} wanted, {}", state.desired, there(state))
    }
}

fn why_deleted(cause: DeleteCause, settings: &Settings) -> String {
    match cause {
        DeleteCause::Expired => "expired".to_owned(),
        DeleteCause::Extraneous => "more run than are wanted, and the oldest go first".to_owned(),
        DeleteCause::Inactive => "nothing is wanted of that preset any more".to_owned(),
        DeleteCause::Lingering => {
            format!("for {} or longer they have neither run nor been built", span(settings.lingering_kept_ms))
        }
    }
}

fn why_inactive(preset: &Preset) -> Option<&'static str> {
    if !preset.using_active_version {
        Some("the preset is of a version that is not active")
    } else if preset.deleted {
        Some("the template is deleted")
    } else if preset.deprecated {
        Some("the template is deprecated")
    } else {
        None
    }
}

fn why_expired(preset: &Preset, created_at_ms: Option<i64>, now_ms: i64) -> Option<String> {
    if !is_expired(preset, created_at_ms, now_ms) {
        return None;
    }
    let never_invalidated = Preset { last_invalidated_at_ms: None, ..preset.clone() };
    Some(match (is_expired(&never_invalidated, created_at_ms, now_ms), created_at_ms, preset.ttl_ms) {
        (true, Some(created_at_ms), Some(ttl_ms)) => {
            format!("it is {} old, and is kept for {}", span(now_ms.saturating_sub(created_at_ms)), span(ttl_ms))
        }
        _ => {
            let invalidated_at_ms = preset.last_invalidated_at_ms.unwrap_or(now_ms);
            format!("it was made before the preset was invalidated on {}", instant(invalidated_at_ms))
        }
    })
}
