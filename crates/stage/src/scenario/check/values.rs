//! Single values: spans of time, ranges, numbers.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;
use toml::Spanned;

use super::Check;
use crate::diagnostic::Diagnostic;
use crate::scenario::CountRange;
use crate::scenario::raw::{DurationText, Number, Times};
use crate::scenario::units::{DurationError, DurationRange, parse_duration, show_duration};

/// Stands for the run's duration where the file gives none that can be read: no time is found to lie beyond it.
pub(super) const DURATION_UNKNOWN: Duration = Duration::MAX;

/// What a good span of time looks like.
const DURATION_HELP: &str = "expected a span of time such as \"250ms\", \"90s\", \"1m30s\" or \"2h\"; \
                             the units are us, ms, s, m, h, d";

pub(super) fn duration_error(error: &DurationError, span: std::ops::Range<usize>) -> Diagnostic {
    let code = match error {
        DurationError::Negative => "negative-duration",
        DurationError::TooLong => "duration-too-long",
        _ => "bad-duration",
    };
    Diagnostic::new(code, error.to_string()).at(span).help(DURATION_HELP)
}

/// A span of time; none if it is reported as wrong.
pub(super) fn duration(check: &mut Check<'_>, raw: &Spanned<DurationText>) -> Option<Duration> {
    match parse_duration(&raw.get_ref().0) {
        Ok(duration) => Some(duration),
        Err(error) => {
            check.report(duration_error(&error, raw.span()));
            None
        }
    }
}

/// A span of time, chosen if it is a range, or `default` if nothing is said.
pub(super) fn duration_or(check: &mut Check<'_>, raw: Option<&Spanned<DurationText>>, default: Duration) -> Duration {
    raw.and_then(|raw| chosen_duration(check, raw)).unwrap_or(default)
}

pub(super) fn duration_above_zero(check: &mut Check<'_>, raw: &Spanned<DurationText>) -> Option<Duration> {
    let duration = chosen_duration(check, raw)?;
    if duration.is_zero() {
        check.report(
            Diagnostic::new("out-of-range", "this must be longer than nothing").at(raw.span()).help(DURATION_HELP),
        );
        return None;
    }
    Some(duration)
}

/// A span of time; or a range of them, of which one is chosen. None if it is reported as wrong.
pub(super) fn chosen_duration(check: &mut Check<'_>, raw: &Spanned<DurationText>) -> Option<Duration> {
    if !raw.get_ref().0.contains("..") {
        return duration(check, raw);
    }
    let range = read_range(check, raw)?;
    Some(check.choice.duration(raw.span().start, range))
}

/// The earliest and the latest wall clock time at which a story can begin: computers and time zones as we know them.
const CALENDAR: (&str, &str) = ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z");

/// A time that clocks show; the usual one if it is reported as wrong.
pub(super) fn calendar_time(check: &mut Check<'_>, raw: &Spanned<String>) -> Timestamp {
    let usual = super::defaults::starts_at();
    let help = "expected a date and a time with its distance from UTC, such as \"2026-03-23T09:00:00+01:00\"";
    let Ok(read) = raw.get_ref().parse::<Timestamp>() else {
        let message = format!("{:?} is no time that clocks show", raw.get_ref());
        check.report(Diagnostic::new("bad-time", message).at(raw.span()).help(help));
        return usual;
    };
    // Both are right, so this holds.
    let in_range = [CALENDAR.0, CALENDAR.1].map(|text| text.parse::<Timestamp>().ok());
    if in_range[0].is_some_and(|earliest| read < earliest) || in_range[1].is_some_and(|latest| read >= latest) {
        check.report(
            Diagnostic::new("out-of-range", "no story begins then")
                .at(raw.span())
                .help("expected a time from the year 2000 to 2099"),
        );
        return usual;
    }
    read
}

/// An instant of the run; none if it is reported as no span of time.
pub(super) fn instant(check: &mut Check<'_>, raw: &Spanned<DurationText>) -> Option<Duration> {
    let at = chosen_duration(check, raw)?;
    if at > check.duration {
        let end = show_duration(check.duration);
        check.report(
            Diagnostic::new("after-end", format!("this is after the run's end at {end}"))
                .at(raw.span())
                .help(format!("expected a time from \"0s\" to \"{end}\", or a longer `duration`")),
        );
    }
    Some(at)
}

/// A range of spans of time, `"1ms..5ms"`, or one, `"3ms"`.
pub(super) fn duration_range(
    check: &mut Check<'_>,
    raw: Option<&Spanned<DurationText>>,
    default: DurationRange,
) -> DurationRange {
    raw.and_then(|raw| read_range(check, raw)).unwrap_or(default)
}

fn read_range(check: &mut Check<'_>, raw: &Spanned<DurationText>) -> Option<DurationRange> {
    let text = raw.get_ref().0.as_str();
    let (min, max) = text.split_once("..").unwrap_or((text, text));
    let range = parse_duration(min).and_then(|min| parse_duration(max).map(|max| DurationRange { min, max }));
    match range {
        Err(error) => check.report(
            duration_error(&error, raw.span()).help("expected a span of time such as \"3ms\" or a range \"1ms..5ms\""),
        ),
        Ok(range) if range.min > range.max => check.report(
            Diagnostic::new("bad-range", "this range ends before it begins")
                .at(raw.span())
                .help(format!("expected \"{max}..{min}\"?")),
        ),
        Ok(range) => return Some(range),
    }
    None
}

/// How many: a number, or a range of them. None if it is reported as wrong.
pub(super) fn count_range(check: &mut Check<'_>, raw: &Spanned<Times>, max: u64) -> Option<CountRange> {
    let range = match raw.get_ref() {
        Times::Exactly(times) => u64::try_from(*times).ok().map(|times| (times, times)),
        Times::Range(text) => text.split_once("..").and_then(|(min, max)| Some((min.parse().ok()?, max.parse().ok()?))),
    };
    let range = range.map(|(min, max)| CountRange { min, max }).filter(|range| range.min <= range.max);
    match range {
        Some(range) if range.max > max => check.report(
            Diagnostic::new("out-of-range", format!("{} is out of range", range.max))
                .at(raw.span())
                .help(format!("expected at most {max}")),
        ),
        Some(range) => return Some(range),
        None => check.report(
            Diagnostic::new("bad-range", "this is no number of times")
                .at(raw.span())
                .help("expected a number such as 2 or a range such as \"1..3\""),
        ),
    }
    None
}

/// A whole number within bounds; the least of them if it is not.
pub(super) fn whole(check: &mut Check<'_>, raw: &Spanned<i64>, range: RangeInclusive<i64>) -> i64 {
    if range.contains(raw.get_ref()) {
        return *raw.get_ref();
    }
    let (min, max) = range.into_inner();
    let expected = if max == i64::MAX { format!("from {min}") } else { format!("from {min} to {max}") };
    check.report(
        Diagnostic::new("out-of-range", format!("{} is out of range", raw.get_ref()))
            .at(raw.span())
            .help(format!("expected a whole number {expected}")),
    );
    min
}

/// A whole number that fits 32 bits.
pub(super) fn whole_u32(check: &mut Check<'_>, raw: &Spanned<i64>, range: RangeInclusive<u32>) -> u32 {
    let (min, max) = range.into_inner();
    u32::try_from(whole(check, raw, i64::from(min)..=i64::from(max))).unwrap_or(min)
}

/// A number within bounds, neither of which an infinity or a NaN lies in; the least of them if it is not.
pub(super) fn number(check: &mut Check<'_>, raw: &Spanned<Number>, range: RangeInclusive<f64>) -> f64 {
    let number = raw.get_ref().0;
    if range.contains(&number) {
        return number;
    }
    let (min, max) = range.into_inner();
    check.report(
        Diagnostic::new("out-of-range", format!("{number} is out of range"))
            .at(raw.span())
            .help(format!("expected a number from {min} to {max}")),
    );
    min
}
