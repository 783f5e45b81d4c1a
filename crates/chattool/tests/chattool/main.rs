//! Tests of the tools.
//!
//! - `rules`: what is decided, as functions: arguments, names, what a chat has, what is answered.
//! - `world`: a control plane that is played, and a runtime that has the tools.
//! - `create`, `existing`, `agent`: create_workspace, with what the chat has and with the agent that is waited for.
//! - `build`: start_workspace and stop_workspace. `templates`: list_templates and read_template.
//! - `weather`: turns, lost answers, a control plane that goes away, and how long a call takes.
//! - `bound`: the same, drawn: whatever happens, each call ends. `live`: on a real machine.
//! - `documents`: what the crate's documents promise.

mod agent;
mod bound;
mod build;
mod create;
mod documents;
mod existing;
mod live;
mod rules;
mod templates;
mod weather;
mod world;
