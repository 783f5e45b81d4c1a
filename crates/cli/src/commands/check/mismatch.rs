//! What is found out about a run whose digests differ.

use std::io;

use groundhog_sim::{Divergence, Recording};

use super::elsewhere::Digests;

/// How often a run that differed is made again before it is told that it did not differ again.
const TRIES_MAX: u32 = 4;

/// The names of the two processes.
pub(super) const NAMES: [&str; 2] = ["here", "elsewhere"];

/// The names of two runs in this process.
const TWICE: [&str; 2] = ["first", "again"];

/// What is known of it.
pub(super) struct Mismatch {
    /// What the two sides of the divergence are called.
    pub(super) names: [&'static str; 2],
    /// Where the runs part. `None` if no two recordings of it did, in that many tries.
    pub(super) divergence: Option<Divergence>,
    pub(super) tries: u32,
}

/// Records the run on both sides until the recordings differ, or it was tried often enough.
pub(super) fn look_into(
    digests: &[Digests],
    here: impl Fn() -> Recording,
    there: impl Fn() -> io::Result<Recording>,
) -> io::Result<Mismatch> {
    // Runs that differ in one process are easier to understand than those that differ between two.
    let differs_here = digests.first() != digests.get(1);
    let names = if differs_here { TWICE } else { NAMES };
    for tries in 1..=TRIES_MAX {
        let one = here();
        let other = if differs_here { here() } else { there()? };
        let divergence = one.first_divergence(&other);
        if divergence.is_some() || tries == TRIES_MAX {
            return Ok(Mismatch { names, divergence, tries });
        }
    }
    Ok(Mismatch { names, divergence: None, tries: TRIES_MAX })
}
