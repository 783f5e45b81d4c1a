//! The protocol between the parts of the platform: messages, identities, and gRPC over the seam's streams.
//!
//! Reading order:
//!
//! - [`v1`]: the messages, clients and servers generated from `proto/`, which is the contract.
//! - [`id`]: a type for each kind of id.
//! - [`auth`]: who calls: tokens that don't print, what a caller sends, what a server reads.
//! - [`limits`]: the largest message and how a client or server is told of it.
//! - [`routes`] and [`server`]: the answering end: services by name, connections from a listener, shutdown.
//! - [`channel`]: the calling end: one connection that is kept alive and made anew, a bound on calls in flight.
//! - [`resumable`]: streams to an agent, which go past the control plane and outlive their paths. [`chunks`]: a path over
//!   a relay.
//! - [`frame`], [`terminal`], [`speedtest`], [`agent_port`]: what such a stream carries.
//! - [`fault`]: what went wrong with a call: refused by the server, or lost on the way and worth another try.
//!   [`refusal`]: what programs are told of a refusal.
//!
//! It rests on two things: generated clients and servers are plain services over HTTP requests, and hyper's HTTP/2
//! runs on whatever executor, timer and byte stream it is given. Here those are the host's. tonic's own transport,
//! which is bound to tokio's runtime and clock, is not linked.
//!
//! Every wait is bounded by something of the host's: a connection by keep-alive, an attempt to connect by its
//! time-out, a shutdown by its grace. The exception is a call, whose patience is the caller's to choose
//! ([`fault::call`]).
//!
//! Architecture invariant: no decision about workspaces, jobs or agents is made here. A token is carried and
//! hidden, never judged.
//!
//! Architecture invariant: nothing here starts a thread, asks a clock or draws a random number, and whatever wakes
//! several waiters wakes them in the order in which they came.

pub mod agent_port;
pub mod auth;
pub mod channel;
pub mod chunks;
pub mod fault;
pub mod frame;
pub mod id;
pub mod limits;
pub mod refusal;
pub mod resumable;
pub mod routes;
pub mod server;
pub mod speedtest;
pub mod terminal;

pub use crate::{
    auth::{Caller, DaemonName, Identity, Secret},
    channel::{Channel, ChannelConfig, ConnectError, Connected, Endpoints},
    fault::{Fault, call, retryable},
    limits::{Limited, MESSAGE_BYTES_MAX},
    routes::Routes,
    server::{ServerConfig, serve},
};

/// Messages, clients and servers generated from `proto/groundhog/v1/`.
#[allow(missing_docs, clippy::all, unreachable_pub, reason = "generated: the .proto files are documented instead")]
pub mod v1 {
    tonic::include_proto!("groundhog.v1");
}
