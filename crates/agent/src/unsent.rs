//! What was taken to be sent, and comes back if it was not (A7).

use std::fmt;

/// Holds a value that is on its way. Dropping this gives the value back to where it was taken from: the call failed, or
/// the connection ended in the middle of it.
pub(crate) struct Unsent<'a, T> {
    value: Option<T>,
    give_back: &'a (dyn Fn(T) + Send + Sync),
}

impl<'a, T> Unsent<'a, T> {
    /// `value`, which is handed to `give_back` unless it is [sent](Self::sent).
    pub(crate) fn new(value: T, give_back: &'a (dyn Fn(T) + Send + Sync)) -> Self {
        Self { value: Some(value), give_back }
    }

    /// It has arrived.
    pub(crate) fn sent(mut self) {
        self.value = None;
    }
}

impl<T> Drop for Unsent<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            (self.give_back)(value);
        }
    }
}

impl<T> fmt::Debug for Unsent<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsent")
    }
}
