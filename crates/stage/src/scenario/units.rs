//! Spans of time as people write them: `250ms`, `1m30s`, `1.5s`, and ranges of them: `1ms..5ms`.

use std::time::Duration;

use thiserror::Error;

/// The longest span of time that a scenario may name. A leap year is the longest period over which anything on
/// the platform repeats; what is longer is a typing error.
pub const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The units and what they are in microseconds, the grain of virtual time; the longest first, which is the order
/// in which they are written.
const UNITS: [(&str, u128); 6] =
    [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// How many digits a number may have before or after its point: more than [`DURATION_MAX`] has in microseconds.
const DIGITS_MAX: usize = 18;

/// Why a text is not a span of time.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DurationError {
    /// It has a minus sign.
    #[error("a span of time cannot be negative")]
    Negative,
    /// It is not numbers with units.
    #[error("this is not a span of time")]
    Malformed,
    /// A number stands without its unit.
    #[error("the number `{0}` has no unit")]
    NoUnit(String),
    /// The unit is not one of ours.
    #[error("there is no unit `{0}`")]
    UnknownUnit(String),
    /// A shorter unit stands before a longer one, or one stands twice.
    #[error("the units must go from the longest to the shortest, each at most once")]
    Order,
    /// It is not a whole number of microseconds.
    #[error("this is finer than a microsecond, the grain of virtual time")]
    TooFine,
    /// It is longer than [`DURATION_MAX`].
    #[error("this is longer than 366 days")]
    TooLong,
}

/// A shortest and a longest span of time; something in between is drawn each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationRange {
    /// The shortest.
    pub min: Duration,
    /// The longest, itself included.
    pub max: Duration,
}

/// Reads a span of time.
///
/// ```
/// use std::time::Duration;
/// use groundhog_stage::scenario::units::parse_duration;
///
/// assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
/// assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    if text.is_empty() {
        return Err(DurationError::Malformed);
    }
    let mut total_us: u128 = 0;
    let mut units_left: &[(&str, u128)] = &UNITS;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |c| !c.is_ascii_digit() && c != '.');
        let (unit, after) = split_where(after, |c| c.is_ascii_digit() || c == '.');
        if number.is_empty() {
            return Err(DurationError::Malformed);
        }
        if unit.is_empty() {
            return Err(DurationError::NoUnit(number.to_owned()));
        }
        let Some((_, unit_us)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(DurationError::UnknownUnit(unit.to_owned()));
        };
        let Some(index) = units_left.iter().position(|(name, _)| *name == unit) else {
            return Err(DurationError::Order);
        };
        units_left = &units_left[index + 1..];
        total_us += part_us(number, *unit_us)?;
        rest = after;
    }
    let total_us = u64::try_from(total_us).map_err(|_| DurationError::TooLong)?;
    let total = Duration::from_micros(total_us);
    if total > DURATION_MAX { Err(DurationError::TooLong) } else { Ok(total) }
}

/// Cuts a text before the first character for which `ends` holds.
fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn part_us(number: &str, unit_us: u128) -> Result<u128, DurationError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(DurationError::Malformed);
    }
    if whole.len() > DIGITS_MAX {
        return Err(DurationError::TooLong);
    }
    if fraction.len() > DIGITS_MAX {
        return Err(DurationError::TooFine);
    }
    let digits = |text: &str| text.parse::<u128>().map_err(|_| DurationError::Malformed);
    let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| DurationError::TooFine)?);
    let fraction_us = digits(fraction)? * unit_us;
    if !fraction_us.is_multiple_of(scale) {
        return Err(DurationError::TooFine);
    }
    Ok(digits(whole)? * unit_us + fraction_us / scale)
}

/// Writes a span of time the way it is read; what is finer than a microsecond is dropped.
pub fn show_duration(duration: Duration) -> String {
    let mut left_us = duration.as_micros();
    let mut text = String::new();
    for (unit, unit_us) in UNITS {
        if left_us >= unit_us {
            text.push_str(&format!("{}{unit}", left_us / unit_us));
            left_us %= unit_us;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write_is_read() {
        let cases = [
            ("0s", 0),
            ("250ms", 250_000),
            ("1500us", 1_500),
            ("90s", 90_000_000),
            ("1m30s", 90_000_000),
            ("2h", 7_200_000_000),
            ("1.5s", 1_500_000),
            ("0.000001s", 1),
            ("1d2h3m4s5ms6us", 93_784_005_006),
            ("366d", 31_622_400_000_000),
        ];
        for (text, us) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(us)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("", DurationError::Malformed),
            ("s", DurationError::Malformed),
            (".s", DurationError::Malformed),
            ("1..2s", DurationError::Malformed),
            ("1.s", DurationError::Malformed),
            ("٣s", DurationError::Malformed),
            ("-5s", DurationError::Negative),
            ("5", DurationError::NoUnit("5".to_owned())),
            ("1m30", DurationError::NoUnit("30".to_owned())),
            ("5 s", DurationError::UnknownUnit(" s".to_owned())),
            ("5sec", DurationError::UnknownUnit("sec".to_owned())),
            ("30s1m", DurationError::Order),
            ("1s1s", DurationError::Order),
            ("1.5us", DurationError::TooFine),
            ("0.0000000000000000001s", DurationError::TooFine),
            ("367d", DurationError::TooLong),
            ("366d1us", DurationError::TooLong),
            ("99999999999999999999999999999999999999999d", DurationError::TooLong),
            ("999999999999999999d", DurationError::TooLong),
        ];
        for (text, error) in cases {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(us in 0..=31_622_400_000_000_u64) {
            let duration = Duration::from_micros(us);
            prop_assert_eq!(parse_duration(&show_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "[-0-9.a-z ]{0,60}") {
            let _ = parse_duration(&text);
        }
    }
}
