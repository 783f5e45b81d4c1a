//! The tunnel client, in parts and in a simulated world.
//!
//! - `machine`: the machine by itself. `shell`: whole tunnels.

mod machine;
mod shell;
