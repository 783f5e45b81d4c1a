//! When a schedule holds, and which schedules can stand beside each other.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cron::{Cron, CronError};

/// Whether a cron expression holds at an instant (milliseconds since 1970), in a time zone.
///
/// It is the wall clock there that counts: in the hour that a clock change skips nothing holds, and the hour that comes
/// twice holds twice.
///
/// # Errors
///
/// If the expression was not understood.
pub fn matches(expression: &str, zone: &TimeZone, at_ms: i64) -> Result<bool, CronError> {
    let cron: Cron = expression.parse()?;
    // An instant that no calendar has is taken for the nearest one that it has.
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(if at_ms < 0 { Timestamp::MIN } else { Timestamp::MAX });
    Ok(cron.matches(zone.to_datetime(at)))
}

/// The time zone of a name, if there is one: an IANA name, spelled as it is there, such as `Europe/Berlin`.
pub fn zone(name: &str) -> Option<TimeZone> {
    // The names are those of files where others look for them: upper and lower case differ.
    TimeZone::get(name).ok().filter(|zone| zone.iana_name() == Some(name))
}

/// Whether a cron expression holds at an instant (milliseconds since 1970), in UTC or in the time zone that it names itself:
/// `CRON_TZ=Europe/Berlin * 9-18 * * 1-5`.
///
/// # Errors
///
/// If the expression was not understood, or there is no such time zone.
pub fn matches_spec(spec: &str, at_ms: i64) -> Result<bool, SpecError> {
    let (zone, expression) = match spec.trim_start().strip_prefix("CRON_TZ=") {
        None => (TimeZone::UTC, spec),
        Some(rest) => {
            let (name, expression) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            (zone(name).ok_or_else(|| SpecError::UnknownZone(name.to_owned()))?, expression)
        }
    };
    Ok(matches(expression, &zone, at_ms)?)
}

/// Why an expression that may name a time zone was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The expression was not.
    #[error(transparent)]
    Cron(#[from] CronError),
    /// There is no time zone of that name.
    #[error("no time zone is called {0:?}: an IANA name such as Europe/Berlin is needed")]
    UnknownZone(String),
}

/// Why schedules can't stand beside each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Two of them hold at the same time.
    #[error("`{first}` and `{second}` overlap: only one of them may hold at a time")]
    Overlap {
        /// The one declared first.
        first: String,
        /// The other.
        second: String,
    },
    /// One of them can't be compared.
    #[error(
        "`{expression}` can't be compared with others, because of `{part}`: fields are lists of `*`, `n` and `a-b` up to \
         {highest}, without steps and names"
    )]
    Part {
        /// The schedule.
        expression: String,
        /// What was not understood.
        part: String,
        /// The highest number that may stand there.
        highest: u32,
    },
    /// One of them has too few or too many fields.
    #[error("`{expression}` has {fields} fields: 5 are needed (minute, hour, day of month, month, day of week)")]
    Fields {
        /// The schedule.
        expression: String,
        /// So many.
        fields: usize,
    },
}

/// Whether schedules can stand beside each other: each two must differ in a month, a day or an hour.
///
/// Of the days, the days of the week are compared if either day of the month is `*`; else the days of the month if
/// either day of the week is `*`; else both, and one in common is enough. One schedule alone is never looked at. This is
/// stricter than what a schedule alone may be: it knows no steps and no names.
///
/// # Errors
///
/// The first two that overlap, or the first part that was not understood.
pub fn validate<'a>(expressions: impl IntoIterator<Item = &'a str>) -> Result<(), ScheduleError> {
    let expressions: Vec<&str> = expressions.into_iter().collect();
    for (index, first) in expressions.iter().enumerate() {
        for second in &expressions[index + 1..] {
            if overlap(first, second)? {
                return Err(ScheduleError::Overlap { first: (*first).to_owned(), second: (*second).to_owned() });
            }
        }
    }
    Ok(())
}

/// A schedule's fields, as they are compared.
struct Fields<'a> {
    expression: &'a str,
    hours: &'a str,
    days: &'a str,
    months: &'a str,
    weekdays: &'a str,
}

impl<'a> Fields<'a> {
    fn of(expression: &'a str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [_, hours, days, months, weekdays] = fields[..] else {
            return Err(ScheduleError::Fields { expression: expression.to_owned(), fields: fields.len() });
        };
        Ok(Self { expression, hours, days, months, weekdays })
    }

    /// The values of one of them.
    fn values(&self, field: &str, highest: u32) -> Result<BTreeSet<u32>, ScheduleError> {
        let mut values = BTreeSet::new();
        for part in field.split(',') {
            let (first, last) = match part.split_once('-') {
                // Alone, it stands for all; in a list it is no number.
                None if field == "*" => (Some(0), Some(highest)),
                None => (part.parse().ok(), part.parse().ok()),
                Some((first, last)) => (first.parse().ok(), last.parse().ok()),
            };
            match (first, last) {
                (Some(first), Some(last)) if first <= last && last <= highest => values.extend(first..=last),
                _ => {
                    return Err(ScheduleError::Part {
                        expression: self.expression.to_owned(),
                        part: part.to_owned(),
                        highest,
                    });
                }
            }
        }
        Ok(values)
    }
}

fn overlap(first: &str, second: &str) -> Result<bool, ScheduleError> {
    let (first, second) = (Fields::of(first)?, Fields::of(second)?);
    let meet = |one: &str, other: &str, highest: u32| {
        Ok(!first.values(one, highest)?.is_disjoint(&second.values(other, highest)?))
    };
    // All that is compared is understood before anything is said: whether a schedule is good must not depend on which
    // month the one beside it has.
    let months = meet(first.months, second.months, 12)?;
    let days = if first.days == "*" || second.days == "*" {
        meet(first.weekdays, second.weekdays, 6)?
    } else if first.weekdays == "*" || second.weekdays == "*" {
        meet(first.days, second.days, 31)?
    } else {
        let days = meet(first.days, second.days, 31)?;
        meet(first.weekdays, second.weekdays, 6)? || days
    };
    let hours = meet(first.hours, second.hours, 23)?;
    Ok(months && days && hours)
}
