//! Reads logs, as `groundhog run --log` writes them, as text or as JSON.
//!
//! What stands around the log is skipped: the verdict, and in JSON the header and the object of the run. A file with
//! the logs of several runs is refused: nobody can know which is meant.

use std::{fmt, time::Duration};

use groundhog_sim::text;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::Line;

/// Reads a log. The error is a sentence that says what is wrong.
pub(super) fn read(content: &str) -> Result<Vec<Line>, String> {
    let first = content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let lines = if first.starts_with('{') { json(content)? } else { plain(content)? };
    if lines.is_empty() {
        return Err("this is no log: it has no line of one; `groundhog run --log` writes logs".to_owned());
    }
    Ok(lines)
}

/// The lines that begin with a time.
fn plain(content: &str) -> Result<Vec<Line>, String> {
    let mut lines: Vec<Line> = Vec::new();
    let mut ended = false;
    for line in content.lines() {
        let mut words = line.split_whitespace();
        let time = words.next().filter(|time| is_time(time));
        match (time, words.next()) {
            (Some(_), Some(_)) if ended => return Err(SEVERAL.to_owned()),
            (Some(_), Some(host)) => {
                lines.push(Line { host: host.to_owned(), quiet: false, text: line.to_owned() });
            }
            _ => ended = !lines.is_empty(),
        }
    }
    Ok(lines)
}

const SEVERAL: &str = "this file has the logs of several runs: give one of them";

/// `+HH:MM:SS.mmm`
fn is_time(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
    word.strip_prefix('+').is_some_and(|time| time.contains('.') && time.split([':', '.']).all(digits))
}

/// A record, with its fields in the order in which they stand.
#[derive(Deserialize)]
struct Record {
    ordinal: u64,
    at_us: u64,
    host: String,
    level: String,
    event: String,
    fields: Fields,
}

struct Fields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn json(content: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let mut next_ordinal = 0;
    for (number, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |error: serde_json::Error| format!("line {} is not one of a log: {error}", number + 1);
        let value: Value = serde_json::from_str(line).map_err(wrong)?;
        if value.get("event").is_none() {
            // A header or a run's object. Another version may mean anything by the same keys.
            match value.get("version") {
                Some(version) if *version != groundhog_sim::json::VERSION => {
                    return Err(format!("this log is of version {version}: expected {}", groundhog_sim::json::VERSION));
                }
                _ => continue,
            }
        }
        let record: Record = serde_json::from_str(line).map_err(wrong)?;
        if record.ordinal < next_ordinal {
            return Err(SEVERAL.to_owned());
        }
        next_ordinal = record.ordinal + 1;
        let fields = record.fields.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let text = text::compose(Duration::from_micros(record.at_us), &record.host, &record.event, fields);
        lines.push(Line { quiet: record.level == "quiet", text, host: record.host });
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "+00:00:01.002  control    job.acquired             job#1 worker=prov-1";
    const JSON: &str = r#"{"ordinal":7,"at_us":1002345,"host":"control","level":"log","event":"job.acquired","fields":{"worker":"prov-1","job":"job#1"}}"#;

    #[test]
    fn both_forms_of_a_log_are_read_alike_and_in_the_order_of_fields() {
        let from_text = read(&format!("PASS  x  seed 0\n{TEXT}\n\n1 run\n")).expect("it is a log");
        assert_eq!(from_text, [Line { host: "control".to_owned(), quiet: false, text: TEXT.to_owned() }]);
        let header = groundhog_sim::json::header();
        let lines = read(&format!("{header}\n{JSON}\n{{\"scenario\":\"x\"}}\n")).expect("it is a log");
        assert!(lines[0].text.ends_with("worker=prov-1 job#1"), "{}", lines[0].text);
    }

    #[test]
    fn what_is_no_log_is_said_to_be_none() {
        for (content, part) in [
            ("", "no line"),
            ("hello\n", "no line"),
            ("{\"event\":1}", "line 1"),
            ("{", "line 1"),
            ("{\"log\":\"groundhog\",\"version\":2}", "version 2"),
        ] {
            let message = read(content).expect_err("it is no log");
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(read(&format!("{JSON}\n{JSON}")), Err(SEVERAL.to_owned()));
        assert_eq!(read(&format!("{TEXT}\nPASS\n{TEXT}")), Err(SEVERAL.to_owned()));
    }
}
