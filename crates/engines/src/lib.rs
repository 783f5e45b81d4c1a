//! Engines beside the simulator's own: the same story, told on something else.
//!
//! - [`kind`](Kind): which engines there are, and how a story is played on one of them.
//! - [`turmoil`]: the reference. Hosts, network and clock of the crate of that name: slow, coarse, and independent of
//!   ours. Where the two disagree about a story, one of them is wrong.
//! - [`live`]: no simulation at all. Real sockets, the real clock, real processes, a database in a file.
//! - `hosted`, `presence`, `timeline`: what both need: whose code runs, which hosts are up, what happens when.
//!
//! Architecture invariant: nothing here knows what runs on the hosts; no component knows this crate.

mod hosted;
mod kind;
pub mod live;
mod presence;
mod timeline;
pub mod turmoil;

pub use crate::kind::{Kind, UnknownKind, play};
