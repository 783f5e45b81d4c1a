//! When log lines are sent, in what portions, and what becomes of a flood of them.
//!
//! A line gets its sequence number when it is queued, and stays in the queue until the control plane has accepted
//! it. A flush sends a batch off the front; one that is lost is sent again with the same numbers (J2).

use std::{collections::VecDeque, time::Duration};

use groundhog_host::Instant;
use groundhog_wire::v1::{LogLevel, LogLine, LogSource};
use prost::Message;

use super::{RunnerConfig, event::Moment};

/// The longest output of one line, in bytes. A longer one is cut into several lines.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// The most lines that one message carries.
pub const BATCH_LINES_MAX: usize = 1_000;

/// The most bytes of lines that one message carries: well below the 4 MiB at which a message is refused.
pub const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// The most lines that wait. Beyond this a provisioner's newest lines are dropped and counted.
pub const QUEUE_LINES_MAX: usize = 10_000;

/// The most bytes of lines that wait. Beyond this a provisioner's newest lines are dropped and counted.
pub const QUEUE_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Clone, Debug)]
struct Queued {
    line: LogLine,
    bytes: usize,
    at: Instant,
}

/// A job's log lines that the control plane has not accepted.
#[derive(Clone, Debug)]
pub(super) struct LogQueue {
    debounce: Duration,
    age_max: Duration,
    lines_max: usize,
    lines: VecDeque<Queued>,
    bytes: usize,
    /// The number that the next line gets.
    next_sequence: u64,
    /// Lines up to this number are due whatever their age: a flush that was begun takes all that was there.
    due_up_to: u64,
    /// The provisioner's lines dropped since the last line queued.
    dropped: u64,
}

impl LogQueue {
    pub(super) fn new(config: &RunnerConfig) -> Self {
        Self {
            debounce: config.log_debounce,
            age_max: config.log_age_max,
            lines_max: config.log_lines_max,
            lines: VecDeque::new(),
            bytes: 0,
            next_sequence: 1,
            due_up_to: 0,
            dropped: 0,
        }
    }

    /// Queues a line of the daemon's own. There are a handful in a job, so they pass the queue's bound.
    pub(super) fn push_own(&mut self, at: Moment, level: LogLevel, stage: &str, output: &str) {
        self.tell_dropped(at, stage);
        self.push(at, LogSource::ProvisionerDaemon, level, stage, output);
    }

    /// Queues what a provisioner wrote, in several lines if it is long; drops what does not fit.
    pub(super) fn push_provisioner(&mut self, at: Moment, level: LogLevel, stage: &str, output: &str) {
        let mut rest = output;
        loop {
            // The text may be cut only between two characters.
            let (piece, tail) = rest.split_at(rest.floor_char_boundary(LINE_BYTES_MAX));
            if self.has_room() {
                self.tell_dropped(at, stage);
                self.push(at, LogSource::Provisioner, level, stage, piece);
            } else {
                self.dropped += 1;
            }
            if tail.is_empty() {
                return;
            }
            rest = tail;
        }
    }

    fn has_room(&self) -> bool {
        self.lines.len() < QUEUE_LINES_MAX && self.bytes + LINE_BYTES_MAX <= QUEUE_BYTES_MAX
    }

    /// Puts a line where lines are missing that says how many.
    fn tell_dropped(&mut self, at: Moment, stage: &str) {
        if self.dropped > 0 {
            let output = format!("{} log lines were dropped: too many were waiting to be sent.", self.dropped);
            self.dropped = 0;
            self.push(at, LogSource::ProvisionerDaemon, LogLevel::Warn, stage, &output);
        }
    }

    fn push(&mut self, at: Moment, source: LogSource, level: LogLevel, stage: &str, output: &str) {
        let line = LogLine {
            sequence: self.next_sequence,
            source: source.into(),
            level: level.into(),
            created_at_ms: at.wall_ms,
            stage: stage.to_owned(),
            output: output.to_owned(),
        };
        self.next_sequence += 1;
        let bytes = line.encoded_len();
        self.bytes += bytes;
        self.lines.push_back(Queued { line, bytes, at: at.now });
    }

    /// The number of the last line queued; 0 before the first.
    pub(super) fn last_sequence(&self) -> u64 {
        self.next_sequence - 1
    }

    /// Whether every line up to `sequence` was accepted.
    pub(super) fn is_accepted(&self, sequence: u64) -> bool {
        self.lines.front().is_none_or(|queued| queued.line.sequence > sequence)
    }

    /// When the waiting lines should be sent (J1); a time in the past if they are overdue.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let (oldest, newest) = (self.lines.front()?, self.lines.back()?);
        if oldest.line.sequence <= self.due_up_to || self.lines.len() >= self.lines_max {
            return Some(oldest.at);
        }
        Some((newest.at + self.debounce).min(oldest.at + self.age_max))
    }

    /// Makes every waiting line due now.
    pub(super) fn make_due(&mut self) {
        self.due_up_to = self.last_sequence();
    }

    /// What the next message carries: as many lines off the front as fit. They stay queued until
    /// [`Self::accepted`]. The rest of what waits now is due as soon as these are accepted.
    pub(super) fn batch(&mut self) -> Vec<LogLine> {
        self.make_due();
        let mut bytes = 0;
        self.lines
            .iter()
            .take(BATCH_LINES_MAX)
            .take_while(|queued| {
                bytes += queued.bytes;
                bytes <= BATCH_BYTES_MAX
            })
            .map(|queued| queued.line.clone())
            .collect()
    }

    /// The control plane has every line up to `sequence`.
    pub(super) fn accepted(&mut self, sequence: u64) {
        while let Some(queued) = self.lines.pop_front_if(|queued| queued.line.sequence <= sequence) {
            self.bytes -= queued.bytes;
        }
    }

    /// Gives up every waiting line.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now_ms: u64) -> Moment {
        Moment { now: Instant::from_micros(now_ms * 1_000), wall_ms: 0 }
    }

    fn queue() -> LogQueue {
        LogQueue::new(&RunnerConfig::default())
    }

    fn push(queue: &mut LogQueue, now_ms: u64) {
        queue.push_provisioner(at(now_ms), LogLevel::Info, "stage", "x");
    }

    #[test]
    fn lines_are_due_by_whichever_rule_is_first() {
        // When lines came, in milliseconds, and when they are due then.
        let hundred: Vec<u64> = (0..100).collect();
        let steady: Vec<u64> = (0..48).map(|n| n * 100).collect();
        let steadier: Vec<u64> = (0..49).map(|n| n * 100).collect();
        for (lines, due) in [
            (vec![], None),
            (vec![10], Some(260)),
            (vec![10, 200], Some(450)),
            (steady, Some(4_950)),
            (steadier, Some(5_000)),
            (hundred[..99].to_vec(), Some(348)),
            (hundred, Some(0)),
        ] {
            let mut queue = queue();
            for now in &lines {
                push(&mut queue, *now);
            }
            assert_eq!(queue.due_at().map(|due| due.as_micros() / 1_000), due, "{lines:?}");
        }
    }

    #[test]
    fn a_lost_batch_is_offered_again_with_the_same_numbers() {
        let mut queue = queue();
        push(&mut queue, 0);
        push(&mut queue, 0);
        let first: Vec<_> = queue.batch().iter().map(|line| line.sequence).collect();
        push(&mut queue, 1);
        let second: Vec<_> = queue.batch().iter().map(|line| line.sequence).collect();
        assert_eq!((first, second), (vec![1, 2], vec![1, 2, 3]));
        queue.accepted(2);
        assert!(queue.is_accepted(2) && !queue.is_accepted(3));
        assert_eq!(queue.batch()[0].sequence, 3);
    }

    #[test]
    fn what_a_batch_left_behind_is_due_at_once() {
        let mut queue = queue();
        for _ in 0..=BATCH_LINES_MAX {
            push(&mut queue, 1_000);
        }
        assert_eq!(queue.batch().len(), BATCH_LINES_MAX);
        queue.accepted(BATCH_LINES_MAX as u64);
        assert_eq!(queue.due_at(), Some(at(1_000).now));
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_batches_stay_small() {
        let mut queue = queue();
        let long = "é".repeat(2 * BATCH_BYTES_MAX / 2);
        queue.push_provisioner(at(0), LogLevel::Info, "stage", &long);
        let mut text = String::new();
        while !queue.is_accepted(queue.last_sequence()) {
            let batch = queue.batch();
            assert!(batch.iter().map(Message::encoded_len).sum::<usize>() <= BATCH_BYTES_MAX);
            text.extend(batch.iter().map(|line| line.output.as_str()));
            queue.accepted(batch.last().expect("a batch has a line").sequence);
        }
        assert_eq!(text, long);
    }

    #[test]
    fn a_flood_is_dropped_counted_and_told_where_it_is_missing() {
        let mut queue = queue();
        for _ in 0..QUEUE_LINES_MAX + 7 {
            push(&mut queue, 0);
        }
        queue.accepted(5);
        push(&mut queue, 1);
        queue.accepted(QUEUE_LINES_MAX as u64);
        let batch = queue.batch();
        assert_eq!(batch[0].output, "7 log lines were dropped: too many were waiting to be sent.");
        assert_eq!(batch[0].sequence, QUEUE_LINES_MAX as u64 + 1);
        assert_eq!(batch[1].output, "x");
    }
}
