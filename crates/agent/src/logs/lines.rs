//! Output cut into lines.

use super::queue::{LINE_BYTES_MAX, LINE_OVERHEAD_BYTES};

/// What a line may have, in bytes, so that it still fits into a message.
const KEPT_BYTES_MAX: usize = LINE_BYTES_MAX - LINE_OVERHEAD_BYTES;

/// Output that comes in pieces, as lines: without their ends, be those LF or CR LF.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
    /// The line has more than can be kept, and is dropped up to its end.
    too_long: bool,
}

impl Lines {
    /// Takes the next piece, and hands each line that it completes to `line`. A line that is too long for a message is
    /// dropped, and counted in the result.
    pub(crate) fn push(&mut self, mut piece: &[u8], mut line: impl FnMut(&[u8])) -> usize {
        let mut dropped = 0;
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            self.add(&piece[..end]);
            piece = &piece[end + 1..];
            if std::mem::take(&mut self.too_long) {
                dropped += 1;
            } else {
                let text = self.partial.strip_suffix(b"\r").unwrap_or(&self.partial);
                line(text);
            }
            self.partial.clear();
        }
        self.add(piece);
        dropped
    }

    /// The output is over: what was begun is a line too, if anything was.
    pub(crate) fn finish(&mut self, line: impl FnOnce(&[u8])) {
        if !self.too_long && !self.partial.is_empty() {
            line(&self.partial);
        }
        *self = Self::default();
    }

    fn add(&mut self, piece: &[u8]) {
        if self.too_long || self.partial.len() + piece.len() > KEPT_BYTES_MAX {
            self.too_long = true;
            self.partial.clear();
        } else {
            self.partial.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let mut take = |line: &[u8]| found.push(String::from_utf8_lossy(line).into_owned());
        for piece in pieces {
            lines.push(piece, &mut take);
        }
        lines.finish(&mut take);
        found
    }

    #[test]
    fn output_is_cut_into_lines() {
        let check = |pieces: &[&[u8]], expected: &[&str]| assert_eq!(lines(pieces), expected);
        check(&[], &[]);
        check(&[b"one line\n"], &["one line"]);
        check(&[b"no end"], &["no end"]);
        check(&[b"in ", b"pieces", b"\n"], &["in pieces"]);
        check(&[b"a\nb\nc"], &["a", "b", "c"]);
        check(&[b"\n\nempty ones\n\n"], &["", "", "empty ones", ""]);
        check(&[b"with CR\r\n", b"cut\r", b"\napart\n"], &["with CR", "cut", "apart"]);
        check(&[b"\r\n"], &[""]);
        check(&[b"CR \r inside\n"], &["CR \r inside"]);
    }

    #[test]
    fn a_line_that_fits_into_no_message_is_dropped() {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        let mut dropped = 0;
        for _ in 0..3 {
            dropped += lines.push(&vec![b'x'; KEPT_BYTES_MAX / 2], |line| found.push(line.len()));
        }
        dropped += lines.push(b"\nshort\n", |line| found.push(line.len()));
        assert_eq!((dropped, found), (1, vec![5]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() })]

        /// However the pipe cuts the output up, the lines are the same.
        #[test]
        fn lines_do_not_depend_on_the_pieces(
            text in "[a-c\r\n]{0,40}",
            cuts in proptest::collection::vec(0_usize..40, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(lines(&pieces), lines(&[text.as_bytes()]));
        }
    }
}
