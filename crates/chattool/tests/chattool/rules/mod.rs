//! What is decided, as functions.

mod agents;
mod answers;
mod arguments;
mod builds;
mod definitions;
mod existing;
mod interface;
mod names;
mod refusals;
mod ttls;
