//! What becomes of an error that the control plane, or the way to it, answers with.

use groundhog_wire::{Fault, v1};
use serde_json::{Map, Value, json};
use tonic::{Code, Status};

use crate::Answer;

/// Whether the control plane itself refused, and would refuse again. Otherwise nobody knows what became of the request.
pub fn is_refusal(status: &Status) -> bool {
    Fault::of(status).is_none() && !matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

/// The error of a step that could not read what it needs, such as `load chat`. If the control plane does not know the
/// person, that is the error, whatever the step (C1: a read that fails is an answer).
pub fn read_failed(step: &str, status: &Status) -> String {
    let step = if status.code() == Code::Unauthenticated { "load user authorization" } else { step };
    format!("{step}: {}", text(status))
}

/// The answer if a workspace could not be created: for the model to read if the control plane refused, and what is wrong
/// with which argument; and an error otherwise.
pub fn create_failed(status: &Status) -> Answer {
    if !is_refusal(status) {
        return Answer::Error(text(status));
    }
    let details = details(status);
    let mut fields = Map::new();
    fields.insert("error".to_owned(), Value::from(text(status)));
    if !details.detail.is_empty() {
        fields.insert("detail".to_owned(), Value::from(details.detail));
    }
    if !details.validations.is_empty() {
        let validations =
            details.validations.into_iter().map(|wrong| json!({ "field": wrong.field, "detail": wrong.detail }));
        fields.insert("validations".to_owned(), validations.collect());
    }
    Answer::Fields(fields)
}

/// Whether another name is what it takes (#25668): somebody has a workspace of this one.
pub fn is_name_conflict(status: &Status) -> bool {
    is_refusal(status)
        && status.code() == Code::AlreadyExists
        && details(status).validations.iter().any(|wrong| wrong.field == "name")
}

/// What a status says, in words.
pub fn text(status: &Status) -> String {
    if status.message().is_empty() { status.code().description().to_owned() } else { status.message().to_owned() }
}

/// What is wrong, for programs. Details that can't be read are as good as none.
fn details(status: &Status) -> v1::RefusalDetails {
    v1::RefusalDetails::of(status).unwrap_or_default()
}
