//! Tests of the tools.
//!
//! - `rules`: what is decided, as functions: arguments, names, what a chat has, what is answered.
//! - `documents`: what the crate's documents promise.

mod documents;
mod rules;
