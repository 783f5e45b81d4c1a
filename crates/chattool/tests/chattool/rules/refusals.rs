//! What becomes of an error.

use std::time::Duration;

use groundhog_chattool::{
    Answer,
    refusal::{create_failed, is_name_conflict, is_refusal, read_failed},
};
use groundhog_wire::{
    Fault,
    v1::{FieldViolation, RefusalDetails},
};
use serde_json::{Value, json};
use tonic::{Code, Status};

fn violation(field: &str, detail: &str) -> FieldViolation {
    FieldViolation { field: field.to_owned(), detail: detail.to_owned() }
}

fn content(status: &Status) -> Value {
    let answer = create_failed(status);
    assert!(!answer.is_error(), "the model is to read it: {answer:?}");
    serde_json::from_str(&answer.content()).expect("JSON")
}

#[test]
fn a_refusal_keeps_what_it_says_for_programs() {
    let details = RefusalDetails {
        detail: "it is 12 too many".to_owned(),
        validations: vec![violation("size", "expected at most 8"), violation("region", "expected eu or us")],
    };
    let status = details.status(Code::InvalidArgument, "invalid parameters");
    let expected = json!({
        "error": "invalid parameters",
        "detail": "it is 12 too many",
        "validations": [
            { "field": "size", "detail": "expected at most 8" },
            { "field": "region", "detail": "expected eu or us" },
        ],
    });
    assert_eq!(content(&status), expected);
}

#[test]
fn a_refusal_without_details_is_its_text() {
    assert_eq!(content(&Status::permission_denied("not a member")), json!({ "error": "not a member" }));
    let only_detail = RefusalDetails { detail: "why".to_owned(), validations: Vec::new() };
    assert_eq!(content(&only_detail.status(Code::NotFound, "gone")), json!({ "error": "gone", "detail": "why" }));
    let garbled = Status::with_details(Code::NotFound, "gone", vec![0xff; 20].into());
    assert_eq!(content(&garbled), json!({ "error": "gone" }));
    let wordless = content(&Status::new(Code::PermissionDenied, ""));
    assert!(wordless["error"].as_str().is_some_and(|text| !text.is_empty()), "{wordless}");
}

#[test]
fn whatever_leaves_open_what_became_of_it_is_an_error() {
    let deadline: Status = Fault::Deadline { after: Duration::from_secs(10) }.into();
    for status in [deadline, Status::unavailable("no database"), Status::deadline_exceeded("late")] {
        assert!(!is_refusal(&status));
        assert_eq!(create_failed(&status), Answer::Error(status.message().to_owned()));
        assert!(!is_name_conflict(&status));
    }
    for code in 1..=16 {
        let status = Status::new(Code::from_i32(code), "text");
        let open = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
        assert_eq!(is_refusal(&status), !open, "{:?}", status.code());
        assert_eq!(create_failed(&status).is_error(), open, "{:?}", status.code());
    }
}

#[test]
fn only_a_taken_name_is_worth_another_one() {
    let of = |code: Code, field: &str| {
        let details = RefusalDetails { detail: String::new(), validations: vec![violation(field, "it is taken")] };
        is_name_conflict(&details.status(code, "refused"))
    };
    assert!(of(Code::AlreadyExists, "name"));
    assert!(!of(Code::AlreadyExists, "chat"), "another conflict");
    assert!(!of(Code::InvalidArgument, "name"), "no conflict");
    assert!(!is_name_conflict(&Status::already_exists("a workspace named dev exists")), "nobody says which field");
}

#[test]
fn a_read_that_fails_names_its_step() {
    assert_eq!(read_failed("load chat", &Status::unavailable("no database")), "load chat: no database");
    assert_eq!(read_failed("look up template", &Status::not_found("gone")), "look up template: gone");
    let signed_out = Status::unauthenticated("the session is over");
    assert_eq!(read_failed("load chat", &signed_out), "load user authorization: the session is over");
}
