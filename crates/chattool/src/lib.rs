//! The tools by which an assistant gets a person's chat a workspace.
//!
//! Reading order:
//!
//! - [`Toolbox`] and [`Session`]: the tools of a runtime, and for whom one is called; [`ToolboxConfig`]: what they are given.
//!   [`interface`]: calling them by lines of JSON. [`definition`]: what a model is told of them; [`tool`]: which there are.
//! - [`arguments`], [`name`], [`ttl`]: what is asked for. [`existing`]: what a chat has, and what is made of it. [`build`],
//!   [`agents`], [`scripts`], [`report`]: what came of what was waited for. [`refusal`], [`texts`], [`answers`],
//!   [`answer`]: what is said of it.
//! - `errand`: a call that is being carried out; `budget`: how long it may still wait. [`timing`]: for what, and how long.
//! - `create`, `start`, `stop`, `templates`: a tool each. `look`: finding out what the chat has, and can have. `standing`: a workspace
//!   that is there. `wait_build`, `wait_agent`: waiting.
//! - `turns`: who decides for a chat. `control_plane`: asking, and asking again. `told`, [`events`]: what the log says.
//!
//! [`conformance`] tells which test shows what.
//!
//! It rests on three things. The workspace of a chat becomes the chat's in the transaction that makes it, so there is never
//! one of which the chat does not know; and what a call has asked for without an answer, it asks for again by the same id.
//! A workspace is replaced only if it is known to be dead: the call says what it has seen, and the control plane holds that
//! against the truth before it lets the new one in; what can't be read is an error and no proof (C1). And calls of one chat
//! decide and ask one at a time, but wait for what they have asked for side by side; two runtimes, which know nothing of
//! each other, are kept apart by the control plane's store (C2).
//!
//! Every wait is bounded: each kind of thing that a call waits for has a time-out over the whole call, and their sum is
//! [`timing::CALL_MAX`].
//!
//! Codes such as C1 name the platform's recorded decisions on chats; numbers such as #24956, its issues.
//!
//! Architecture invariant: what there is to decide is decided by functions of what was read, which tests enumerate; the
//! rest carries it out.
//!
//! Architecture invariant: a call keeps nothing that the next one needs. A runtime that dies leaves everything with the
//! control plane, and another one goes on from there.
//!
//! Architecture invariant: nothing here knows how an agent is reached: that is handed in ([`AgentDialer`]).

pub mod agents;
pub mod answer;
pub mod answers;
pub mod arguments;
pub mod build;
pub mod config;
#[doc = include_str!("../CONFORMANCE.md")]
pub mod conformance {}
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
