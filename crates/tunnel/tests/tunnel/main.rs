//! The tunnel client, in parts and in a simulated world.
//!
//! - `machine`: the machine by itself.

mod machine;
