//! Cron expressions that say when something holds: every minute that matches.
//!
//! An expression has five fields: minute, hour, day of the month, month, day of the week. The first one must be `*`, so
//! that an expression stands for whole hours: `* 9-18 * * 1-5` holds from 09:00:00 until 18:59:59 (P5). The days of the
//! week are 0 (Sunday) to 6; there is no 7.
//!
//! A field is a list of `*`, `n`, `a-b`, each with a step if it is followed by `/n`; months and days of the week have
//! names too. If both days are restricted, one of them is enough, as ever with cron; a field that is `*` restricts
//! nothing, but `*/2` does.

use std::str::FromStr;

use jiff::civil::DateTime;

/// An expression that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// Which values of a field match: a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// It says nothing about which values.
    any: bool,
}

/// Why an expression was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CronError {
    /// It has too few or too many fields.
    #[error("a schedule has 5 fields (minute, hour, day of month, month, day of week), this one {0}")]
    Fields(usize),
    /// The first field is not `*`.
    #[error("the minute of a schedule must be `*`, since it stands for whole hours: {0}")]
    Minute(String),
    /// A part of a field is no number, and no name that this field has.
    #[error("neither a number nor a name that is known here: {0}")]
    NotANumber(String),
    /// A part of a field is of no form that a field has.
    #[error("not `*`, `n` or `a-b`, with or without a step of at least 1: {0}")]
    Form(String),
    /// A number is too low.
    #[error("beginning of range ({value}) below minimum ({lowest}): {part}")]
    BelowMinimum {
        /// The number.
        value: u32,
        /// What the field has as its lowest.
        lowest: u32,
        /// Where it stands.
        part: String,
    },
    /// A number is too high.
    #[error("end of range ({value}) above maximum ({highest}): {part}")]
    AboveMaximum {
        /// The number.
        value: u32,
        /// What the field has as its highest.
        highest: u32,
        /// Where it stands.
        part: String,
    },
    /// A range runs backwards.
    #[error("beginning of range ({first}) beyond end of range ({last}): {part}")]
    Backwards {
        /// Where it begins.
        first: u32,
        /// Where it ends.
        last: u32,
        /// Where it stands.
        part: String,
    },
}

/// What the values of a field may be.
struct Bounds {
    lowest: u32,
    highest: u32,
    /// The names of the values from the lowest on.
    names: &'static [&'static str],
}

const HOURS: Bounds = Bounds { lowest: 0, highest: 23, names: &[] };
const DAYS: Bounds = Bounds { lowest: 1, highest: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    lowest: 1,
    highest: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds = Bounds { lowest: 0, highest: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

impl Cron {
    /// It holds in the minute of this time of day and date, as a clock on the wall shows them.
    pub fn matches(&self, local: DateTime) -> bool {
        let day = self.days.has(local.day());
        let weekday = self.weekdays.has(local.weekday().to_sunday_zero_offset());
        let on_that_day = if self.days.any || self.weekdays.any { day && weekday } else { day || weekday };
        self.hours.has(local.hour()) && self.months.has(local.month()) && on_that_day
    }
}

impl FromStr for Cron {
    type Err = CronError;

    /// # Errors
    ///
    /// If it has not five fields, the first is not `*`, or a part of another one is none.
    fn from_str(expression: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hours, days, months, weekdays] = fields[..] else {
            return Err(CronError::Fields(fields.len()));
        };
        if minute != "*" {
            return Err(CronError::Minute(minute.to_owned()));
        }
        Ok(Self {
            hours: field(hours, &HOURS)?,
            days: field(days, &DAYS)?,
            months: field(months, &MONTHS)?,
            weekdays: field(weekdays, &WEEKDAYS)?,
        })
    }
}

impl Field {
    /// The calendar's numbers are small and not negative, so that a bit stands for each.
    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits & (1 << value) != 0)
    }
}

fn field(text: &str, bounds: &Bounds) -> Result<Field, CronError> {
    let mut field = Field { bits: 0, any: false };
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(number(step, part, &[], 0)?)),
        };
        if step == Some(0) {
            return Err(CronError::Form(part.to_owned()));
        }
        let any = range == "*" || range == "?";
        let (first, last) = if any {
            (bounds.lowest, bounds.highest)
        } else {
            match range.split_once('-') {
                Some((first, last)) => (
                    number(first, part, bounds.names, bounds.lowest)?,
                    number(last, part, bounds.names, bounds.lowest)?,
                ),
                None => {
                    let first = number(range, part, bounds.names, bounds.lowest)?;
                    // A single value with a step stands for itself and everything after it.
                    (first, if step.is_some() { bounds.highest } else { first })
                }
            }
        };
        if first < bounds.lowest {
            return Err(CronError::BelowMinimum { value: first, lowest: bounds.lowest, part: part.to_owned() });
        }
        if last > bounds.highest {
            return Err(CronError::AboveMaximum { value: last, highest: bounds.highest, part: part.to_owned() });
        }
        if first > last {
            return Err(CronError::Backwards { first, last, part: part.to_owned() });
        }
        let step = step.unwrap_or(1);
        field.any |= any && step == 1;
        for value in (first..=last).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            field.bits |= 1 << value;
        }
    }
    Ok(field)
}

/// A number, or the name of one.
fn number(text: &str, part: &str, names: &[&str], lowest: u32) -> Result<u32, CronError> {
    let named = names.iter().position(|name| text.eq_ignore_ascii_case(name)).and_then(|at| u32::try_from(at).ok());
    match named {
        Some(at) => Ok(lowest + at),
        None => text.parse().map_err(|_| match text.contains(['-', '/']) || text.is_empty() {
            true => CronError::Form(part.to_owned()),
            false => CronError::NotANumber(part.to_owned()),
        }),
    }
}
