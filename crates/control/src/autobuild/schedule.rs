//! When a workspace is to be started by itself, as its owner writes it down.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

use crate::names::truncated;

/// The longest schedule, in bytes. Five fields that each list every hour fit in it many times over.
const TEXT_BYTES_MAX: usize = 256;

/// What stands before the fields if they are not in UTC.
const ZONE_PREFIX: &str = "CRON_TZ=";

/// How much of a text that is wrong is repeated, in bytes.
const ECHO_BYTES_MAX: usize = 64;

/// Minute, hour, day of the month, month and weekday, in a time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// The text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no schedule: expected minute, hour, day, month and weekday (0 to 6), such as \"30 9 * * 1-5\", after \
     \"CRON_TZ=ZONE \" if they are not in UTC: {why}"
)]
pub struct ScheduleError {
    text: String,
    why: String,
}

impl Schedule {
    /// The schedule that `text` writes down: five cron fields, after `CRON_TZ=ZONE` and a space if they are not in UTC.
    ///
    /// Fails if it is anything else, or longer than 256 bytes, or the zone has no such name.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let error = |why: String| ScheduleError { text: truncated(text, ECHO_BYTES_MAX).to_owned(), why };
        if text.len() > TEXT_BYTES_MAX {
            return Err(error(format!("it is longer than {TEXT_BYTES_MAX} bytes")));
        }
        let (zone, fields) = match text.strip_prefix(ZONE_PREFIX) {
            None => (TimeZone::UTC, text),
            Some(rest) => {
                let (name, fields) = rest.split_once(' ').unwrap_or((rest, ""));
                (TimeZone::get(name).map_err(|_| error(format!("there is no time zone {name:?}")))?, fields)
            }
        };
        let count = fields.split_whitespace().count();
        // A word such as "@daily" stands for several fields.
        if count != 5 {
            return Err(error(format!("it has {count} fields")));
        }
        // The library takes 7 for Sunday; others don't, and what is set here has to mean the same there.
        let weekday = fields.split_whitespace().next_back().unwrap_or_default();
        if weekday.split([',', '-']).any(|day| day.split(['/', '#']).next() == Some("7")) {
            return Err(error("there is no weekday 7".to_owned()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(fields).map_err(|why| error(why.to_string()))?;
        Ok(Self { cron, zone })
    }

    /// The first time after `now_ms`, both in milliseconds since 1970; none if there is none in reach.
    pub fn next_after(&self, now_ms: i64) -> Option<i64> {
        let now = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&now, false).ok().map(|next| next.timestamp().as_millisecond())
    }
}
