//! A session's life, as a pure core: its states, who is in it, and when nobody has been for too long.

use std::{fmt, time::Duration};

use groundhog_host::Instant;

use super::screen::{Next, Screen, ViewerId};

/// How many may be in one session. Far more than ever share one, and few enough that they can be woken for each piece
/// of output.
const VIEWERS_MAX: usize = 32;

/// Where a session is in its life. It only ever goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Its process is being started. It can be joined.
    Starting,
    /// Its process runs. It can be joined.
    Ready,
    /// Its process is told to end, or has ended, and its last words are read.
    Closing,
    /// All has been read.
    Done,
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its process has ended.
    Ended,
    /// Nobody was in it for too long.
    Idle,
    /// Its agent closes.
    Closed,
    /// Its process could not be started.
    Failed(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "ended",
            Self::Idle => "idle",
            Self::Closed => "closed",
            Self::Failed(_) => "failed",
        })
    }
}

/// Why somebody can't join a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoEntry {
    /// It is over, or nearly: another one can be begun in its place.
    Over,
    /// There are too many in it.
    Full,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Core {
    state: State,
    why: Option<Why>,
    screen: Screen,
    /// Since when nobody is in it.
    empty_since: Option<Instant>,
}

impl Core {
    /// A session that begins at `now`, and whose viewers may be so many bytes behind.
    pub(crate) fn new(now: Instant, behind_bytes_max: usize) -> Self {
        Self { state: State::Starting, why: None, screen: Screen::new(behind_bytes_max), empty_since: Some(now) }
    }

    fn advance(&mut self, to: State) -> bool {
        let is_forward = to > self.state;
        if is_forward {
            self.state = to;
        }
        is_forward
    }

    /// Its process runs. False if it is to end already.
    pub(crate) fn started(&mut self) -> bool {
        self.advance(State::Ready)
    }

    /// Somebody wants to join.
    pub(crate) fn join(&mut self) -> Result<ViewerId, NoEntry> {
        if self.state >= State::Closing {
            return Err(NoEntry::Over);
        }
        if self.screen.viewers() >= VIEWERS_MAX {
            return Err(NoEntry::Full);
        }
        self.empty_since = None;
        Ok(self.screen.join())
    }

    /// Somebody has left, or has been seen to have been dropped.
    pub(crate) fn leave(&mut self, viewer: ViewerId, now: Instant) {
        self.screen.leave(viewer);
        self.count(now);
    }

    /// It shows something. Returns whom it dropped for that.
    pub(crate) fn show(&mut self, bytes: &[u8], now: Instant) -> Vec<ViewerId> {
        let dropped = self.screen.show(bytes);
        self.count(now);
        dropped
    }

    /// Notes since when nobody is in it.
    fn count(&mut self, now: Instant) {
        if self.screen.viewers() == 0 {
            self.empty_since.get_or_insert(now);
        }
    }

    /// When it will have been without anybody for `timeout`. None while somebody is in it: there is no timer then
    /// that could go off too early after a night in which the machine slept.
    pub(crate) fn idle_at(&self, timeout: Duration) -> Option<Instant> {
        self.empty_since.map(|since| since + timeout)
    }

    /// It is to end. False if it was to end already.
    pub(crate) fn close(&mut self, why: Why) -> bool {
        let is_news = self.advance(State::Closing);
        if is_news {
            self.why = Some(why);
        }
        is_news
    }

    /// Its last words have been read.
    pub(crate) fn done(&mut self) {
        self.advance(State::Done);
        self.screen.finish();
    }

    /// Takes what `viewer` has not seen.
    pub(crate) fn next(&mut self, viewer: ViewerId, bytes_max: usize) -> Next {
        self.screen.next(viewer, bytes_max)
    }

    /// If even the fastest viewer is far behind: how much that one has seen.
    pub(crate) fn held_back_at(&self) -> Option<u64> {
        self.screen.held_back_at()
    }

    /// Where it is in its life.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Why it is over, if it is.
    pub(crate) fn why(&self) -> Option<&Why> {
        self.why.as_ref()
    }

    /// How many are in it.
    pub(crate) fn viewers(&self) -> usize {
        self.screen.viewers()
    }

    /// Whether `viewer` is in it still.
    pub(crate) fn has(&self, viewer: ViewerId) -> bool {
        self.screen.has(viewer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(300);

    fn at(second: u64) -> Instant {
        Instant::from_micros(second * 1_000_000)
    }

    #[test]
    fn it_is_idle_only_while_nobody_is_in_it() {
        let mut core = Core::new(at(10), 0);
        assert_eq!(core.idle_at(TIMEOUT), Some(at(310)), "from its beginning: its first viewer may never come");
        let first = core.join().expect("it can be joined while it starts");
        assert_eq!(core.idle_at(TIMEOUT), None);
        assert!(core.started());
        let second = core.join().expect("it can be joined while it runs");
        core.leave(first, at(20));
        assert_eq!(core.idle_at(TIMEOUT), None);
        core.leave(second, at(30));
        core.leave(second, at(40));
        assert_eq!(core.idle_at(TIMEOUT), Some(at(330)), "from when the last one left");
    }

    #[test]
    fn a_viewer_that_is_dropped_counts_as_gone_at_once() {
        let mut core = Core::new(at(0), 0);
        core.started();
        let viewer = core.join().expect("it can be joined");
        let mut dropped = Vec::new();
        for second in 1..40 {
            dropped.extend(core.show(&[7; 10_000], at(second)));
        }
        assert_eq!(dropped, [viewer]);
        // 13 pieces fit into two times 64 KiB, the fourteenth was too much.
        assert_eq!(core.idle_at(TIMEOUT), Some(at(14 + 300)));
        assert_eq!(core.next(viewer, 1), Next::Dropped);
    }

    #[test]
    fn a_session_that_ends_shows_its_last_words_and_lets_nobody_in() {
        let mut core = Core::new(at(0), 0);
        let viewer = core.join().expect("it can be joined");
        core.started();
        assert!(core.close(Why::Idle));
        assert!(!core.close(Why::Ended), "the first reason counts");
        assert!(!core.started());
        assert_eq!(core.join(), Err(NoEntry::Over));
        core.show(b"bye", at(1));
        assert_eq!(core.next(viewer, 9), Next::Bytes(b"bye".to_vec()));
        assert_eq!(core.next(viewer, 9), Next::Nothing);
        core.done();
        assert_eq!(core.next(viewer, 9), Next::Over);
        assert_eq!(core.why(), Some(&Why::Idle));
    }

    #[test]
    fn not_everybody_fits() {
        let mut core = Core::new(at(0), 0);
        for _ in 0..VIEWERS_MAX {
            core.join().expect("it can be joined");
        }
        assert_eq!(core.join(), Err(NoEntry::Full));
        assert_eq!(core.viewers(), VIEWERS_MAX);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Started,
        Join,
        Leave,
        Show,
        Close,
        Done,
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(0), ..ProptestConfig::default() })]

        /// Whatever happens in whatever order: states go forward only, nobody joins what is closing, the reason of an
        /// end is the first, and a session is idle exactly while nobody is in it.
        #[test]
        fn it_only_goes_forward(steps in proptest::collection::vec(prop_oneof![
            Just(Step::Started), Just(Step::Join), Just(Step::Join), Just(Step::Leave), Just(Step::Show),
            Just(Step::Close), Just(Step::Done),
        ], 1..40)) {
            let mut core = Core::new(at(0), 0);
            let mut viewers = Vec::new();
            let mut first_why = None;
            for (second, step) in steps.into_iter().enumerate() {
                let (before, now) = (core.state(), at(second as u64));
                match step {
                    Step::Started => prop_assert_eq!(core.started(), before == State::Starting),
                    Step::Join => {
                        let joined = core.join();
                        prop_assert_eq!(joined.is_ok(), before < State::Closing && viewers.len() < VIEWERS_MAX);
                        viewers.extend(joined.ok());
                    }
                    Step::Leave => {
                        if let Some(viewer) = viewers.pop() {
                            core.leave(viewer, now);
                        }
                    }
                    Step::Show => prop_assert_eq!(core.show(b"x", now), []),
                    Step::Close => {
                        let why = Why::Failed(second.to_string());
                        if core.close(why.clone()) {
                            prop_assert!(before < State::Closing);
                            first_why = Some(why);
                        }
                    }
                    Step::Done => core.done(),
                }
                prop_assert!(core.state() >= before);
                prop_assert_eq!(core.why(), first_why.as_ref());
                prop_assert_eq!(core.viewers(), viewers.len());
                prop_assert_eq!(core.idle_at(TIMEOUT).is_some(), viewers.is_empty());
            }
        }
    }
}
