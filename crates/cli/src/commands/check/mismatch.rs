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

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(traces: &[&str]) -> Vec<Digests> {
        traces.iter().map(|trace| Digests { log_digest: "0".to_owned(), trace_digest: (*trace).to_owned() }).collect()
    }

    /// A recording of one number that was drawn.
    fn drew(number: u64) -> Recording {
        let text = format!(
            "{{\"recording\":1}}\n{{\"step\":[\"draw\",{number},5,null,null]}}\n\
             {{\"end\":{{\"steps\":1,\"cut_short\":false}}}}\n"
        );
        Recording::read(&mut text.as_bytes()).expect("it is a recording")
    }

    #[test]
    fn runs_that_differ_between_processes_are_recorded_in_both() {
        let found = look_into(&digests(&["a", "a", "b"]), || drew(1), || Ok(drew(2))).expect("both can be recorded");
        assert_eq!((found.names, found.tries), (NAMES, 1));
        let text = found.divergence.expect("they differ").text(found.names);
        assert!(text.contains("elsewhere: +00:00:00.000005  drew 2"), "{text}");
    }

    #[test]
    fn runs_that_differ_in_one_process_are_recorded_in_it() {
        let number = std::cell::Cell::new(0);
        let here = || drew(number.replace(number.get() + 1));
        let there = || -> io::Result<Recording> { unreachable!("the other process is not needed") };
        let found = look_into(&digests(&["a", "b", "a"]), here, there).expect("it can be recorded");
        assert_eq!((found.names, found.divergence.is_some()), (TWICE, true));
    }

    #[test]
    fn runs_that_do_not_differ_again_are_said_not_to() {
        let found = look_into(&digests(&["a", "a", "b"]), || drew(1), || Ok(drew(1))).expect("both can be recorded");
        assert_eq!((found.divergence, found.tries), (None, TRIES_MAX));
    }

    #[test]
    fn another_process_that_fails_is_trouble() {
        let there = || Err(io::Error::other("gone"));
        assert!(look_into(&digests(&["a", "a", "b"]), || drew(1), there).is_err());
    }
}
