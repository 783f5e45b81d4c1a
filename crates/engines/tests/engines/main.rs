//! The engines' tests: one binary, because linking is slow.

mod turmoil;
mod live;
mod live_stories;
