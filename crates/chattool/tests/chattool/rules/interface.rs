//! Lines of JSON, there and back.

use groundhog_chattool::{
    Answer,
    arguments::ARGUMENTS_BYTES_MAX,
    interface::{ID_BYTES_MAX, REQUEST_BYTES_MAX, read, write},
};
use proptest::{prelude::*, test_runner::RngSeed};
use serde_json::{Map, Value, json};

use super::arguments::ID;

fn request(fields: Value) -> String {
    let mut all = Map::from_iter([("chat_id".to_owned(), json!(ID)), ("tool".to_owned(), json!("stop_workspace"))]);
    if let Value::Object(fields) = fields {
        all.extend(fields);
    }
    all.retain(|_, value| *value != json!("left out"));
    Value::Object(all).to_string()
}

#[test]
fn a_request_is_read() {
    let read = read(&request(json!({ "id": "a", "tool": "create_workspace", "arguments": { "name": "dev" } })));
    let read = read.expect("a request");
    assert_eq!(read.id, Some(json!("a")));
    assert_eq!(read.chat.to_string(), ID);
    assert_eq!((read.tool.as_str(), read.arguments.as_str()), ("create_workspace", r#"{"name":"dev"}"#));
}

#[test]
fn an_id_and_arguments_may_be_left_out() {
    for nothing in [json!({}), json!({ "id": null, "arguments": null })] {
        let read = read(&request(nothing)).expect("a request");
        assert_eq!((read.id, read.arguments.as_str()), (None, "{}"));
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told_with_its_id() {
    for (fields, part) in [
        (json!({ "chat_id": "left out" }), "missing field `chat_id`"),
        (json!({ "tool": "left out" }), "missing field `tool`"),
        (json!({ "chat_id": "dev" }), "`chat_id`: \"dev\" is not a chat id: expected a UUID"),
        (json!({ "chat_id": 7 }), "invalid type: integer `7`, expected a string"),
        (json!({ "tool": {} }), "invalid type: map, expected a string"),
        (json!({ "arguments": [] }), "invalid type: sequence, expected a map"),
        (json!({ "arguments": "{}" }), "invalid type: string \"{}\", expected a map"),
        (json!({ "argument": {} }), "unknown field `argument`"),
    ] {
        for id in [json!(7), json!("seven"), json!(-1.5)] {
            let mut fields = fields.clone();
            fields["id"] = id.clone();
            let error = read(&request(fields)).expect_err("no request");
            let answer: Value = serde_json::from_str(&error.answer()).expect("JSON");
            let content = answer["content"].as_str().expect("text");
            assert!(content.starts_with("invalid request: ") && content.contains(part), "{content}");
            assert_eq!((&answer["id"], &answer["is_error"]), (&id, &json!(true)));
        }
    }
}

#[test]
fn without_an_id_that_can_be_told_there_is_none() {
    for (line, part) in [
        (String::new(), "EOF"),
        ("nonsense".to_owned(), "expected"),
        ("[]".to_owned(), "invalid type: sequence"),
        ("7".to_owned(), "invalid type: integer"),
        (request(json!({ "id": {} })), "`id` is neither text nor a number"),
        (request(json!({ "id": true })), "`id` is neither text nor a number"),
        (request(json!({ "id": "x".repeat(ID_BYTES_MAX + 1) })), "`id` is longer than 256 bytes"),
        (r#"{"a":"#.repeat(10_000), "recursion limit"),
    ] {
        let answer: Value = serde_json::from_str(&read(&line).expect_err("no request").answer()).expect("JSON");
        assert!(answer["content"].as_str().is_some_and(|text| text.contains(part)), "{answer}");
        assert_eq!((answer.get("id"), &answer["is_error"]), (None, &json!(true)));
    }
    assert!(read(&request(json!({ "id": "x".repeat(ID_BYTES_MAX) }))).is_ok());
}

#[test]
fn requests_are_bounded() {
    let padded = |length: usize| {
        let request = request(json!({}));
        let blanks = " ".repeat(length - request.len());
        request + &blanks
    };
    assert!(read(&padded(REQUEST_BYTES_MAX)).is_ok());
    let error = read(&padded(REQUEST_BYTES_MAX + 1)).expect_err("too long").to_string();
    assert_eq!(
        error,
        format!("invalid request: expected at most {REQUEST_BYTES_MAX} bytes, and got {}", REQUEST_BYTES_MAX + 1)
    );
    // The longest arguments fit, however they are written.
    let escaped = r"\u0001".repeat(ARGUMENTS_BYTES_MAX - 100);
    let line = format!(r#"{{"chat_id":"{ID}","tool":"create_workspace","arguments":{{"name":"{escaped}"}}}}"#);
    assert!(read(&line).is_ok());
}

#[test]
fn an_answer_is_one_line() {
    let fields = Answer::Fields(Map::from_iter([("error".to_owned(), json!("two\nlines"))]));
    let line = write(Some(&json!("x")), &fields);
    assert!(!line.contains('\n'), "{line}");
    let answer: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(answer, json!({ "id": "x", "content": r#"{"error":"two\nlines"}"#, "is_error": false }));
    let error = write(None, &Answer::Error("it\nfailed".to_owned()));
    assert_eq!(error, r#"{"content":"it\nfailed","is_error":true}"#);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        rng_seed: RngSeed::Fixed(8),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_line_is_too_strange(line in r#"\PC{0,60}|[\[\]{}":,a-z0-9 \\]{0,60}|\{"(id|tool|chat_id|arguments)":\PC{0,20}\}"#) {
        let answer = match read(&line) {
            Ok(_) => return Ok(()),
            Err(error) => error.answer(),
        };
        let answer: Value = serde_json::from_str(&answer).expect("an answer is JSON");
        prop_assert_eq!(&answer["is_error"], &json!(true));
        prop_assert!(answer["content"].as_str().is_some_and(|text| text.starts_with("invalid request: ")));
    }
}
