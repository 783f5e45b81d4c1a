//! Connections to an agent of a few lines, with a control plane of a few lines, in a simulated world.

mod agent;
mod control;
mod life;
mod loss;
mod paths;
mod world;
