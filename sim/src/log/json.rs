//! The log as JSON lines, version 1: what exporters read.
//!
//! The first line is `{"log":"groundhog","version":1}`. Every further line is one record:
//!
//! | key | what |
//! | --- | --- |
//! | `ordinal` | counts the run's records from 0; quiet ones count too |
//! | `at_us` | virtual time since the run began, in microseconds |
//! | `host` | the host's name; `-` for the world |
//! | `level` | `quiet`, `log` or `error` |
//! | `event` | the event's name |
//! | `fields` | an object from each field's name to its text, in the order in which the event declares them |

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Loudness, Record};

/// The version of the format.
pub const VERSION: u32 = 1;

struct Fields<'a>(&'a [(&'static str, String)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    ordinal: u64,
    at_us: u64,
    host: &'a str,
    level: &'a str,
    event: &'a str,
    fields: Fields<'a>,
}

/// The first line of a log.
pub fn header() -> String {
    format!("{{\"log\":\"groundhog\",\"version\":{VERSION}}}")
}

/// A record as one line of JSON, without a line break.
pub fn line(record: &Record) -> String {
    let line = Line {
        ordinal: record.ordinal,
        at_us: u64::try_from(record.at.as_micros()).unwrap_or(u64::MAX),
        host: &record.host,
        level: match record.loudness {
            Loudness::Quiet => "quiet",
            Loudness::Logged => "log",
            Loudness::Error => "error",
        },
        event: &record.event,
        fields: Fields(&record.fields),
    };
    serde_json::to_string(&line).expect("texts and numbers always have a JSON form")
}
