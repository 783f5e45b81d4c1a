//! The tunnel client, in parts and in a simulated world.
//!
//! - `machine`: the machine by itself. `connection`: connections to an agent. `shell`: whole tunnels.
//! - `documents`: what the documents promise.

mod connection;
mod documents;
mod machine;
mod shell;
