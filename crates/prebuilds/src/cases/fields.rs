//! Reading JSON so that a mistake is told with its place.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// What is wrong with a case, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The way to it, such as `input.preset.ttl_s`; empty for the case as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() { f.write_str(&self.message) } else { write!(f, "`{}`: {}", self.key, self.message) }
    }
}

impl std::error::Error for Mistake {}

/// An object that is taken apart key by key.
pub(super) struct Fields {
    /// The way to it.
    path: String,
    object: Map<String, Value>,
}

impl Fields {
    /// Of the value at `path`, which must be an object.
    pub(super) fn of(value: Value, path: impl Into<String>) -> Result<Self, Mistake> {
        let path = path.into();
        match value {
            Value::Object(object) => Ok(Self { path, object }),
            other => Err(Mistake { key: path, message: format!("expected an object, found {other}") }),
        }
    }

    /// Nothing may be left: what nobody reads was meant to say something.
    pub(super) fn end(self) -> Result<(), Mistake> {
        match self.object.keys().next() {
            None => Ok(()),
            Some(key) => Err(self.mistake(key, "there is no such key here".to_owned())),
        }
    }

    /// What is wrong with the value of a key.
    pub(super) fn mistake(&self, key: &str, message: String) -> Mistake {
        Mistake { key: self.key(key), message }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A value that may be null or missing.
    pub(super) fn any(&mut self, key: &str) -> Option<Value> {
        self.object.remove(key).filter(|value| !value.is_null())
    }

    /// A value that may be missing; null is one.
    pub(super) fn maybe(&mut self, key: &str) -> Option<Value> {
        self.object.remove(key)
    }

    /// A value that `read` makes something of, or none if it is null or missing.
    fn optional<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Mistake> {
        let Some(value) = self.any(key) else { return Ok(None) };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(self.mistake(key, format!("expected {expected}, found {value}"))),
        }
    }

    /// What must be there.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, Mistake> {
        value.ok_or_else(|| self.mistake(key, "this is missing".to_owned()))
    }

    pub(super) fn text(&mut self, key: &str) -> Result<String, Mistake> {
        let text = self.optional_text(key)?;
        self.required(key, text)
    }

    pub(super) fn optional_text(&mut self, key: &str) -> Result<Option<String>, Mistake> {
        self.optional(key, "a text", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, Mistake> {
        self.optional(key, "true or false", Value::as_bool)
    }

    /// A whole number.
    pub(super) fn number(&mut self, key: &str) -> Result<Option<i64>, Mistake> {
        self.optional(key, "a whole number", Value::as_i64)
    }

    /// How many there are of something.
    pub(super) fn count(&mut self, key: &str) -> Result<Option<u32>, Mistake> {
        let read = |value: &Value| value.as_u64().and_then(|value| u32::try_from(value).ok());
        self.optional(key, &format!("a whole number from 0 to {}", u32::MAX), read)
    }

    /// Minutes, in milliseconds; they may have a fraction.
    pub(super) fn minutes(&mut self, key: &str) -> Result<i64, Mistake> {
        // A cast from a fraction ends at the largest number there is.
        #[allow(clippy::cast_possible_truncation)]
        let read = |value: &Value| value.as_f64().map(|minutes| (minutes * 60_000.0).round() as i64);
        let minutes = self.optional(key, "a number of minutes", read)?;
        self.required(key, minutes)
    }

    /// An instant, in milliseconds since 1970; what is finer is cut off.
    pub(super) fn instant(&mut self, key: &str) -> Result<i64, Mistake> {
        let text = self.text(key)?;
        let instant: Timestamp = text.parse().map_err(|error| {
            self.mistake(key, format!("expected a time such as 2025-06-02T09:00:00Z, found {text:?}: {error}"))
        })?;
        // A calendar's instants are far from the ends of an i64 of milliseconds.
        Ok(i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }

    /// An object that must be there.
    pub(super) fn object(&mut self, key: &str) -> Result<Self, Mistake> {
        let value = self.any(key);
        let value = self.required(key, value)?;
        Self::of(value, self.key(key))
    }

    /// An object that may be null or missing.
    pub(super) fn optional_object(&mut self, key: &str) -> Result<Option<Self>, Mistake> {
        self.any(key).map(|value| Self::of(value, self.key(key))).transpose()
    }

    /// The entries of a list, with their places; empty if it is null or missing.
    pub(super) fn list(&mut self, key: &str) -> Result<Vec<(Value, String)>, Mistake> {
        let path = self.key(key);
        let list = self.optional(key, "a list", |value| value.as_array().cloned())?.unwrap_or_default();
        Ok(list.into_iter().enumerate().map(|(index, value)| (value, format!("{path}[{index}]"))).collect())
    }

    /// The entries of a list that are objects.
    pub(super) fn objects(&mut self, key: &str) -> Result<Vec<Self>, Mistake> {
        self.list(key)?.into_iter().map(|(value, path)| Self::of(value, path)).collect()
    }

    /// The entries of a list that are texts.
    pub(super) fn texts(&mut self, key: &str) -> Result<Vec<String>, Mistake> {
        let text = |(value, key): (Value, String)| match value {
            Value::String(text) => Ok(text),
            other => Err(Mistake { key, message: format!("expected a text, found {other}") }),
        };
        self.list(key)?.into_iter().map(text).collect()
    }

    /// The keys that are left, in order.
    pub(super) fn keys(&self) -> Vec<String> {
        self.object.keys().cloned().collect()
    }
}
