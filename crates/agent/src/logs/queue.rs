//! The queue of log lines on their way to the control plane, as a pure value.
//!
//! Each source has lines of its own, counted from 1 without a gap (A8). A source that was silent is sent at once, and
//! then at most once a second, so that a flood costs few messages and a single line no waiting. A batch stays in the
//! queue until the control plane has answered; what was lost on the way is sent again under the same numbers.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use groundhog_host::Instant;
use groundhog_wire::v1::{AgentLogLine, LogLevel};

/// What a line costs beside its text, in bytes.
pub(crate) const LINE_OVERHEAD_BYTES: usize = 21;
/// The largest batch, its lines' overhead included, in bytes.
pub(crate) const BATCH_BYTES_MAX: usize = 1 << 20;
/// The largest line, its overhead included, in bytes: what fills a batch alone.
pub(crate) const LINE_BYTES_MAX: usize = BATCH_BYTES_MAX;
/// How many bytes of text wait, of all sources together. Above that, lines are dropped.
const QUEUE_BYTES_MAX: usize = 1 << 20;
/// How long a source that has just been sent waits.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// The lines that wait, by source.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Those with lines.
    sources: BTreeMap<String, Source>,
    /// How many lines each source has had.
    counts: BTreeMap<String, u64>,
    bytes: usize,
    over: bool,
}

#[derive(Debug, Default)]
struct Source {
    lines: VecDeque<AgentLogLine>,
    /// When it was last sent; none if it was silent before.
    sent_at: Option<Instant>,
    /// Lines up to this number are not to wait.
    flush_to: u64,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits to be sent.
    Kept,
    /// It was dropped: too many wait.
    QueueFull,
    /// It was dropped: it fits into no message.
    TooLong,
    /// It was dropped: the control plane wants no more.
    Over,
}

/// When there is something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Now.
    Batch(Batch),
    /// Then, if nothing else happens.
    At(Instant),
    /// When there is a line.
    Never,
}

/// Lines to send in one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Whose they are.
    pub(crate) source: String,
    /// At least one, in the order of their numbers.
    pub(crate) lines: Vec<AgentLogLine>,
}

impl Queue {
    /// A source has written a line.
    pub(crate) fn push(&mut self, source: &str, level: LogLevel, created_at_ms: i64, output: String) -> Pushed {
        if self.over {
            return Pushed::Over;
        }
        if output.len() + LINE_OVERHEAD_BYTES > LINE_BYTES_MAX {
            return Pushed::TooLong;
        }
        // The line itself does not count, so that a long one may come too.
        if self.bytes >= QUEUE_BYTES_MAX {
            return Pushed::QueueFull;
        }
        let count = self.counts.entry(source.to_owned()).or_default();
        *count += 1;
        self.bytes += output.len();
        let line = AgentLogLine { sequence: *count, created_at_ms, level: level.into(), output };
        self.sources.entry(source.to_owned()).or_default().lines.push_back(line);
        Pushed::Kept
    }

    /// Nothing that waits now is to wait any longer.
    pub(crate) fn flush(&mut self) {
        for source in self.sources.values_mut() {
            source.flush_to = source.lines.back().map_or(0, |line| line.sequence);
        }
    }

    /// What to send at `now`: of the sources whose time has come, the one that has waited longest, the first by its id
    /// among those that have waited as long.
    pub(crate) fn due(&self, now: Instant) -> Due {
        let due_at = |source: &Source| match source.sent_at {
            Some(sent_at) if !source.is_flushed() => sent_at + FLUSH_INTERVAL,
            _ => now,
        };
        let earliest = self.sources.iter().min_by_key(|(id, source)| (due_at(source) > now, source.sent_at, *id));
        match earliest {
            None => Due::Never,
            Some((_, source)) if due_at(source) > now => Due::At(due_at(source)),
            Some((id, source)) => Due::Batch(Batch { source: id.clone(), lines: source.batch() }),
        }
    }

    /// The control plane has taken a batch, or refused it for good.
    pub(crate) fn sent(&mut self, batch: &Batch, now: Instant) {
        let Some(source) = self.sources.get_mut(&batch.source) else { return };
        let last = batch.lines.last().map_or(0, |line| line.sequence);
        while let Some(line) = source.lines.pop_front_if(|line| line.sequence <= last) {
            self.bytes -= line.output.len();
        }
        source.sent_at = Some(now);
        if source.lines.is_empty() {
            self.sources.remove(&batch.source);
        }
    }

    /// The control plane wants no more, ever. Whether that is news.
    pub(crate) fn end(&mut self) -> bool {
        self.sources.clear();
        self.bytes = 0;
        !std::mem::replace(&mut self.over, true)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }
}

impl Source {
    fn is_flushed(&self) -> bool {
        self.lines.front().is_some_and(|line| line.sequence <= self.flush_to)
    }

    /// As many of the first lines as fit into a message: one at least.
    fn batch(&self) -> Vec<AgentLogLine> {
        let mut bytes = 0;
        let fits = |line: &&AgentLogLine| {
            bytes += line.output.len() + LINE_OVERHEAD_BYTES;
            bytes <= BATCH_BYTES_MAX
        };
        self.lines.iter().take_while(fits).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn push(queue: &mut Queue, source: &str, output: &str) -> Pushed {
        queue.push(source, LogLevel::Info, 0, output.to_owned())
    }

    /// The source and numbers of what is due.
    fn due(queue: &Queue, now: Instant) -> Option<(String, u64, u64)> {
        let Due::Batch(batch) = queue.due(now) else { return None };
        Some((batch.source, batch.lines[0].sequence, batch.lines[batch.lines.len() - 1].sequence))
    }

    fn sent(queue: &mut Queue, now: Instant) {
        let Due::Batch(batch) = queue.due(now) else { panic!("nothing is due") };
        queue.sent(&batch, now);
    }

    #[test]
    fn a_source_that_was_silent_is_sent_at_once_and_a_flood_once_a_second() {
        let mut queue = Queue::default();
        assert_eq!(queue.due(at(0)), Due::Never);
        push(&mut queue, "a", "1");
        assert_eq!(due(&queue, at(0)), Some(("a".to_owned(), 1, 1)));
        let Due::Batch(first) = queue.due(at(0)) else { panic!("it is due") };
        // While it is on its way, more comes.
        push(&mut queue, "a", "2");
        push(&mut queue, "a", "3");
        queue.sent(&first, at(100));
        assert_eq!(queue.due(at(100)), Due::At(at(1_100)));
        assert_eq!(due(&queue, at(1_100)), Some(("a".to_owned(), 2, 3)));
        sent(&mut queue, at(1_100));
        assert!(queue.is_empty());
        push(&mut queue, "a", "4");
        assert_eq!(due(&queue, at(1_101)), Some(("a".to_owned(), 4, 4)));
    }

    #[test]
    fn who_has_waited_longest_is_sent_first() {
        let mut queue = Queue::default();
        for source in ["b", "a"] {
            push(&mut queue, source, "x");
        }
        assert_eq!(due(&queue, at(0)), Some(("a".to_owned(), 1, 1)));
        let Due::Batch(batch) = queue.due(at(0)) else { panic!("it is due") };
        push(&mut queue, "a", "y");
        queue.sent(&batch, at(0));
        assert_eq!(due(&queue, at(5_000)), Some(("b".to_owned(), 1, 1)));
        sent(&mut queue, at(5_000));
        assert_eq!(due(&queue, at(5_000)), Some(("a".to_owned(), 2, 2)));
    }

    #[test]
    fn a_flush_ends_the_waiting() {
        let mut queue = Queue::default();
        push(&mut queue, "a", "1");
        let Due::Batch(batch) = queue.due(at(0)) else { panic!("it is due") };
        push(&mut queue, "a", "2");
        queue.sent(&batch, at(0));
        assert_eq!(due(&queue, at(1)), None);
        queue.flush();
        assert_eq!(due(&queue, at(1)), Some(("a".to_owned(), 2, 2)));
    }

    #[test]
    fn a_batch_has_its_bound_and_so_has_a_line() {
        let mut queue = Queue::default();
        let fills_a_batch = "x".repeat(BATCH_BYTES_MAX - LINE_OVERHEAD_BYTES);
        assert_eq!(push(&mut queue, "a", &format!("{fills_a_batch}x")), Pushed::TooLong);
        push(&mut queue, "a", "first");
        assert_eq!(push(&mut queue, "a", &fills_a_batch), Pushed::Kept);
        assert_eq!(due(&queue, at(0)), Some(("a".to_owned(), 1, 1)));
        sent(&mut queue, at(0));
        assert_eq!(due(&queue, at(1_000)), Some(("a".to_owned(), 2, 2)));
    }

    #[test]
    fn many_short_lines_take_two_batches() {
        let mut queue = Queue::default();
        for _ in 0..60_000 {
            assert_eq!(push(&mut queue, "a", "r"), Pushed::Kept);
        }
        // 22 bytes each.
        assert_eq!(due(&queue, at(0)), Some(("a".to_owned(), 1, 47_662)));
        sent(&mut queue, at(0));
        assert_eq!(due(&queue, at(1_000)), Some(("a".to_owned(), 47_663, 60_000)));
    }

    #[test]
    fn a_full_queue_drops_what_comes_and_leaves_no_gap() {
        let mut queue = Queue::default();
        push(&mut queue, "a", &"x".repeat(QUEUE_BYTES_MAX - 100));
        // It is looked at before the line is added.
        assert_eq!(push(&mut queue, "b", &"y".repeat(1_000)), Pushed::Kept);
        assert_eq!(push(&mut queue, "b", "z"), Pushed::QueueFull);
        sent(&mut queue, at(0));
        assert_eq!(push(&mut queue, "b", "z"), Pushed::Kept);
        assert_eq!(due(&queue, at(0)), Some(("b".to_owned(), 1, 2)));
    }

    #[test]
    fn after_the_end_nothing_is_taken() {
        let mut queue = Queue::default();
        push(&mut queue, "a", "1");
        assert!(queue.end());
        assert!(!queue.end());
        assert!(queue.is_empty());
        assert_eq!(push(&mut queue, "a", "2"), Pushed::Over);
    }
}
