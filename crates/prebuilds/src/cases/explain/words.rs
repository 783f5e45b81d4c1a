//! Numbers, times and presets in words.

use jiff::{SignedDuration, Timestamp};

use crate::{Preset, schedule};

/// A number and what goes with it: `none runs`, `1 runs`, `2 run`.
pub(super) fn number(count: impl Into<i128>, one: &str, many: &str) -> String {
    match count.into() {
        0 => format!("none {one}"),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

/// So many failures.
pub(super) fn failures(count: u32) -> String {
    number(count, "build failed", "builds failed")
}

/// A span of time.
pub(super) fn span(ms: i64) -> String {
    format!("{:#}", SignedDuration::from_millis(ms))
}

/// An instant.
pub(super) fn instant(at_ms: i64) -> String {
    Timestamp::from_millisecond(at_ms).map_or_else(|_| format!("{at_ms} ms since 1970"), |at| at.to_string())
}

/// What the clocks of a zone show.
pub(super) fn local(zone: &str, at_ms: i64) -> String {
    match (schedule::zone(zone), Timestamp::from_millisecond(at_ms)) {
        (Some(zone), Ok(at)) => at.to_zoned(zone).strftime("%A %Y-%m-%d %H:%M:%S").to_string(),
        _ => instant(at_ms),
    }
}

/// A preset's schedule by its index, and where it holds.
pub(super) fn named_schedule(preset: &Preset, index: usize) -> String {
    let cron = preset.schedules.get(index).map_or("", |schedule| schedule.cron.as_str());
    format!("schedule {} (`{cron}`, {})", index + 1, preset.timezone)
}
