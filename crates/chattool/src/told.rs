//! What the log is told of an answer: in a word, and without ids, which differ between two runs for no reason that anybody
//! wants to read.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Answer;

/// The longest text of an answer in the log, in characters.
const SHOWN_CHARS_MAX: usize = 400;

/// How long an id is as text.
const ID_BYTES: usize = 36;

/// What came of the call: see [`answered`](crate::events::answered).
pub(crate) fn outcome(answer: &Answer) -> &str {
    let Answer::Fields(fields) = answer else { return "error" };
    let is_set = |name: &str| fields.get(name) == Some(&Value::Bool(true));
    match fields.get("status") {
        _ if fields.contains_key("error") => "failed",
        Some(Value::String(status)) => status,
        _ if is_set("created") => "created",
        _ if is_set("started") => "started",
        _ if is_set("stopped") => "stopped",
        _ if fields.contains_key("templates") => "listed",
        _ => "read",
    }
}

/// What is wrong with the agent, in a word: see [`answered`](crate::events::answered).
pub(crate) fn readiness(answer: &Answer) -> &str {
    let Answer::Fields(fields) = answer else { return "" };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    text("agent_status").or_else(|| text("startup_scripts")).unwrap_or_default()
}

/// The answer's fields, or the error, without ids.
pub(crate) fn shown(answer: &Answer) -> String {
    let text = match answer {
        Answer::Error(error) => error.clone(),
        Answer::Fields(fields) => {
            let mut parts = Vec::new();
            write(&mut parts, "", fields);
            parts.join(" ")
        }
    };
    let text = without_ids(&text);
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn write(parts: &mut Vec<String>, prefix: &str, fields: &Map<String, Value>) {
    for (name, value) in fields.iter().filter(|(name, _)| !name.ends_with("_id")) {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(fields) => write(parts, &format!("{name}."), fields),
            Value::Array(items) => parts.push(format!("{name}={}", items.len())),
            Value::String(text) if text.contains(' ') => parts.push(format!("{name}={text:?}")),
            Value::String(text) => parts.push(format!("{name}={text}")),
            value => parts.push(format!("{name}={value}")),
        }
    }
}

/// The text with `…` in place of each id.
fn without_ids(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        // Within a character there is no id.
        let length = match rest.get(..ID_BYTES) {
            Some(start) if Uuid::try_parse(start).is_ok() => {
                shown.push('…');
                ID_BYTES
            }
            _ => {
                shown.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: Value) -> Answer {
        match value {
            Value::Object(fields) => Answer::Fields(fields),
            other => panic!("no object: {other}"),
        }
    }

    #[test]
    fn an_answer_is_told_in_a_word() {
        for (value, word) in [
            (json!({ "created": true }), "created"),
            (json!({ "created": false, "status": "already_exists" }), "already_exists"),
            (json!({ "created": false, "status": "stopped" }), "stopped"),
            (json!({ "started": true }), "started"),
            (json!({ "started": false, "status": "already_running" }), "already_running"),
            (json!({ "stopped": true }), "stopped"),
            (json!({ "stopped": true, "status": "already_stopped" }), "already_stopped"),
            (json!({ "error": "workspace build failed: boom", "build_id": "x" }), "failed"),
            (json!({ "templates": [] }), "listed"),
            (json!({ "name": "docker", "presets": [] }), "read"),
        ] {
            assert_eq!(outcome(&fields(value)), word);
        }
        assert_eq!(outcome(&Answer::Error("load chat: no".to_owned())), "error");
    }

    #[test]
    fn what_is_wrong_with_the_agent_is_told_in_a_word() {
        assert_eq!(readiness(&fields(json!({ "agent_status": "not_ready", "agent_error": "x" }))), "not_ready");
        assert_eq!(
            readiness(&fields(json!({ "startup_scripts": "startup_scripts_timeout" }))),
            "startup_scripts_timeout"
        );
        assert_eq!(readiness(&fields(json!({ "created": true }))), "");
        assert_eq!(readiness(&Answer::Error("no".to_owned())), "");
    }

    #[test]
    fn ids_are_left_out() {
        let id = Uuid::from_u128(7);
        let answer = fields(json!({
            "created": true,
            "build_id": id.to_string(),
            "error": format!("there is no workspace {id}: ö"),
            "quota": { "budget": 40, "credits_consumed": 38 },
            "templates": [1, 2],
        }));
        let text =
            "created=true error=\"there is no workspace …: ö\" quota.budget=40 quota.credits_consumed=38 templates=2";
        assert_eq!(shown(&answer), text);
        let long = shown(&Answer::Error("ö".repeat(1_000)));
        assert_eq!((long.chars().count(), long.ends_with('…')), (SHOWN_CHARS_MAX + 1, true));
    }
}
