//! A line of the log, for programs: one JSON object.
//!
//! Its keys are `time` (RFC 3339), `level`, `event` or `target` and `message`, and `fields`, an object.
//!
//! ```
//! # use groundhog_serve::log::{json, line::Line};
//! let line = Line {
//!     at: "2026-03-01T12:00:00.25Z".parse().expect("a time"),
//!     level: tracing::Level::WARN,
//!     event: None,
//!     target: Some("groundhog_agent".to_owned()),
//!     message: "no answer".to_owned(),
//!     fields: vec![("tries", 3.into())],
//! };
//! let expected = r#"{"fields":{"tries":3},"level":"warn","message":"no answer","target":"groundhog_agent","time":"2026-03-01T12:00:00.250Z"}"#;
//! assert_eq!(json::write(&line), expected);
//! ```

use serde_json::{Map, Value};

use super::line::Line;

/// The line, without its end.
pub fn write(line: &Line) -> String {
    let mut object = Map::new();
    let mut add = |key: &str, value: Value| object.insert(key.to_owned(), value);
    add("time", Value::from(format!("{:.3}", line.at)));
    add("level", Value::from(line.level.as_str().to_ascii_lowercase()));
    match (line.event, &line.target) {
        (Some(name), _) => add("event", Value::from(name)),
        (None, target) => {
            add("target", Value::from(target.clone()));
            add("message", Value::from(line.message.clone()))
        }
    };
    let fields = line.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    add("fields", Value::Object(fields.collect()));
    Value::Object(object).to_string()
}
