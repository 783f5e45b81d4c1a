//! When a script is to run by the clock.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

/// A schedule: second, minute, hour, day of the month, month, day of the week; by UTC.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    cron: Cron,
}

/// The text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no schedule: expected second, minute, hour, day, month and weekday (0 to 6): {why}")]
pub(crate) struct ScheduleError {
    text: String,
    why: String,
}

impl Schedule {
    /// The schedule that `text` writes down.
    pub(crate) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let error = |why: String| ScheduleError { text: text.chars().take(100).collect(), why };
        let fields: Vec<&str> = text.split_whitespace().collect();
        // The library takes 7 for Sunday; others don't, and what runs here has to run there.
        let weekday = fields.last().copied().unwrap_or_default();
        if weekday.split([',', '-']).any(|day| day.split(['/', '#']).next() == Some("7")) {
            return Err(error("there is no weekday 7".to_owned()));
        }
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
        match parser.parse(text) {
            // A word such as "@daily" stands for fewer fields.
            Ok(_) if fields.len() != 6 => Err(error(format!("it has {} fields", fields.len()))),
            Ok(cron) => Ok(Self { cron }),
            Err(why) => Err(error(why.to_string())),
        }
    }

    /// The first time after `now`; none if there is none in reach.
    pub(crate) fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let now = now.to_zoned(TimeZone::UTC);
        self.cron.find_next_occurrence(&now, false).ok().map(|next| next.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_has_seconds() {
        let check = |text: &str, now: &str, expected: &str| {
            let schedule = Schedule::parse(text).expect("a schedule");
            let next = schedule.next_after(now.parse().expect("a time"));
            assert_eq!(next, Some(expected.parse().expect("a time")), "{text}");
        };
        check("*/10 * * * * *", "2024-05-01T10:00:00Z", "2024-05-01T10:00:10Z");
        check("*/10 * * * * *", "2024-05-01T10:00:09.999Z", "2024-05-01T10:00:10Z");
        check("0 30 9 * * 1-5", "2024-05-03T09:30:00Z", "2024-05-06T09:30:00Z");
        check("0 0 0 1 1 *", "2024-05-03T09:30:00Z", "2025-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in
            ["", "* * * * *", "0 0 0 1 1 * 2030", "@daily", "61 * * * * *", "often", "0 0 0 * * 7", "0 0 0 * * 1,7"]
        {
            assert!(Schedule::parse(text).is_err(), "{text:?}");
        }
    }
}
