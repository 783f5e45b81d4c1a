//! How what an agent reports is merged with what it has reported before, as pure functions.
//!
//! Everything here is bounded by what the agent's description names: a key, an app or a script that is in it has one
//! place, however often it is reported.

use std::collections::{BTreeMap, BTreeSet};

use groundhog_wire::v1::{
    self,
    script_completed_request::{Stage, Status},
};

use crate::names::truncated;

/// How much of a metadata value is kept, in bytes: what an agent sends at most.
pub const METADATA_VALUE_BYTES_MAX: usize = 10 << 10;

/// How much of a metadata error is kept, in bytes.
pub const METADATA_ERROR_BYTES_MAX: usize = 1 << 10;

/// Protocols that an agent's connections are counted by.
pub const PROTOCOLS_MAX: usize = 64;

/// Puts `values` in the place of the earlier ones of their keys; how many. Keys that `described` does not have are
/// passed over: nobody asked for them. A value that is too long is cut, because a refusal would only have it sent
/// again.
pub fn merge_metadata(
    stored: &mut Vec<v1::AgentMetadataValue>,
    values: Vec<v1::AgentMetadataValue>,
    described: &[v1::AgentMetadataDescription],
) -> u64 {
    let known: BTreeSet<&str> = described.iter().map(|metadata| metadata.key.as_str()).collect();
    let mut by_key: BTreeMap<String, v1::AgentMetadataValue> =
        stored.drain(..).map(|value| (value.key.clone(), value)).collect();
    let mut count = 0;
    for mut value in values.into_iter().filter(|value| known.contains(value.key.as_str())) {
        if value.value.len() > METADATA_VALUE_BYTES_MAX && value.error.is_empty() {
            value.error = format!("the value of {} bytes was cut at {METADATA_VALUE_BYTES_MAX}", value.value.len());
        }
        value.value.truncate(truncated(&value.value, METADATA_VALUE_BYTES_MAX).len());
        value.error.truncate(truncated(&value.error, METADATA_ERROR_BYTES_MAX).len());
        by_key.insert(value.key.clone(), value);
        count += 1;
    }
    *stored = by_key.into_values().collect();
    count
}

/// Adds a report to the sum of those before. How many terminals are open and how long an answer takes are not sums: the
/// last word stands.
pub fn add_stats(total: &mut v1::AgentStats, report: &v1::AgentStats) {
    for (protocol, count) in &report.connections_by_protocol {
        let room = total.connections_by_protocol.len() < PROTOCOLS_MAX;
        if room || total.connections_by_protocol.contains_key(protocol) {
            let sum = total.connections_by_protocol.entry(protocol.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
    add(&mut total.connection_count, report.connection_count);
    add(&mut total.received_packets, report.received_packets);
    add(&mut total.received_bytes, report.received_bytes);
    add(&mut total.sent_packets, report.sent_packets);
    add(&mut total.sent_bytes, report.sent_bytes);
    total.median_latency_ms = report.median_latency_ms;
    total.session_count_pty = report.session_count_pty;
}

/// The apps of `described` with their healths, in its order: what was reported, or what one is in before anything was.
pub fn apps(described: &[v1::AgentApp], reported: &[v1::AgentAppView]) -> Vec<v1::AgentAppView> {
    let reported: BTreeMap<&str, i32> = reported.iter().map(|app| (app.slug.as_str(), app.health)).collect();
    let health = |app: &v1::AgentApp| {
        let unchecked = v1::AppHealth::Disabled;
        let first = if app.health_check.is_some() { v1::AppHealth::Initializing } else { unchecked };
        reported.get(app.slug.as_str()).copied().unwrap_or(first.into())
    };
    described.iter().map(|app| v1::AgentAppView { slug: app.slug.clone(), health: health(app) }).collect()
}

/// Keeps how a script went; whether it is kept. Of each script's start and stop the first one is, so that a process
/// that was started anew and runs them again does not change what they took (F14); of its cron runs the last one.
pub fn keep_timing(stored: &mut Vec<v1::ScriptCompletedRequest>, report: v1::ScriptCompletedRequest) -> bool {
    let same =
        |timing: &&mut v1::ScriptCompletedRequest| timing.script_id == report.script_id && timing.stage == report.stage;
    match stored.iter_mut().find(same) {
        None => stored.push(report),
        Some(earlier) if report.stage() == Stage::Cron => *earlier = report,
        Some(_) => return false,
    }
    true
}

/// The word for an app's health that events use.
pub const fn health_word(health: v1::AppHealth) -> &'static str {
    match health {
        v1::AppHealth::Unspecified => "",
        v1::AppHealth::Disabled => "disabled",
        v1::AppHealth::Initializing => "initializing",
        v1::AppHealth::Healthy => "healthy",
        v1::AppHealth::Unhealthy => "unhealthy",
    }
}

/// The word for a script's stage that events use.
pub const fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Unspecified => "",
        Stage::Start => "start",
        Stage::Stop => "stop",
        Stage::Cron => "cron",
    }
}

/// The word for how a script went that events use.
pub const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Unspecified => "",
        Status::Ok => "ok",
        Status::ExitFailure => "exit_failure",
        Status::TimedOut => "timed_out",
        Status::PipesLeftOpen => "pipes_left_open",
        Status::Skipped => "skipped",
    }
}
