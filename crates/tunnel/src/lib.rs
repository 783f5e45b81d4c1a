//! The tunnel client: follows a workspace, starts it if need be, connects to its agent and runs an application over that.
//!
//! - [`machine`]: the decisions, as a pure function.
//! - [`connection`]: a connection to an agent, past the control plane or over its relay.
//! - [`applications`]: what runs over it.

pub mod applications;
pub mod connection;
pub mod machine;
