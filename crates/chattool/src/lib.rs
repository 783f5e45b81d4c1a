//! The tools by which an assistant gets a person's chat a workspace.

pub mod agents;
pub mod answer;
pub mod answers;
pub mod arguments;
pub mod build;
pub mod config;
pub mod definition;
pub mod events;
pub mod existing;
pub mod interface;
pub mod name;
pub mod refusal;
pub mod report;
pub mod scripts;
pub mod texts;
pub mod timing;
pub mod tool;
pub mod toolbox;
pub mod ttl;

mod budget;
mod control_plane;
mod create;
mod errand;
mod look;
mod standing;
mod start;
mod stop;
mod templates;
mod told;
mod turns;
mod wait_agent;
mod wait_build;

pub use crate::{
    answer::Answer,
    config::{AgentDialer, ChatObserver, ToolboxConfig},
    definition::{DEFINITIONS, ToolDefinition},
    events::EVENTS,
    toolbox::{Session, Toolbox},
};
