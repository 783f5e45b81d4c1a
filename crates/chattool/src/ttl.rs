//! After how long of running a chat's workspace is stopped by itself.

use std::ops::RangeInclusive;

use jiff::fmt::friendly::SpanParser;

/// The longest setting that is looked at, in bytes.
const SETTING_BYTES_MAX: usize = 64;

/// The shortest and the longest that the control plane takes, in milliseconds: a minute, and 30 days.
const TTL_MS: RangeInclusive<i64> = 60_000..=30 * 24 * 3_600_000;

/// What to ask for, in milliseconds, given what administrators have set for all chats, such as `2h`, `1h30m` or `90s`.
///
/// None, and with it whatever the template says, for a setting that is empty, zero, negative, no length of time, or one that
/// the control plane would refuse. A setting is no reason to refuse anybody a workspace.
pub fn ttl_ms(setting: &str) -> Option<i64> {
    let setting = setting.trim();
    if setting.is_empty() || setting.len() > SETTING_BYTES_MAX {
        return None;
    }
    let duration = SpanParser::new().parse_duration(setting).ok()?;
    i64::try_from(duration.as_millis()).ok().filter(|ms| TTL_MS.contains(ms))
}
