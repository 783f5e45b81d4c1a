//! The engines' tests: one binary, because linking is slow.

mod live;
mod live_stories;
mod turmoil;
