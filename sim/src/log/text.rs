//! The canonical text of a log: one line a record, which people read and snapshots hold.

use std::{borrow::Cow, fmt::Write, time::Duration};

use super::Record;

/// A virtual time as `+HH:MM:SS.mmm`; hours may take more digits.
pub fn time(at: Duration) -> String {
    let millis = at.as_millis();
    let (seconds, millis) = (millis / 1000, millis % 1000);
    format!("+{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A value as it stands in a line: quoted where it would not be one word.
fn value(text: &str) -> Cow<'_, str> {
    let plain = !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=');
    if plain { Cow::Borrowed(text) } else { Cow::Owned(format!("{text:?}")) }
}

/// Fields as they stand in a line. A field that holds an id of its own name's kind is just the id: `job#1`, not
/// `job=job#1`.
pub fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut result = String::new();
    for (name, text) in fields {
        if !result.is_empty() {
            result.push(' ');
        }
        if text.split_once('#').is_none_or(|(kind, _)| kind != name) {
            result.push_str(name);
            result.push('=');
        }
        result.push_str(&value(text));
    }
    result
}

/// The fields of a record.
pub(crate) fn fields_of(record: &Record) -> String {
    fields(record.fields.iter().map(|(name, text)| (*name, text.as_str())))
}

/// The record as a line, without a line break.
pub fn line(record: &Record) -> String {
    compose(record.at, &record.host, &record.event, record.fields.iter().map(|(name, text)| (*name, text.as_str())))
}

/// The same from a record's parts: for a log that was read from a file.
pub fn compose<'a>(
    at: Duration,
    host: &str,
    event: &str,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut line = time(at);
    // Writing to a string can't fail.
    let _ = write!(line, "  {host:<10} {event:<24} {}", self::fields(fields));
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Loudness;

    #[test]
    fn a_line_reads_as_documented() {
        let record = Record {
            ordinal: 3,
            at: Duration::from_millis(90_250),
            host: "prov-1".to_owned(),
            loudness: Loudness::Logged,
            event: "job.failed".to_owned(),
            fields: vec![("job", "job#1".to_owned()), ("by", "user".to_owned()), ("error", "timed out".to_owned())],
        };
        assert_eq!(
            line(&record),
            "+00:01:30.250  prov-1     job.failed               job#1 by=user error=\"timed out\""
        );
        assert_eq!(time(Duration::from_secs(360_000)), "+100:00:00.000");
    }

    #[test]
    fn values_can_not_break_a_line() {
        assert_eq!(value("a\nb"), "\"a\\nb\"");
        assert_eq!(value(""), "\"\"");
    }
}
