//! The tunnel client, in parts and in a simulated world.
//!
//! - `machine`: the machine by itself.
//! - `connection`: connections to an agent.

mod connection;
mod machine;
