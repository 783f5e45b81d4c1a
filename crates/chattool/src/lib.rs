//! The tools by which an assistant gets a person's chat a workspace.

pub mod answer;
pub mod config;
pub mod definition;
pub mod events;
pub mod timing;
pub mod toolbox;

pub use crate::{
    answer::Answer,
    config::{AgentDialer, ChatObserver, ToolboxConfig},
    definition::{DEFINITIONS, ToolDefinition},
    events::EVENTS,
    toolbox::{Session, Toolbox},
};
