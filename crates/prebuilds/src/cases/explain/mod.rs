//! Decisions in words.

mod pool;
mod words;

use self::words::{failures, instant, number, span};
use super::input::Question;
use crate::failures::{Attempt, backoff_window, is_hard_limited};
use crate::{AT_ONCE_AT_MOST, concurrency, desired_instances, find_matching_preset, ready, schedule};

/// What is decided and why: a line for each number and for each decision.
pub(super) fn explain(question: &Question) -> Vec<String> {
    let line = match question {
        Question::StateAndActions(situation) | Question::CanSkip(situation) => return pool::explain(situation),
        Question::DesiredInstances { preset, at_ms } => {
            return pool::wanted(preset, &desired_instances(preset, *at_ms), *at_ms);
        }
        Question::MatchesCron { spec, at_ms } => cron(spec, *at_ms),
        Question::FindMatchingPreset { names, values, presets } => matching(names, values, presets),
        Question::Concurrency { connections } => format!(
            "{} at once: half of the connections, of which there are {connections}, at least 1 and at most \
             {AT_ONCE_AT_MOST}",
            concurrency(*connections, AT_ONCE_AT_MOST),
        ),
        Question::HardLimit { attempts, hard_limit } => limit(attempts, *hard_limit),
        Question::BackoffWindow { attempts, desired_instances, lookback_ms } => {
            window(attempts, *desired_instances, *lookback_ms)
        }
        Question::Ready { ready_agents, not_ready_agents } => format!(
            "{}: {} ready, {} not; there must be one, and all must be",
            if ready((*ready_agents).into(), (*not_ready_agents).into()) { "ready" } else { "not ready" },
            number(*ready_agents, "agent is", "agents are"),
            number(*not_ready_agents, "is", "are"),
        ),
    };
    vec![line]
}

fn cron(spec: &str, at_ms: i64) -> String {
    match schedule::matches_spec(spec, at_ms) {
        Ok(true) => format!("`{spec}` holds on {}", instant(at_ms)),
        Ok(false) => format!("`{spec}` does not hold on {}", instant(at_ms)),
        Err(error) => format!("`{spec}` can't be read: {error}"),
    }
}

fn matching(names: &[String], values: &[String], presets: &[(String, Vec<(String, String)>)]) -> String {
    let (names, values): (Vec<&str>, Vec<&str>) =
        (names.iter().map(String::as_str).collect(), values.iter().map(String::as_str).collect());
    match find_matching_preset(&names, &values, presets) {
        Err(error) => format!("no preset: {error}, but of names there are {}, of values {}", names.len(), values.len()),
        Ok(None) => format!("no preset: of {} each has a parameter that was not given like that", presets.len()),
        Ok(Some(preset)) => {
            let parameters = presets.iter().find(|(name, _)| name == preset).map_or(0, |(_, of)| of.len());
            format!(
                "preset {preset}: {parameters} of {parameters} parameters were given; no preset of which all were given \
                 has more, and none with as many has a name that comes before"
            )
        }
    }
}

fn limit(attempts: &[Attempt<usize>], hard_limit: u32) -> String {
    if hard_limit == 0 {
        return "not hard limited: there is no limit".to_owned();
    }
    let is = if is_hard_limited(attempts, hard_limit) { "hard limited" } else { "not hard limited" };
    let failed = attempts.iter().rev().take_while(|attempt| attempt.failed).count() as u64;
    format!("{is}: {} in a row up to the newest, and the limit is {hard_limit}", number(failed, "failed", "failed"))
}

fn window(attempts: &[Attempt<usize>], desired_instances: u32, lookback_ms: i64) -> String {
    let newest = format!("of the newest {desired_instances}, as many as are wanted,");
    let within = span(lookback_ms);
    match backoff_window(attempts, desired_instances, lookback_ms, 0) {
        None => format!("no back-off: {newest} none failed within {within}"),
        Some(backoff) => format!(
            "back-off: {newest} the last that failed within {within} was begun {} ago; in that time {} in all",
            span(backoff.last_build_at_ms.saturating_neg()),
            failures(backoff.num_failed),
        ),
    }
}
