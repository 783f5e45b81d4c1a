//! The workspace agent: connects a machine to the control plane and runs what its template asks for.
//!
//! Reading order:
//!
//! - [`run`] and [`Agent`]: an agent's life; [`config`]: what it is started with.
//! - [`events`]: what it tells.
//! - [`terminal`]: terminals that people come back to. [`speedtest`]: measuring the path.
//! - [`http`]: what the agent shows over HTTP, to people and to who looks for a fault.
//! - [`priority`]: the priority of the processes around the agent.
//!
//! Codes such as A1 name the platform's recorded decisions on agents.

pub mod agent;
pub mod config;
pub mod events;
pub mod http;
pub mod priority;
pub mod speedtest;
pub mod terminal;

pub use crate::{
    agent::{Agent, run},
    config::{AgentConfig, PriorityConfig},
    events::EVENTS,
};
