//! The canonical text of a log: one line a record, which people read and snapshots hold.

use std::{fmt::Write, time::Duration};

use super::Record;

/// A virtual time as `+HH:MM:SS.mmm`; hours may take more digits.
pub fn time(at: Duration) -> String {
    let mut text = String::new();
    put_time(&mut text, at);
    text
}

// A line is written for every record, those that no log shows included, because the trace's digest is made of lines. So
// they are put together by hand.

fn put_time(out: &mut String, at: Duration) {
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    match seconds / 3600 {
        hours @ 0..100 => put_digits(out, '+', hours, 2),
        // Writing to a string can't fail.
        hours => drop(write!(out, "+{hours}")),
    }
    put_digits(out, ':', seconds / 60 % 60, 2);
    put_digits(out, ':', seconds % 60, 2);
    put_digits(out, '.', u64::from(millis), 3);
}

/// Puts `sign`, then the last `count` digits of `number`.
fn put_digits(out: &mut String, sign: char, number: u64, count: u32) {
    out.push(sign);
    for place in (0..count).rev() {
        out.push(char::from(b'0' + (number / 10_u64.pow(place) % 10) as u8));
    }
}

/// Puts `text` and as many spaces as make it `width` characters wide.
fn put_padded(out: &mut String, text: &str, width: usize) {
    out.push_str(text);
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(text.chars().count())));
}

/// Puts a value as it stands in a line: quoted where it would not be one word.
fn put_value(out: &mut String, text: &str) {
    let is_usual = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'=';
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=';
    if !text.is_empty() && (text.bytes().all(is_usual) || text.chars().all(is_plain)) {
        out.push_str(text);
    } else {
        // Writing to a string can't fail.
        let _ = write!(out, "{text:?}");
    }
}

/// Puts fields as they stand in a line. A field that holds an id of its own name's kind is just the id: `job#1`, not
/// `job=job#1`.
fn put_fields<'a>(out: &mut String, fields: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (place, (name, text)) in fields.into_iter().enumerate() {
        if place > 0 {
            out.push(' ');
        }
        if text.split_once('#').is_none_or(|(kind, _)| kind != name) {
            out.push_str(name);
            out.push('=');
        }
        put_value(out, text);
    }
}

/// The same by themselves.
pub fn fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    put_fields(&mut text, fields);
    text
}

/// The fields of a record.
pub(crate) fn fields_of(record: &Record) -> String {
    fields(record.fields.iter().map(|(name, text)| (*name, text.as_str())))
}

/// The record as a line, without a line break.
pub fn line(record: &Record) -> String {
    compose(record.at, &record.host, &record.event, record.fields.iter().map(|(name, text)| (*name, text.as_str())))
}

/// What most lines are shorter than, in bytes.
const LINE_USUAL: usize = 120;

/// The same from a record's parts: for a log that was read from a file.
pub fn compose<'a>(
    at: Duration,
    host: &str,
    event: &str,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut line = String::with_capacity(LINE_USUAL);
    put_time(&mut line, at);
    line.push_str("  ");
    put_padded(&mut line, host, 10);
    line.push(' ');
    put_padded(&mut line, event, 24);
    line.push(' ');
    put_fields(&mut line, fields);
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
        let value = |text: &str| {
            let mut line = String::new();
            put_value(&mut line, text);
            line
        };
        assert_eq!(value("a\nb"), "\"a\\nb\"");
        assert_eq!(value(""), "\"\"");
        assert_eq!(value("größer"), "größer");
        assert_eq!(value("ein\u{2003}Wort"), "\"ein\\u{2003}Wort\"");
    }
}
