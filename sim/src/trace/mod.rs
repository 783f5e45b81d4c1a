//! The full trace: every task run and wake, delivery, draw and record, folded into one digest as it happens.
//!
//! Two runs with equal digests did the same things in the same order. The digest costs a multiplication per
//! step, so it is always on: a run that can't be compared can't be trusted.
//!
//! A digest tells that two runs differ, not where. For that a run can be made again with every step kept:
//!
//! - `recorder`: keeps the steps, while the run goes on.
//! - `recording`: what a run leaves behind: its steps, tasks, draws, records and what it asked past the seam.
//! - `format`: the same as lines of text, for another process.
//! - `divergence`: where two recordings part, and what may be the cause.
//! - `words`, `text`: how that is told.

pub(crate) mod divergence;
pub(crate) mod format;
pub(crate) mod recorder;
pub(crate) mod recording;
mod text;
mod words;

use std::{cell::Cell, fmt};

use serde::{Deserialize, Serialize};

use self::recorder::{Recorder, Source};
use crate::arena::Key;

/// What a step of the trace was. The numbers are part of the digest, the names of the recording's line format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub(crate) enum Step {
    /// A task was made ready: its serial number.
    Wake = 1,
    /// A task ran: its serial number.
    Run = 2,
    /// A number was drawn: the number.
    Draw = 3,
    /// Time moved: to this microsecond.
    Time = 4,
    /// Bytes arrived: connection and count.
    Deliver = 5,
    /// A packet was lost: connection.
    Lose = 6,
    /// A record was made: its ordinal and text.
    Record = 7,
    /// Randomness was taken past the seam: the number of bytes.
    Entropy = 8,
    /// The seed of a random stream was given away: its first eight bytes. In recordings only.
    Seed = 9,
}

/// A digest of a sequence of numbers, printed as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An odd constant with no pattern in its bits (from the golden ratio).
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Folds one number into a digest: a full 128-bit product, whose halves are joined, so that every bit of the
/// input reaches every bit of the result. Finds accidents; not meant against an adversary.
#[inline]
fn fold(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word) * u128::from(MULTIPLIER);
    (product as u64) ^ ((product >> 64) as u64).wrapping_add(MULTIPLIER).rotate_left(23)
}

/// A digest in the making.
pub(crate) struct Trace {
    state: Cell<u64>,
    /// Keeps the steps too, if the run is recorded.
    recorder: Option<Box<Recorder>>,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self { state: Cell::new(MULTIPLIER), recorder: None }
    }

    /// A digest that keeps what it is made of.
    pub(crate) fn recorded() -> Self {
        Self { recorder: Some(Box::new(Recorder::new())), ..Self::new() }
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_deref()
    }

    #[inline]
    fn fold(&self, step: Step, value: u64) {
        self.state.set(fold(self.state.get(), value.rotate_left(8) ^ u64::from(step as u8)));
    }

    #[inline]
    pub(crate) fn note(&self, step: Step, value: u64) {
        self.fold(step, value);
        if let Some(recorder) = &self.recorder {
            recorder.step(step, value, None);
        }
    }

    /// Notes a number that was drawn from `source`.
    #[inline]
    pub(crate) fn draw(&self, source: Source, value: u32) {
        self.fold(Step::Draw, u64::from(value));
        if let Some(recorder) = &self.recorder {
            recorder.step(Step::Draw, u64::from(value), Some(source));
        }
    }

    /// Notes that bytes arrived on a connection, or that a packet of it was lost.
    #[inline]
    pub(crate) fn packet(&self, step: Step, connection: Key, bytes: u32, source: Source) {
        self.fold(step, connection.to_bits() ^ u64::from(bytes) << 40);
        if let Some(recorder) = &self.recorder {
            recorder.step(step, u64::from(connection.index) << 32 | u64::from(bytes), Some(source));
        }
    }

    /// Notes a record of the log.
    pub(crate) fn record(&self, ordinal: u64, line: &str) {
        self.fold(Step::Record, ordinal);
        self.text(line);
        if let Some(recorder) = &self.recorder {
            recorder.record(ordinal, line);
        }
    }

    pub(crate) fn text(&self, text: &str) {
        let mut state = fold(self.state.get(), text.len() as u64);
        let (words, rest) = text.as_bytes().as_chunks::<8>();
        for word in words {
            state = fold(state, u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            state = fold(state, u64::from_le_bytes(word));
        }
        self.state.set(state);
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest(self.state.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(steps: &[(Step, u64)]) -> Digest {
        let trace = Trace::new();
        for (step, value) in steps {
            trace.note(*step, *value);
        }
        trace.digest()
    }

    #[test]
    fn order_kind_and_value_all_matter() {
        let base = digest(&[(Step::Run, 1), (Step::Run, 2)]);
        assert_eq!(base, digest(&[(Step::Run, 1), (Step::Run, 2)]));
        assert_ne!(base, digest(&[(Step::Run, 2), (Step::Run, 1)]));
        assert_ne!(base, digest(&[(Step::Wake, 1), (Step::Run, 2)]));
        assert_ne!(base, digest(&[(Step::Run, 1)]));
        assert_ne!(digest(&[(Step::Run, 0)]), digest(&[(Step::Run, 0), (Step::Run, 0)]));
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        let digest = |texts: &[&str]| {
            let trace = Trace::new();
            texts.iter().for_each(|text| trace.text(text));
            trace.digest()
        };
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["a"]), digest(&["a\0"]));
    }
}
