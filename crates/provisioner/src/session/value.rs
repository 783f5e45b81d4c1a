//! Texts that may be secret.

use std::fmt;

use groundhog_wire::v1::VariableValue;

/// What a secret prints as.
pub const REDACTED: &str = "*redacted*";

/// A text that may be a secret. A secret one is never printed, only handed on.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    text: String,
    sensitive: bool,
}

impl Value {
    /// A text that anybody may see.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), sensitive: false }
    }

    /// A secret.
    pub fn sensitive(text: impl Into<String>) -> Self {
        Self { text: text.into(), sensitive: true }
    }

    /// The text itself: to use it, never to print it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether it is a secret.
    pub fn is_sensitive(&self) -> bool {
        self.sensitive
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.sensitive { REDACTED } else { &self.text })
    }
}

/// The value of one of a template's variables.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// The variable's name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name, self.value)
    }
}

impl From<VariableValue> for Variable {
    fn from(VariableValue { name, value, sensitive }: VariableValue) -> Self {
        Self { name, value: if sensitive { Value::sensitive(value) } else { Value::plain(value) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let variable = |name: &str, sensitive| {
            let (name, value) = (name.to_owned(), "hunter2".to_owned());
            Variable::from(VariableValue { name, value, sensitive })
        };
        let variables = [variable("user", false), variable("password", true)];
        assert_eq!(format!("{variables:?}"), "[user=hunter2, password=*redacted*]");
        assert_eq!(variables.each_ref().map(|variable| variable.value.expose()), ["hunter2", "hunter2"]);
        assert_eq!(variables.each_ref().map(|variable| variable.value.is_sensitive()), [false, true]);
    }
}
