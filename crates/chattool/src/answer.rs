//! What a tool answers.

use serde_json::{Map, Value};

/// What a tool answers, as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What came of the call, as the fields of a JSON object. It is no error to the runtime, even if it has a field
    /// `error`: the model is to read it.
    Fields(Map<String, Value>),
    /// The call failed, and this is why.
    Error(String),
}

impl Answer {
    /// Whether the runtime is to take it as a failed call.
    pub const fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// What the model is shown: the object as JSON, or the error's text.
    pub fn content(&self) -> String {
        match self {
            Self::Fields(fields) => Value::Object(fields.clone()).to_string(),
            Self::Error(text) => text.clone(),
        }
    }
}
