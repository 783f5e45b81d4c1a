//! Cancels, the ways in which a job ends, and its terminal message.

use std::time::Duration;

use groundhog_host::Instant;
use groundhog_wire::{
    MESSAGE_BYTES_MAX,
    id::JobId,
    v1::{CompleteJobRequest, FailJobRequest, LogLevel, complete_job_request, fail_job_request},
};
use prost::Message as _;

use super::{
    attempt::Attempt,
    core::{Runner, Stage},
    event::{By, CallError, Effect, Moment, Outcome, Tale},
    texts,
};
use crate::session::Request;

/// The longest error text of a failed job, in bytes; the rest is cut off. A terminal message must never be refused
/// for its size, and nobody reads more.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// A cancel that has come.
#[derive(Clone, Debug)]
pub(super) struct Cancel {
    pub(super) by: By,
    /// When the session is cut off if the job has not ended (J6).
    pub(super) force_at: Instant,
}

/// A terminal message. Its job id is filled in when it is sent.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Fail(FailJobRequest),
    Complete(CompleteJobRequest),
}

impl Message {
    pub(super) fn into_effect(self, id: JobId) -> Effect {
        let job_id = id.to_string();
        match self {
            Self::Fail(request) => Effect::Fail(FailJobRequest { job_id, ..request }),
            Self::Complete(request) => Effect::Complete(CompleteJobRequest { job_id, ..request }),
        }
    }

    /// What of the message can be sent: no message is above the protocol's bound.
    fn bounded(self) -> Self {
        // The job id's share, filled in later, with room to spare.
        let fits = |bytes: usize| bytes + 1024 <= MESSAGE_BYTES_MAX;
        match self {
            Self::Complete(request) if !fits(request.encoded_len()) => {
                let bytes = request.encoded_len();
                let too_large =
                    |whose: &str| format!("{whose} result is too large: {bytes} bytes of at most {MESSAGE_BYTES_MAX}");
                Self::Fail(match request.kind {
                    Some(complete_job_request::Kind::WorkspaceBuild(build)) => {
                        texts::failed_build(too_large("the build's"), build.timings)
                    }
                    Some(complete_job_request::Kind::TemplateImport(_)) => texts::failed(too_large("the import's")),
                    Some(complete_job_request::Kind::TemplateDryRun(_)) => texts::failed(too_large("the dry run's")),
                    None => texts::failed(too_large("the job's")),
                })
                .bounded()
            }
            Self::Complete(_) => self,
            Self::Fail(mut request) => {
                request.error.truncate(request.error.floor_char_boundary(ERROR_BYTES_MAX));
                // The state is worth more than how long it took.
                if let Some(fail_job_request::Kind::WorkspaceBuild(build)) = &mut request.kind {
                    let fixed = request.error.len() + request.error_code.len();
                    if !fits(build.encoded_len() + fixed) {
                        build.timings.clear();
                    }
                    if !fits(build.encoded_len() + fixed) {
                        build.state = None;
                    }
                }
                Self::Fail(request)
            }
        }
    }
}

impl Runner {
    /// The job is to end gracefully. Only the first cancel counts.
    pub(super) fn cancel(&mut self, at: Moment, by: By) {
        if self.cancel.is_some() {
            return;
        }
        self.cancel = Some(Cancel { by, force_at: at.now + self.config.force_cancel_interval });
        self.tell(Tale::Canceled { by, settled: !self.is_undecided() });
        match self.stage {
            // Forwarded as soon as there is a session.
            Stage::New | Stage::Opening => {}
            Stage::Provisioning => self.forward_cancel(),
            Stage::Declaring { .. } | Stage::Flushing(_) | Stage::Quota { .. } => {
                self.forward_cancel();
                self.finish(at, self.canceled_between_phases());
            }
            // The outcome is settled.
            Stage::LastFlush(_) | Stage::Terminal { .. } | Stage::Ended(_) => {}
        }
    }

    pub(super) fn forward_cancel(&mut self) {
        let Some(cancel) = self.cancel.as_ref().filter(|_| self.session_open) else { return };
        let by = cancel.by;
        self.effects.push(Effect::Send(Request::Cancel));
        self.tell(Tale::CancelForwarded { phase: self.phase, by });
    }

    pub(super) fn force_cancel_if_due(&mut self, at: Moment) {
        if self.is_undecided() && self.cancel.as_ref().is_some_and(|cancel| cancel.force_at <= at.now) {
            self.tell(Tale::ForceCancel);
            self.close_session();
            self.finish(at, Message::Fail(texts::failed(texts::CANCEL_TIMED_OUT.to_owned())));
        }
    }

    pub(super) fn close_session(&mut self) {
        if std::mem::take(&mut self.session_open) {
            self.effects.push(Effect::CloseSession);
        }
    }

    /// The outcome is settled: clean up, flush for as long as the configuration allows, and send `message`.
    pub(super) fn finish(&mut self, at: Moment, message: Message) {
        self.finish_within(at, message, self.config.last_flush_max);
    }

    fn finish_within(&mut self, at: Moment, message: Message, flush_for: Duration) {
        if self.own_call_in_flight() {
            self.abandon_calls();
        }
        if matches!(self.stage, Stage::New | Stage::Opening) {
            // Nothing was begun, so there is nothing to clean up.
            self.begin_terminal(message);
            return;
        }
        self.logs.push_own(at, LogLevel::Info, texts::CLEANING_UP, "");
        self.flush(at.now + flush_for);
        self.stage = Stage::LastFlush(message);
    }

    fn abandon_calls(&mut self) {
        self.effects.push(Effect::Abandon);
        self.updates.attempt.abandoned();
    }

    /// The control plane wants no updates about this job. It is told once more why it ends, as far as it listens.
    pub(super) fn update_refused(&mut self, error: &str) {
        let message = match std::mem::replace(&mut self.stage, Stage::New) {
            // The lines are refused for good, which the outcome does not depend on.
            Stage::LastFlush(message) => message,
            other => {
                self.stage = other;
                Message::Fail(texts::failed(format!("send periodic update: {error}")))
            }
        };
        self.begin_terminal(message);
    }

    /// The control plane takes nothing about this job from this worker any more, so the run is over without a word. It
    /// may have given the job out again, to another slot of this very daemon even, whose run a failure told from here
    /// would end. Only an outcome that is settled is still told: it is the job's, whoever is running it.
    pub(super) fn let_go(&mut self, error: String) {
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::LastFlush(message) => self.begin_terminal(message),
            other => {
                self.stage = other;
                if self.own_call_in_flight() || self.updates.attempt.is_in_flight() {
                    self.abandon_calls();
                }
                self.close_session();
                self.end(Outcome::Refused(error));
            }
        }
    }

    /// Ends the job now, for a reason outside it.
    pub(super) fn fail_now(&mut self, at: Moment, error: String, flush_for: Duration) {
        if matches!(self.stage, Stage::New) {
            self.tell(Tale::Started);
        }
        match &self.stage {
            // The outcome is settled, so only the wait is cut short.
            Stage::LastFlush(_) => {
                if let Some(barrier) = &mut self.updates.barrier {
                    barrier.give_up_at = barrier.give_up_at.min(at.now + flush_for);
                }
            }
            Stage::Terminal { .. } | Stage::Ended(_) => {}
            _ => {
                self.close_session();
                self.finish_within(at, Message::Fail(texts::failed(error)), flush_for);
            }
        }
    }

    /// Sends the terminal message, the last that is ever said about the job. Lines that were not accepted by now
    /// are given up.
    pub(super) fn begin_terminal(&mut self, message: Message) {
        if self.own_call_in_flight() || self.updates.attempt.is_in_flight() {
            self.abandon_calls();
        }
        self.close_session();
        self.logs.clear();
        self.updates.barrier = None;
        let call = Attempt::new(self.config.retry_wait_min, self.config.retry_wait_max);
        self.stage = Stage::Terminal { message: message.bounded(), call };
    }

    /// Terminal messages are tried until they are accepted or refused for good (J9).
    pub(super) fn terminal_answered(&mut self, at: Moment, result: Result<(), CallError>) {
        let Stage::Terminal { message, call } = &mut self.stage else { return };
        if !call.is_in_flight() {
            return;
        }
        let outcome = match (result, &*message) {
            (Ok(()), Message::Complete(_)) => Outcome::Completed,
            (Ok(()), Message::Fail(request)) => Outcome::Failed(request.error.clone()),
            (Err(CallError::Lost(_)), _) => {
                call.lost(at.now);
                return;
            }
            // A result that the control plane can't take must not leave the job without an end.
            (Err(CallError::Refused(_)), Message::Complete(_)) => {
                call.answered();
                *message = Message::Fail(texts::failed(texts::COMPLETE_REFUSED.to_owned()));
                return;
            }
            (Err(CallError::Refused(error) | CallError::Over(error)), _) => Outcome::Refused(error),
        };
        self.end(outcome);
    }

    /// The daemon is gone.
    pub(super) fn stop(&mut self) {
        self.effects.push(Effect::Abandon);
        self.close_session();
        self.end(Outcome::Stopped);
    }

    fn end(&mut self, outcome: Outcome) {
        self.tell(Tale::Ended { outcome: outcome.clone(), lines: self.logs.last_sequence() });
        self.updates.barrier = None;
        self.stage = Stage::Ended(outcome);
    }
}

#[cfg(test)]
mod tests {
    use groundhog_wire::v1::{CompletedTemplateImport, CompletedWorkspaceBuild, Resource, Timing};

    use super::*;

    fn complete(kind: complete_job_request::Kind) -> Message {
        Message::Complete(CompleteJobRequest { job_id: String::new(), kind: Some(kind) })
    }

    #[test]
    fn what_is_too_large_fails_in_a_message_that_is_not() {
        let large = || "x".repeat(MESSAGE_BYTES_MAX);
        let timing = |stage: String| vec![Timing { stage, ..Timing::default() }];
        let build = CompletedWorkspaceBuild { state: large().into_bytes(), ..CompletedWorkspaceBuild::default() };
        let slow = CompletedWorkspaceBuild { timings: timing(large()), ..CompletedWorkspaceBuild::default() };
        let resource = Resource { name: large(), ..Resource::default() };
        let import = CompletedTemplateImport { start_resources: vec![resource], ..CompletedTemplateImport::default() };
        let state = |bytes: usize| Some(vec![0; bytes]);
        // What is too large, what it fails with, how many bytes of state stay and how many timings.
        for (message, error, state, timings) in [
            (complete(complete_job_request::Kind::WorkspaceBuild(build)), "the build's result is too large: ", None, 0),
            (complete(complete_job_request::Kind::WorkspaceBuild(slow)), "the build's result is too large: ", None, 0),
            (
                complete(complete_job_request::Kind::TemplateImport(import)),
                "the import's result is too large: ",
                None,
                0,
            ),
            (Message::Fail(texts::failed_verbatim(large(), state(9), timing("plan".to_owned()))), "xxx", Some(9), 1),
            (Message::Fail(texts::failed_verbatim("no".to_owned(), state(9), timing(large()))), "no", Some(9), 0),
            (
                Message::Fail(texts::failed_verbatim("no".to_owned(), state(MESSAGE_BYTES_MAX), Vec::new())),
                "no",
                None,
                0,
            ),
        ] {
            let Message::Fail(request) = message.bounded() else { panic!("still completed") };
            assert!(request.encoded_len() < MESSAGE_BYTES_MAX, "{} bytes", request.encoded_len());
            assert!(request.error.starts_with(error), "{}", &request.error[..40]);
            let build = match request.kind {
                Some(fail_job_request::Kind::WorkspaceBuild(build)) => build,
                _ => Default::default(),
            };
            assert_eq!((build.state.map(|state| state.len()), build.timings.len()), (state, timings), "{error}");
        }
    }

    #[test]
    fn what_fits_is_left_alone() {
        let build = CompletedWorkspaceBuild { state: vec![0; 3 << 20], ..CompletedWorkspaceBuild::default() };
        let message = complete(complete_job_request::Kind::WorkspaceBuild(build));
        assert!(matches!(message.bounded(), Message::Complete(_)));
    }
}
