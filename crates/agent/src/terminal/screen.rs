//! What a session has shown, and how far each viewer has seen it: a pure core.
//!
//! All viewers read one tape. A viewer is a place on it, so that ten viewers cost as much memory as one, and what a
//! viewer sees is always a contiguous piece of the output.

use std::collections::{BTreeMap, VecDeque};

/// How much of what was shown before a viewer joined is shown to it again, in bytes: this platform's customary size.
pub(crate) const REPLAY_BYTES: usize = 64 << 10;

/// How far behind the fastest viewer may be before the process has to wait for it, in bytes. Without that everyone who
/// prints a long file over a slow path would be dropped.
const PACE_BYTES: u64 = 256 << 10;

/// One viewer of a session, in the order in which they joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ViewerId(u64);

/// What there is for a viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next bytes.
    Bytes(Vec<u8>),
    /// Nothing yet.
    Nothing,
    /// It has seen everything, and no more comes.
    Over,
    /// It was dropped, because it had fallen too far behind.
    Dropped,
}

/// A session's output and its viewers.
#[derive(Debug)]
pub(crate) struct Screen {
    tape: VecDeque<u8>,
    /// How much had been shown before what is on the tape.
    start: u64,
    /// How much each viewer has seen, counted from the session's beginning.
    viewers: BTreeMap<ViewerId, u64>,
    joined: u64,
    behind_bytes_max: u64,
    is_over: bool,
}

impl Screen {
    /// A dark screen. A viewer that falls behind by more than `behind_bytes_max` bytes is dropped; less than what a
    /// new viewer is shown again can't be asked for.
    pub(crate) fn new(behind_bytes_max: usize) -> Self {
        Self {
            tape: VecDeque::new(),
            start: 0,
            viewers: BTreeMap::new(),
            joined: 0,
            behind_bytes_max: behind_bytes_max.max(2 * REPLAY_BYTES) as u64,
            is_over: false,
        }
    }

    fn end(&self) -> u64 {
        self.start + self.tape.len() as u64
    }

    /// A new viewer, which sees the last [`REPLAY_BYTES`] first.
    pub(crate) fn join(&mut self) -> ViewerId {
        let viewer = ViewerId(self.joined);
        self.joined += 1;
        let from = self.start.max(self.end().saturating_sub(REPLAY_BYTES as u64));
        self.viewers.insert(viewer, from);
        viewer
    }

    /// A viewer has gone. Nothing if it was dropped before.
    pub(crate) fn leave(&mut self, viewer: ViewerId) {
        self.viewers.remove(&viewer);
        self.forget();
    }

    /// The session shows `bytes`. Returns whom it had to drop for it (A9).
    pub(crate) fn show(&mut self, bytes: &[u8]) -> Vec<ViewerId> {
        self.tape.extend(bytes);
        let end = self.end();
        let is_behind = |seen: &u64| end - seen > self.behind_bytes_max;
        let dropped: Vec<_> = self.viewers.iter().filter(|(_, seen)| is_behind(seen)).map(|(id, _)| *id).collect();
        for viewer in &dropped {
            self.viewers.remove(viewer);
        }
        self.forget();
        dropped
    }

    /// If even the fastest viewer is far behind: how much that one has seen.
    pub(crate) fn held_back_at(&self) -> Option<u64> {
        let fastest = self.viewers.values().copied().max()?;
        (self.end() - fastest >= PACE_BYTES).then_some(fastest)
    }

    /// No more will be shown.
    pub(crate) fn finish(&mut self) {
        self.is_over = true;
    }

    /// Takes what `viewer` has not seen, at most `bytes_max` of it.
    pub(crate) fn next(&mut self, viewer: ViewerId, bytes_max: usize) -> Next {
        let end = self.end();
        let Some(seen) = self.viewers.get_mut(&viewer) else { return Next::Dropped };
        if *seen == end {
            return if self.is_over { Next::Over } else { Next::Nothing };
        }
        // What a viewer has not seen is on the tape: the difference fits its length.
        let from = (*seen - self.start) as usize;
        let bytes: Vec<u8> = self.tape.range(from..).take(bytes_max).copied().collect();
        *seen += bytes.len() as u64;
        self.forget();
        Next::Bytes(bytes)
    }

    /// How many there are.
    pub(crate) fn viewers(&self) -> usize {
        self.viewers.len()
    }

    /// Whether `viewer` is there still.
    pub(crate) fn has(&self, viewer: ViewerId) -> bool {
        self.viewers.contains_key(&viewer)
    }

    /// Drops from the tape what everybody has seen and nobody would be shown again.
    fn forget(&mut self) {
        let replayed = self.end().saturating_sub(REPLAY_BYTES as u64);
        let needed = self.viewers.values().copied().min().unwrap_or(replayed).min(replayed);
        let count = needed.saturating_sub(self.start) as usize;
        self.tape.drain(..count);
        self.start += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    const BEHIND: usize = 200_000;

    #[derive(Clone, Debug)]
    enum Step {
        Show(usize),
        Join,
        Leave(usize),
        See(usize, usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0_usize..30_000).prop_map(Step::Show),
            2 => Just(Step::Join),
            1 => any::<usize>().prop_map(Step::Leave),
            6 => (any::<usize>(), 1_usize..60_000).prop_map(|(viewer, bytes)| Step::See(viewer, bytes)),
        ];
        proptest::collection::vec(step, 1..120)
    }

    /// The byte at a place of the output: a pattern without a short period.
    fn pattern(place: u64) -> u8 {
        (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
    }

    /// A viewer as the model knows it.
    struct Seen {
        viewer: ViewerId,
        from: u64,
        bytes: Vec<u8>,
        is_dropped: bool,
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() })]

        /// What a viewer sees begins 64 KiB before it joined, has no gap, and goes on to the end unless it was
        /// dropped; only one that was too far behind is dropped; and the tape is bounded.
        #[test]
        fn a_viewer_sees_a_contiguous_tail(steps in steps()) {
            let mut screen = Screen::new(BEHIND);
            let mut shown = 0_u64;
            let mut viewers: Vec<Seen> = Vec::new();
            for step in steps {
                match step {
                    Step::Show(count) => {
                        let bytes: Vec<u8> = (shown..shown + count as u64).map(pattern).collect();
                        shown += count as u64;
                        let dropped = screen.show(&bytes);
                        for seen in viewers.iter_mut().filter(|seen| !seen.is_dropped) {
                            let behind = shown - seen.from - seen.bytes.len() as u64;
                            seen.is_dropped = dropped.contains(&seen.viewer);
                            prop_assert_eq!(seen.is_dropped, behind > BEHIND as u64);
                        }
                    }
                    Step::Join => {
                        let from = shown.saturating_sub(REPLAY_BYTES as u64);
                        viewers.push(Seen { viewer: screen.join(), from, bytes: Vec::new(), is_dropped: false });
                    }
                    Step::Leave(which) if !viewers.is_empty() => {
                        let seen = viewers.swap_remove(which % viewers.len());
                        screen.leave(seen.viewer);
                        prop_assert_eq!(screen.next(seen.viewer, 1), Next::Dropped);
                    }
                    Step::See(which, bytes_max) if !viewers.is_empty() => {
                        let count = viewers.len();
                        let seen = &mut viewers[which % count];
                        match screen.next(seen.viewer, bytes_max) {
                            Next::Bytes(bytes) => {
                                prop_assert!(!bytes.is_empty() && bytes.len() <= bytes_max);
                                seen.bytes.extend(bytes);
                            }
                            Next::Nothing => prop_assert_eq!(seen.from + seen.bytes.len() as u64, shown),
                            Next::Dropped => prop_assert!(seen.is_dropped),
                            Next::Over => prop_assert!(false, "nobody said that it is over"),
                        }
                    }
                    Step::Leave(_) | Step::See(..) => {}
                }
                prop_assert!(screen.tape.len() <= BEHIND, "{} bytes are kept", screen.tape.len());
                prop_assert_eq!(screen.viewers(), viewers.iter().filter(|seen| !seen.is_dropped).count());
            }
            screen.finish();
            for seen in &mut viewers {
                while let Next::Bytes(bytes) = screen.next(seen.viewer, 10_000) {
                    seen.bytes.extend(bytes);
                }
                let end = seen.from + seen.bytes.len() as u64;
                prop_assert!(seen.bytes.iter().copied().eq((seen.from..end).map(pattern)), "a gap or a repeat");
                prop_assert_eq!(end == shown, !seen.is_dropped || end == shown);
                let next = screen.next(seen.viewer, 1);
                prop_assert_eq!(next, if seen.is_dropped { Next::Dropped } else { Next::Over });
            }
        }
    }

    #[test]
    fn without_viewers_only_the_replay_is_kept() {
        let mut screen = Screen::new(BEHIND);
        for _ in 0..100 {
            assert_eq!(screen.show(&[7; 10_000]), []);
        }
        assert_eq!(screen.tape.len(), REPLAY_BYTES);
    }

    #[test]
    fn the_fastest_viewer_sets_the_pace() {
        let mut screen = Screen::new(1 << 20);
        assert_eq!(screen.held_back_at(), None);
        let (slow, fast) = (screen.join(), screen.join());
        screen.show(&[7; 300_000]);
        assert_eq!(screen.held_back_at(), Some(0));
        screen.next(fast, 100_000);
        assert_eq!(screen.held_back_at(), None, "one that is far behind holds nobody back");
        screen.show(&[7; 100_000]);
        assert_eq!(screen.held_back_at(), Some(100_000));
        screen.leave(fast);
        assert_eq!(screen.held_back_at(), Some(0));
        let late = screen.join();
        assert_eq!(screen.held_back_at(), None, "who joins has little to catch up with");
        screen.leave(late);
        screen.leave(slow);
        assert_eq!(screen.held_back_at(), None);
    }

    #[test]
    fn a_bound_below_the_replay_is_raised() {
        let mut screen = Screen::new(10);
        screen.show(&[7; REPLAY_BYTES]);
        screen.join();
        assert_eq!(screen.show(b"more"), [], "a viewer that has just joined has not fallen behind");
    }
}
