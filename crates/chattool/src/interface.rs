//! How a runtime calls a tool: a line of JSON, answered by a line of JSON.
//!
//! The request is an object with these keys:
//!
//! - `chat_id`: the chat, a UUID.
//! - `tool`: the tool's name.
//! - `arguments`: an object; may be left out if there are none.
//! - `id`: text or a number, by which the runtime knows the answer again; may be left out.
//!
//! The answer has `id` as it was given, if it was; `content`, the text for the model; and `is_error`, whether the call failed.
//! A request that isn't understood is answered like a call that failed.
//!
//! ```
//! use groundhog_chattool::{Answer, interface};
//!
//! let line = r#"{ "id": 7, "chat_id": "018f3c3e-2f7b-7c4e-8d52-6a1f0b9c4d21", "tool": "stop_workspace" }"#;
//! let request = interface::read(line).expect("a request");
//! assert_eq!((request.tool.as_str(), request.arguments.as_str()), ("stop_workspace", "{}"));
//! let answer = interface::write(request.id.as_ref(), &Answer::Error("this chat has no workspace".to_owned()));
//! assert_eq!(answer, r#"{"content":"this chat has no workspace","id":7,"is_error":true}"#);
//! ```

use groundhog_wire::id::ChatId;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Answer, arguments::ARGUMENTS_BYTES_MAX};

/// The longest request, in bytes: the longest arguments, each byte of which may be written in six, and the rest.
pub const REQUEST_BYTES_MAX: usize = 6 * ARGUMENTS_BYTES_MAX + 4 * 1024;

/// The longest text that a request can be known by, in bytes.
pub const ID_BYTES_MAX: usize = 256;

/// A call, as a runtime says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Text or a number, by which the runtime knows the answer again.
    pub id: Option<Value>,
    /// The chat.
    pub chat: ChatId,
    /// The tool's name. There may be no such tool.
    pub tool: String,
    /// A JSON object, as text.
    pub arguments: String,
}

/// A request isn't understood.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("invalid request: {what}")]
pub struct RequestError {
    /// The request's id, if that much was understood.
    pub id: Option<Value>,
    /// What is wrong with it.
    pub what: String,
}

impl RequestError {
    /// The answer to the request.
    pub fn answer(&self) -> String {
        write(self.id.as_ref(), &Answer::Error(self.to_string()))
    }
}

/// Reads a request.
///
/// # Errors
///
/// [`RequestError`] if it is too long, is no JSON object, lacks a key, or has one that is unknown or of another type.
pub fn read(line: &str) -> Result<Request, RequestError> {
    let nameless = |what: String| RequestError { id: None, what };
    if line.len() > REQUEST_BYTES_MAX {
        return Err(nameless(format!("expected at most {REQUEST_BYTES_MAX} bytes, and got {}", line.len())));
    }
    let fields: Map<String, Value> = serde_json::from_str(line).map_err(|error| nameless(format!("{error}")))?;
    let id = match fields.get("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.len() > ID_BYTES_MAX => {
            return Err(nameless(format!("`id` is longer than {ID_BYTES_MAX} bytes")));
        }
        Some(id @ (Value::String(_) | Value::Number(_))) => Some(id.clone()),
        Some(_) => return Err(nameless("`id` is neither text nor a number".to_owned())),
    };
    let wrong = |what: String| RequestError { id: id.clone(), what };
    let raw: Raw = serde_json::from_value(Value::Object(fields)).map_err(|error| wrong(format!("{error}")))?;
    let chat = raw.chat_id.trim().parse().map_err(|error| wrong(format!("`chat_id`: {error}")))?;
    let arguments = Value::Object(raw.arguments.unwrap_or_default()).to_string();
    Ok(Request { id, chat, tool: raw.tool, arguments })
}

/// Writes an answer, on one line.
pub fn write(id: Option<&Value>, answer: &Answer) -> String {
    let mut fields = Map::new();
    if let Some(id) = id {
        fields.insert("id".to_owned(), id.clone());
    }
    fields.insert("content".to_owned(), Value::from(answer.content()));
    fields.insert("is_error".to_owned(), Value::from(answer.is_error()));
    Value::Object(fields).to_string()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "id")]
    _id: Option<Value>,
    chat_id: String,
    tool: String,
    arguments: Option<Map<String, Value>>,
}
