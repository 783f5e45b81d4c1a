//! The log of a program, on standard error.

use crate::arguments::LogArguments;

/// Has everything from now on told on standard error.
pub fn install(_arguments: &LogArguments) {}
