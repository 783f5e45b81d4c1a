//! Decisions in words.

use jiff::SignedDuration;

use super::input::{Question, Situation, instant};
use crate::failures::{Attempt, backoff_window, is_hard_limited};
use crate::{
    AT_ONCE_AT_MOST, Action, Because, DeleteCause, Desired, Preset, Settings, State, actions, can_skip, concurrency,
    desired_instances, find_matching_preset, is_expired, ready, schedule, state,
};

/// What is decided and why: a line for each number and for each decision.
pub(super) fn explain(question: &Question) -> Vec<String> {
    match question {
        Question::StateAndActions(situation) | Question::CanSkip(situation) => pool(situation),
        Question::DesiredInstances { preset, at_ms } => desired(preset, &desired_instances(preset, *at_ms), *at_ms),
        Question::MatchesCron { spec, at_ms } => {
            let at = instant(*at_ms);
            vec![match schedule::matches_spec(spec, *at_ms) {
                Ok(true) => format!("`{spec}` holds at {at}"),
                Ok(false) => format!("`{spec}` does not hold at {at}"),
                Err(error) => format!("`{spec}` says nothing: {error}"),
            }]
        }
        Question::FindMatchingPreset { names, values, presets } => matching(names, values, presets),
        Question::Concurrency { connections } => vec![format!(
            "{} at once: half of {} are to be left to others, and {AT_ONCE_AT_MOST} are the most",
            concurrency(*connections, AT_ONCE_AT_MOST),
            number(*connections, "connection", "connections"),
        )],
        Question::HardLimit { attempts, hard_limit } => vec![limit(attempts, *hard_limit)],
        Question::BackoffWindow { attempts, desired_instances, lookback_ms } => {
            vec![window(attempts, *desired_instances, *lookback_ms)]
        }
        Question::Ready { ready_agents, not_ready_agents } => {
            let is = if ready((*ready_agents).into(), (*not_ready_agents).into()) { "ready" } else { "not ready" };
            let agents = number(*ready_agents, "agent is", "agents are");
            vec![format!("{is}: {agents} ready and {not_ready_agents} not; all must be, and there must be one")]
        }
    }
}

fn pool(situation: &Situation) -> Vec<String> {
    let Situation { pool, settings, now_ms } = situation;
    let state = state(pool, *now_ms);
    let wanted = desired_instances(&pool.preset, *now_ms);
    let mut lines = match why_inactive(&pool.preset) {
        Some(why) => vec![format!("0 wanted: {why}")],
        None => desired(&pool.preset, &wanted, *now_ms),
    };
    lines.push(format!(
        "{}, {} expired; {} given to people; {} more than wanted",
        number(state.actual, "runs", "run"),
        number(state.expired, "is", "are"),
        number(state.eligible, "can be", "can be"),
        number(state.extraneous, "is", "are"),
    ));
    for one in &pool.running {
        if let Some(why) = why_expired(&pool.preset, one.created_at_ms, *now_ms) {
            lines.push(format!("{} is expired: {why}", one.id));
        }
    }
    lines.push(format!(
        "{} being started, {} being stopped, {} being deleted",
        number(state.starting, "is", "are"),
        number(state.stopping, "is", "are"),
        number(state.deleting, "is", "are"),
    ));
    let actions = actions(pool, settings, *now_ms);
    let backs_off = actions.iter().any(|action| matches!(action, Action::Backoff { .. }));
    for action in &actions {
        lines.push(doing(action, situation, &state, &wanted));
    }
    lines.extend(why_nothing_is_built(&actions, &state, backs_off, why_inactive(&pool.preset).is_none()));
    if let Some(backoff) = pool.backoff.filter(|_| !backs_off) {
        lines.push(format!(
            "no back-off any more: {} put it off for a while that is over",
            failures(backoff.num_failed)
        ));
    }
    if can_skip(pool, settings, *now_ms) {
        lines.push("it need not be looked at: it is not active, and nothing of it is left".to_owned());
    }
    lines
}

/// One thing that is to be done, and why.
fn doing(action: &Action<String>, situation: &Situation, state: &State, wanted: &Desired) -> String {
    let Situation { pool, settings, now_ms } = situation;
    match action {
        Action::Backoff { until_ms } => {
            let failed = pool.backoff.map_or(0, |backoff| backoff.num_failed);
            format!(
                "back off until {} ({} from now): {}, each of which puts it off by {}",
                instant(*until_ms),
                span(until_ms.saturating_sub(*now_ms)),
                failures(failed),
                span(settings.backoff_interval_ms),
            )
        }
        Action::CancelPending => format!(
            "withdraw {}: they wait, and are of a version that is not active",
            number(pool.pending, "first build", "first builds")
        ),
        Action::Delete { ids, cause } => format!("delete {}: {}", ids.join(", "), why_deleted(*cause, settings)),
        Action::Create { count } => {
            let mut line = format!(
                "create {count}: {}, {} and {} not expired, {} being built",
                source(&pool.preset, wanted),
                number(state.actual - state.expired, "runs", "run"),
                if state.actual - state.expired == 1 { "is" } else { "are" },
                number(state.starting, "is", "are"),
            );
            if pool.hard_limited {
                line += "; but it is hard limited, so that whoever carries this out builds none";
            }
            line
        }
    }
}

fn why_deleted(cause: DeleteCause, settings: &Settings) -> String {
    match cause {
        DeleteCause::Expired => "expired".to_owned(),
        DeleteCause::Extraneous => "more run than are wanted; the oldest go first".to_owned(),
        DeleteCause::Inactive => "nothing is wanted of them any more; the oldest go first".to_owned(),
        DeleteCause::Lingering => {
            format!("for {} they have neither run nor been built", span(settings.lingering_kept_ms))
        }
    }
}

/// Why nothing is built, if nothing is.
fn why_nothing_is_built(actions: &[Action<String>], state: &State, backs_off: bool, active: bool) -> Option<String> {
    if !active || actions.iter().any(|action| matches!(action, Action::Create { .. })) {
        return None;
    }
    let current = state.actual - state.expired;
    let there = current.saturating_add(state.starting);
    Some(if there >= state.desired {
        format!(
            "nothing is created: {} wanted, {current} that {} not expired and {} being built",
            number(state.desired, "is", "are"),
            if current == 1 { "runs is" } else { "run are" },
            state.starting,
        )
    } else if backs_off {
        format!("nothing is created although {} missing: it backs off", number(state.desired - there, "is", "are"))
    } else {
        return None;
    })
}

/// How many are wanted and why, and what is wrong with schedules.
fn desired(preset: &Preset, wanted: &Desired, at_ms: i64) -> Vec<String> {
    let mut lines: Vec<String> = wanted
        .not_understood
        .iter()
        .map(|(index, error)| format!("schedule {} counts for nothing: {error}", index + 1))
        .collect();
    let own = "so the preset's own number counts";
    let zone = &preset.timezone;
    let why = match &wanted.because {
        Because::NoSchedules => format!("there are no schedules, {own}"),
        Because::NoZone => format!("the schedules have no time zone, {own}"),
        Because::UnknownZone => format!("no time zone is called {zone:?}, {own}"),
        Because::Schedules(error) => format!("the schedules can't stand beside each other, {own}: {error}"),
        Because::Schedule(index) => {
            format!(
                "schedule {} ({}) is the first that holds at {}",
                index + 1,
                cron(preset, *index),
                local(zone, at_ms)
            )
        }
        Because::NoneHolds => format!("no schedule holds at {}, {own}", local(zone, at_ms)),
    };
    lines.push(format!("{} wanted: {why}", wanted.instances));
    lines
}

/// How many are wanted by what, in short.
fn source(preset: &Preset, wanted: &Desired) -> String {
    match wanted.because {
        Because::Schedule(index) => {
            format!("{} wanted by schedule {} ({})", wanted.instances, index + 1, cron(preset, index))
        }
        _ => format!("{} wanted by the preset itself", wanted.instances),
    }
}

/// A schedule's expression and its zone.
fn cron(preset: &Preset, index: usize) -> String {
    let cron = preset.schedules.get(index).map_or("", |schedule| schedule.cron.as_str());
    format!("`{cron}`, {}", preset.timezone)
}

/// What the clocks of a zone show.
fn local(zone: &str, at_ms: i64) -> String {
    match (schedule::zone(zone), jiff::Timestamp::from_millisecond(at_ms)) {
        (Some(zone), Ok(at)) => at.to_zoned(zone).strftime("%A %Y-%m-%d %H:%M:%S").to_string(),
        _ => instant(at_ms),
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
    let without_invalidation = Preset { last_invalidated_at_ms: None, ..preset.clone() };
    Some(match (is_expired(&without_invalidation, created_at_ms, now_ms), created_at_ms, preset.ttl_ms) {
        (true, Some(created_at_ms), Some(ttl_ms)) => {
            format!("it is {} old, and is kept for {}", span(now_ms.saturating_sub(created_at_ms)), span(ttl_ms))
        }
        _ => format!(
            "it was made before the preset was invalidated at {}",
            instant(preset.last_invalidated_at_ms.unwrap_or(now_ms))
        ),
    })
}

fn matching(names: &[String], values: &[String], presets: &[(String, Vec<(String, String)>)]) -> Vec<String> {
    let texts = |of: &[String]| of.iter().map(String::clone).collect::<Vec<_>>();
    let (names, values) = (texts(names), texts(values));
    let found = find_matching_preset(
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
        &values.iter().map(String::as_str).collect::<Vec<_>>(),
        presets,
    );
    vec![match found {
        Err(error) => format!("no preset: {error}, and there are {} names and {} values", names.len(), values.len()),
        Ok(None) => format!("no preset: none of {} has all of its parameters among those given", presets.len()),
        Ok(Some(preset)) => {
            let parameters = presets.iter().find(|(name, _)| name == preset).map_or(0, |(_, of)| of.len());
            format!(
                "preset {preset}: all of its {} given, and of no other preset more are; of equal ones the first by name",
                number(parameters as u64, "parameter is", "parameters are"),
            )
        }
    }]
}

fn limit(attempts: &[Attempt<usize>], hard_limit: u32) -> String {
    if hard_limit == 0 {
        return "not hard limited: there is no limit".to_owned();
    }
    let failed = attempts.iter().rev().take_while(|attempt| attempt.failed).count();
    let is = if is_hard_limited(attempts, hard_limit) { "hard limited" } else { "not hard limited" };
    format!("{is}: up to the newest, {} failed in a row, and {hard_limit} are too many", builds(failed))
}

fn window(attempts: &[Attempt<usize>], desired_instances: u32, lookback_ms: i64) -> String {
    let newest = format!("of the newest {desired_instances} (as many as are wanted)");
    match backoff_window(attempts, desired_instances, lookback_ms, 0) {
        None => format!("no back-off: {newest} none failed within {}", span(lookback_ms)),
        Some(backoff) => format!(
            "back-off: {newest} one failed within {}, the last of them {} ago; within that time {} in all",
            span(lookback_ms),
            span(backoff.last_build_at_ms.saturating_neg()),
            failures(backoff.num_failed),
        ),
    }
}

fn failures(count: u32) -> String {
    number(count, "build failed", "builds failed")
}

fn builds(count: usize) -> String {
    number(count as u64, "build", "builds")
}

/// A number and its noun.
fn number(count: impl Into<i128>, one: &str, many: &str) -> String {
    let count = count.into();
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A span of time for people.
fn span(ms: i64) -> String {
    format!("{:#}", SignedDuration::from_millis(ms))
}
