//! The engine on the real machine: real sockets, the real clock, real processes, a database in a file.
//!
//! Reading order:
//!
//! - [`perform`] (here); `engine`: a run, and the loop that lets it go on; `lifecycle`: what happens when its time has come.
//! - `machine`: one life of a host. `loopback`: its address. `clock`, `power`: what time it is, what is asked meanwhile.
//! - `network`, `gate`, `proxy`, `datagrams`: what can be reached, and how a path is cut.
//! - `refusal`: what a real machine is not made to do.
//!
//! A run is one thread, with a runtime that polls everything on that thread: so the journal is told all of it in one
//! order. Each host is a real machine of `groundhog_host::live`, with an address of its own on the loopback and a folder
//! of its own. Between it and what runs on it stands a `Life`, which says whose code runs, and is where faults take hold.
//!
//! What is as it is on a real machine: clocks show the time of day, whatever a story's `starts_at` says; hosts draw their
//! random numbers from the operating system, so two runs of one seed differ; the network takes microseconds, whatever
//! latency a story has. Programs that were installed on a host run in this process: that is the story's own cloud. All others
//! are real.

#![allow(
    clippy::disallowed_methods,
    reason = "the bans send everybody to the seam; this module is what stands behind it on a real machine"
)]

mod clock;
mod datagrams;
mod engine;
mod gate;
mod lifecycle;
mod loopback;
mod machine;
mod network;
mod power;
mod proxy;
mod refusal;

use std::io;

use groundhog_sim::{Config, Engine};

/// Plays `story` live, on a fresh thread, and returns what it returns. Of `config` it has the seed, from which the story
/// draws what it hands out, and looks whether the usual path is one that a loopback can be.
///
/// Fails when the machine has no room for a run: no loopback addresses, no temporary folder.
///
/// # Panics
///
/// When `story` panics, with its payload.
pub fn perform<T: Send>(config: Config, story: impl FnOnce(&mut dyn Engine) -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let run = move || -> io::Result<T> { Ok(story(&mut engine::Live::enter(config)?)) };
        std::thread::Builder::new()
            .name("live".to_owned())
            // Unoptimised futures of an RPC stack nest deeply.
            .stack_size(16 << 20)
            .spawn_scoped(scope, run)?
            .join()
            .unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    })
}
