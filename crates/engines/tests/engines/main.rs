//! The engines' tests: one binary, because linking is slow.

mod turmoil;
