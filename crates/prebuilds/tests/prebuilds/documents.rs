//! What the crate's documents promise.
