//! How much log is kept of a job, as a pure decision per line.

use crate::config::LogConfig;

/// The text that takes the place of the line that would have passed the limit.
pub const OVERFLOW_TEXT: &str = "Provisioner logs exceeded the max size of 1MB. Will not continue to write \
                                 provisioner logs for workspace build.";

/// What a job's log takes up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogUse {
    /// Bytes of output.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// The limit was met: nothing more is kept.
    pub overflowed: bool,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is stored.
    Store,
    /// It is the first one over the limit: [`OVERFLOW_TEXT`], as a warning, is stored in its place.
    Overflow,
    /// It comes after that one and is dropped.
    Drop,
}

impl LogUse {
    /// Decides on a line with `output_bytes` of output and counts it. Exactly the limit still fits.
    pub fn admit(&mut self, output_bytes: u64, limits: &LogConfig) -> Admission {
        if self.overflowed {
            return Admission::Drop;
        }
        let bytes = self.bytes.saturating_add(output_bytes);
        if bytes > limits.bytes_max || self.lines >= limits.lines_max {
            self.overflowed = true;
            return Admission::Overflow;
        }
        self.bytes = bytes;
        self.lines += 1;
        Admission::Store
    }
}
