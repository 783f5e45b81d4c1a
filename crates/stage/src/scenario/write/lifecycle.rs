//! What the platform does by itself, and when workspaces come and go, as a file says it.

use std::time::Duration;

use groundhog_control::{AutobuildConfig, PrebuildsConfig};
use toml_edit::{InlineTable, Value};

use super::text_of;
use crate::scenario::{Control, Lifecycle, defaults};

/// What is said of building ahead, where it would not be so anyway. `asked_for` says whether it would be on.
pub(super) fn prebuilds(control: &Control, asked_for: bool) -> Option<Value> {
    let (own, default) = (&control.prebuilds, PrebuildsConfig::default());
    let mut table = InlineTable::new();
    for (key, span, usual) in [
        ("interval", own.interval, default.interval),
        ("backoff_interval", own.backoff_interval, default.backoff_interval),
        ("backoff_lookback", own.backoff_lookback, default.backoff_lookback),
        ("lingering_kept", own.lingering_kept, default.lingering_kept),
        ("lease", own.lease, default.lease),
    ] {
        if span != usual {
            table.insert(key, text_of(span));
        }
    }
    for (key, number, usual) in [
        ("failure_hard_limit", own.failure_hard_limit, default.failure_hard_limit),
        ("concurrency_max", own.concurrency_max, default.concurrency_max),
        ("machines", control.ahead_machines, defaults::AHEAD_MACHINES),
    ] {
        if number != usual {
            table.insert(key, i64::from(number).into());
        }
    }
    switch(table, own.enabled, asked_for)
}

/// The same for workspaces that go by the clock.
pub(super) fn autobuild(control: &Control, asked_for: bool) -> Option<Value> {
    let (own, default) = (&control.autobuild, AutobuildConfig::default());
    let mut table = InlineTable::new();
    if own.interval != default.interval {
        table.insert("interval", text_of(own.interval));
    }
    switch(table, own.enabled, asked_for)
}

/// On or off where that is not as it would be, beside how it is.
fn switch(mut table: InlineTable, enabled: bool, asked_for: bool) -> Option<Value> {
    match (table.is_empty(), enabled == asked_for) {
        (true, true) => None,
        (true, false) => Some(enabled.into()),
        (false, as_usual) => {
            if !as_usual {
                table.insert("enabled", enabled.into());
            }
            Some(Value::InlineTable(table))
        }
    }
}

/// What a person says of when a workspace starts, stops and goes by itself.
pub(super) fn lifecycle(said: &Lifecycle) -> Vec<(&'static str, Value)> {
    let span = |key: &'static str, span: Option<Duration>| span.map(|span| (key, text_of(span)));
    let autostart = said.autostart.as_ref().map(|text| ("autostart", Value::from(text)));
    let dormant = said.dormant.map(|dormant| ("dormant", Value::from(dormant)));
    [autostart, span("ttl", said.ttl), dormant, span("extend", said.extend)].into_iter().flatten().collect()
}
