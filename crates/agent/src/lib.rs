//! The workspace agent: connects a machine to the control plane and runs what its template asks for.
//!
//! Reading order:
//!
//! - [`run`] and [`Agent`]: an agent's life; [`config`]: what it is started with; [`events`]: what it tells. `reconnect`:
//!   when it connects again. `diary`: the file in
//!   which it says so. `close`: how it ends. `reinitialize`: how it makes room for the next one.
//! - `connection`: one connection and what is done over it. `optional`: what of that the agent can do without. `outbox`,
//!   `unsent`: what is to reach the control plane over this connection or another.
//! - `lifecycle`: the steps of an agent's life. `manifest`: what it is to be; `identity`: who it is.
//! - `scripts`: what it runs by itself; `logs`: what that writes. `environment`, `directory`, `surroundings`: what it
//!   finds around it.
//! - `metadata`, `stats`, `apps`, `connections`, `banners`: what it finds out, counts, asks and tells.
//! - `network`: what reaches it past the control plane or over its relay, by streams that outlive their paths. [`terminal`]: terminals that people come back to.
//!   [`speedtest`]: measuring the path. [`http`]: what the agent shows, to people and to who looks for a fault.
//! - [`priority`]: the priority of the processes around the agent.
//!
//! [`conformance`] tells which test shows what.
//!
//! Decisions are pure values in files called `core` and after what they decide: tests enumerate them. The rest carries
//! them out.
//!
//! It rests on three things. What an agent has to say outlives the connection over which it is said, and is said until
//! the control plane has answered, in order. A routine that ends a connection is one without which the agent would be
//! of no use (A4). And nothing ticks: an agent with nothing to do sleeps until there is something.
//!
//! Codes such as A1 name the platform's recorded decisions on agents; such as F6, faults that were seen in the field.
//!
//! Architecture invariant: an agent knows its control plane by `groundhog-wire` alone, and the machine that it runs on by
//! its host alone.

pub mod agent;
mod apps;
mod banners;
mod close;
pub mod config;
#[doc = include_str!("../CONFORMANCE.md")]
pub mod conformance {}
mod connection;
mod connections;
mod diary;
mod directory;
mod environment;
pub mod events;
pub mod http;
mod identity;
mod lifecycle;
mod logs;
mod manifest;
mod metadata;
mod network;
mod optional;
mod outbox;
pub mod priority;
mod reconnect;
mod reinitialize;
mod scripts;
mod several;
mod shared;
pub mod speedtest;
mod stats;
mod surroundings;
pub mod terminal;
mod unsent;

pub use crate::{
    agent::{Agent, run, run_seen},
    config::{AgentConfig, PriorityConfig},
    events::EVENTS,
};
