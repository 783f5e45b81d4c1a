//! Spans of time as the database counts them.

use std::time::Duration;

/// `duration` in whole milliseconds; the most that there are, if that is too long to say.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
