//! The tunnel client, in parts and in a simulated world.
//!
//! - `machine`: the machine by itself. `shell`: whole tunnels. `documents`: what the documents promise.

mod documents;
mod machine;
mod shell;
