//! Tunnels in a simulated world: a laptop, a control plane of a few lines, and an agent of a few more.
//!
//! - `control`, `agent`, `probe`: the control plane, the agent, and an application that notes what is done with it.
//! - `play`: the world, and what happens to it.
//! - `start`: coming up. `watch`: what the control plane tells, and how it goes silent. `down`: going down.
//! - `forward`, `terminal`: the applications. `weather`: random stories.

mod agent;
mod control;
mod down;
mod forward;
mod play;
mod probe;
mod start;
mod terminal;
mod watch;
mod weather;
