//! A line of the log, for people.
//!
//! ```
//! # use groundhog_serve::log::{line::Line, text};
//! let line = Line {
//!     at: "2026-03-01T12:00:00.25Z".parse().expect("a time"),
//!     level: tracing::Level::INFO,
//!     event: Some("job.acquired"),
//!     target: None,
//!     message: String::new(),
//!     fields: vec![("job", "job:1".into()), ("why", "two words".into())],
//! };
//! assert_eq!(text::write(&line), r#"2026-03-01T12:00:00.250Z INFO  job.acquired job=job:1 why="two words""#);
//! ```

use serde_json::Value;

use super::line::Line;

/// The line, without its end.
pub fn write(line: &Line) -> String {
    let mut text = format!("{:.3} {:<5} ", line.at, line.level.as_str());
    match line.event {
        Some(name) => text += name,
        // A message may have been put together from what others say.
        None => text.extend(line.message.chars().map(|character| if character.is_control() { ' ' } else { character })),
    }
    for (name, value) in &line.fields {
        text.push(' ');
        text += name;
        text.push('=');
        match value {
            Value::String(value) if is_plain(value) => text += value,
            value => text += &value.to_string(),
        }
    }
    text
}

/// Whether a value is one word, that nobody takes for two fields.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value.contains(|one: char| one.is_whitespace() || one.is_control() || matches!(one, '"' | '='))
}
