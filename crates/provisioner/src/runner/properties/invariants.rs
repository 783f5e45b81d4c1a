//! What must hold of every run. The names are those of the invariants that simulated runs are checked against.

use std::collections::BTreeMap;

use groundhog_host::Instant;
use groundhog_wire::v1::LogLine;

use super::super::event::{CallError, Effect, Tale};

/// What a run's invariants remember.
#[derive(Default)]
pub(super) struct Rules {
    ended: bool,
    /// The terminal message under way.
    terminal: Option<&'static str>,
    /// The one that was answered for good.
    answered: Option<&'static str>,
    /// A completion was refused, so that it certainly was not taken.
    complete_refused: bool,
    /// A completion was begun, which the control plane may have taken.
    complete_begun: bool,
    /// Lines in updates that were accepted.
    accepted: u64,
    /// What each number was seen to mean.
    meant: BTreeMap<u64, LogLine>,
    /// When an undecided run was cancelled, and by when it must be decided.
    decided_by: Option<Instant>,
}

impl Rules {
    /// runner-silence: a run that has ended says nothing any more.
    pub(super) fn runner_silence(&mut self, effects: &[Effect]) {
        for effect in effects {
            assert!(!self.ended, "runner-silence: after the end came {effect:?}");
            self.ended |= matches!(effect, Effect::Tell(Tale::Ended { .. }));
        }
    }

    /// job-once: a job is ended once. One terminal message at a time; none after one was answered for good; and
    /// another one than before only if that was refused, so that it certainly was not taken.
    pub(super) fn job_once_begun(&mut self, kind: &'static str) {
        assert_eq!(self.terminal, None, "job-once: {kind} beside another terminal message");
        assert_eq!(self.answered, None, "job-once: {kind} after the job had ended");
        if kind == "complete" {
            assert!(!self.complete_refused, "job-once: complete again after it was refused");
            self.complete_begun = true;
        } else {
            assert!(!self.complete_begun || self.complete_refused, "job-once: the completion may have been taken");
        }
        self.terminal = Some(kind);
    }

    /// The other half of job-once.
    pub(super) fn job_once_answered(&mut self, result: &Result<(), CallError>) {
        let kind = self.terminal.take().expect("job-once: an answer to nothing");
        match result {
            Ok(()) | Err(CallError::Over(_)) => self.answered = Some(kind),
            Err(CallError::Refused(_)) if kind == "complete" => self.complete_refused = true,
            Err(CallError::Refused(_)) => self.answered = Some(kind),
            Err(CallError::Lost(_)) => {}
        }
    }

    /// The call was dropped: it may have been taken.
    pub(super) fn terminal_dropped(&mut self) {
        self.terminal = None;
    }

    /// log-order: an update goes on where the last accepted one ended, without a gap, and a number always means the
    /// same line.
    pub(super) fn log_order(&mut self, lines: &[LogLine]) {
        for (expected, line) in (self.accepted + 1..).zip(lines) {
            assert_eq!(line.sequence, expected, "log-order: lines must be contiguous and in order");
            let meant = self.meant.entry(line.sequence).or_insert_with(|| line.clone());
            assert_eq!(meant, line, "log-order: a number means another line than before");
        }
    }

    /// The control plane has answered that it took these lines.
    pub(super) fn accepted(&mut self, lines: &[LogLine]) {
        self.accepted = lines.last().map_or(self.accepted, |line| line.sequence);
    }

    /// The last line that was accepted.
    pub(super) fn last_accepted(&self) -> Option<&LogLine> {
        self.meant.get(&self.accepted)
    }

    /// An undecided run was cancelled.
    pub(super) fn canceled(&mut self, decided_by: Instant) {
        self.decided_by.get_or_insert(decided_by);
    }

    /// cancel-bound: a cancelled run is decided within the force-cancel interval.
    pub(super) fn cancel_bound(&self, now: Instant, decided: bool) {
        let late = self.decided_by.is_some_and(|by| by <= now) && !decided;
        assert!(!late, "cancel-bound: cancelled, and still undecided after the force-cancel interval");
    }
}
