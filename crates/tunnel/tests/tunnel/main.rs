//! The tunnel client, in parts and in a simulated world.
//!
//! - `machine`: the machine by itself. `connection`: connections to an agent. `shell`: whole tunnels.

mod connection;
mod machine;
mod shell;
