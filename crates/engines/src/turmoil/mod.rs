//! The engine on turmoil: its hosts, its network and its clock, under the same story.
//!
//! It is slow, coarse, and independent of our own simulator: each host has a runtime of its own, and all of them, and
//! every link, go through every tick of time whether anything happens or not. That is what makes it a reference. What
//! is ours here is what turmoil leaves to its user: machines that are made and deleted, software that is killed and
//! started again, a disk, programs, wall clocks that are wrong.
//!
//! Reading order:
//!
//! - `engine`: the loop: what is planned, what was ordered, one tick. `lifecycle`: how hosts start and end. `clock`: what
//!   time it is.
//! - `station`, `firmware`: a host of turmoil's runs one future for the whole run, which in turn runs the software of the
//!   host's present start. So a killed host's machine is still there to refuse connections, as it is elsewhere; a host
//!   that turmoil itself crashes takes no message any more, and those that call it hang.
//! - `machine`, `task`, `resident`: a host as the seam shows it.
//! - `network`, `opening`, `stream`, `listener`, `datagram`: turmoil's sockets behind the seam's.
//! - `paths`, `faults`: what may be wrong between two hosts, and what turmoil can't do.
//! - `power`: machines that are made and deleted while the run goes on.
//!
//! How coarse it is: messages are delivered at the beginning of a tick, and the log tells the time at which the tick
//! began. Timers are exact to turmoil's millisecond. A read is never cut short, and tasks run in the order in which they
//! became ready: of what may happen in another order, turmoil shows little.

mod clock;
mod datagram;
mod engine;
mod faults;
mod firmware;
mod lifecycle;
mod listener;
mod machine;
mod network;
mod opening;
mod paths;
mod power;
mod resident;
mod station;
mod stream;
mod task;

use std::time::Duration;

use groundhog_sim::{Config, Engine};

/// How coarse time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a tick is: whole milliseconds, at least one, because turmoil's clocks know nothing finer.
    pub tick: Duration,
}

/// Ten milliseconds: twice what a message takes at most between machines of one site, which is what scenarios have
/// unless they say otherwise, and far below the seconds in which they count. A tenth of the time that turmoil's own
/// millisecond takes.
const COARSE_TICK: Duration = Duration::from_millis(10);

impl Default for Options {
    fn default() -> Self {
        Self { tick: COARSE_TICK }
    }
}

/// Plays `story` on turmoil, on a fresh thread, and returns what it returns.
///
/// # Panics
///
/// When `story` panics, with its payload.
pub fn simulate<T: Send>(config: Config, story: impl FnOnce(&mut dyn Engine) -> T + Send) -> T {
    simulate_with(config, Options::default(), story)
}

/// As [`simulate`], with ticks of another length.
///
/// # Panics
///
/// When `story` panics, with its payload.
pub fn simulate_with<T: Send>(config: Config, options: Options, story: impl FnOnce(&mut dyn Engine) -> T + Send) -> T {
    #[allow(clippy::disallowed_methods, reason = "the thread runs alone: its caller waits for it")]
    let outcome = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("turmoil".to_owned())
            // Unoptimised futures of an RPC stack nest deeply.
            .stack_size(16 << 20)
            .spawn_scoped(scope, || story(&mut engine::Turmoil::enter(&config, options)))
            .expect("the machine can start one more thread")
            .join()
    });
    outcome.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}
