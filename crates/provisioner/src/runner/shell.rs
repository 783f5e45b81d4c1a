//! Carries a runner's effects out and feeds the results back. Decides nothing.

use std::{collections::VecDeque, future::Future, time::Duration};

use groundhog_host::{Host, Instant, machine::BoxFuture, until};
use groundhog_wire::{
    Channel, fault,
    v1::{CommitQuotaResponse, provisioner_daemons_client::ProvisionerDaemonsClient},
};
use tonic::{Code, Response, Status};
use tracing::Level;

use super::{
    core::Runner,
    event::{CallError, Declared, Effect, Event, Moment, Outcome, Tale},
};
use crate::{
    daemon::Orders,
    events,
    session::{Provisioner, Session},
};

/// What an active job fails with when its daemon is closed.
const CLOSED: &str = "provisioner daemon was shutdown gracefully";

type Call<T> = Option<BoxFuture<'static, Result<T, CallError>>>;

/// A runner's surroundings.
pub(crate) struct Shell<'a> {
    pub(crate) host: &'a Host,
    pub(crate) client: &'a ProvisionerDaemonsClient<Channel>,
    pub(crate) provisioner: &'a dyn Provisioner,
    pub(crate) orders: &'a Orders,
    /// How long one try of a call may take.
    pub(crate) call_timeout: Duration,
    /// How long a close waits for the job's terminal message (J8).
    pub(crate) close_timeout: Duration,
}

/// What is open and under way for one job.
#[derive(Default)]
struct Hands {
    session: Option<Session>,
    update: Call<bool>,
    declare: Call<Declared>,
    quota: Call<CommitQuotaResponse>,
    terminal: Call<()>,
    /// The cancel order was passed on.
    canceled: bool,
    /// When the runner is stopped, once the close order was passed on.
    stop_at: Option<Instant>,
}

impl Shell<'_> {
    /// Runs a job to its end, beginning with `first`.
    pub(crate) async fn run(&self, mut runner: Runner, first: Event) -> Outcome {
        let mut hands = Hands::default();
        let mut inbox = VecDeque::new();
        if self.orders.cancel.is_cancelled() {
            // A job that is delivered after the cancel is cancelled before it begins (J16).
            hands.canceled = true;
            inbox.push_back(Event::Cancel);
        }
        inbox.push_back(first);
        loop {
            while let Some(event) = inbox.pop_front() {
                if let Some(message) = lost(&event) {
                    events::runner_lost(runner.id().event(), message);
                }
                let at = Moment { now: self.host.now(), wall_ms: self.host.wall().as_millisecond() };
                for effect in runner.handle(at, event) {
                    inbox.extend(self.carry_out(&runner, &mut hands, effect));
                }
            }
            if let Some(outcome) = runner.outcome() {
                return outcome.clone();
            }
            inbox.push_back(self.next_event(&mut hands, runner.next_deadline()).await);
        }
    }

    async fn next_event(&self, hands: &mut Hands, deadline: Option<Instant>) -> Event {
        let Hands { session, update, declare, quota, terminal, canceled, stop_at } = hands;
        tokio::select! {
            biased;
            // The daemon's orders come first, the stop before all: their bounds must hold in any flood.
            () = until(self.host, *stop_at) => Event::Stop,
            () = self.orders.close.cancelled(), if stop_at.is_none() => {
                *stop_at = Some(self.host.now() + self.close_timeout);
                // Half of the time for the last lines, half for the message.
                Event::Fail { error: CLOSED.to_owned(), flush_for: self.close_timeout / 2 }
            }
            () = self.orders.cancel.cancelled(), if !*canceled => {
                *canceled = true;
                Event::Cancel
            }
            // Then what the control plane says, which may be a cancel, then the time.
            result = settled(terminal) => Event::Terminal(result),
            result = settled(update) => Event::Updated(result),
            result = settled(declare) => Event::Declared(result),
            result = settled(quota) => Event::Quota(result),
            () = until(self.host, deadline) => Event::Timer,
            // The provisioner last, because it can be ready without end.
            event = heard(session) => event,
        }
    }

    /// Carries one effect out; returns the event that follows from it at once, if any.
    fn carry_out(&self, runner: &Runner, hands: &mut Hands, effect: Effect) -> Option<Event> {
        let job = runner.id().event();
        match effect {
            Effect::Open => {
                let result = self.provisioner.open(self.host).map_err(|error| error.to_string());
                return Some(Event::Opened(result.map(|session| hands.session = Some(session))));
            }
            Effect::Send(request) => {
                let name = request.name();
                let sent = hands.session.as_ref().map(|session| session.send(request));
                let error = match sent {
                    Some(Ok(())) => return None,
                    Some(Err(error)) => error.to_string(),
                    None => "the session is closed".to_owned(),
                };
                return Some(Event::SendFailed { request: name, error });
            }
            Effect::CloseSession => hands.session = None,
            Effect::Update(request) => {
                events::runner_sent(job, "update");
                if let (Some(first), Some(last)) = (request.logs.first(), request.logs.last()) {
                    let waited_ms = self.host.wall().as_millisecond().saturating_sub(first.created_at_ms).max(0);
                    events::runner_logs_sent(job, first.sequence, last.sequence, waited_ms);
                }
                let mut client = self.client.clone();
                let call = async move { client.update_job(request).await };
                hands.update = Some(self.call(call, |answer| answer.canceled));
            }
            Effect::Declare(request) => {
                events::runner_sent(job, "declare");
                let mut client = self.client.clone();
                let call = async move { client.update_job(request).await };
                hands.declare = Some(self.call(call, |answer| Declared {
                    canceled: answer.canceled,
                    variable_values: answer.variable_values.into_iter().map(Into::into).collect(),
                }));
            }
            Effect::CommitQuota(request) => {
                events::runner_sent(job, "quota");
                let mut client = self.client.clone();
                let call = async move { client.commit_quota(request).await };
                hands.quota = Some(self.call(call, |answer| answer));
            }
            Effect::Fail(request) => {
                events::runner_sent(job, "fail");
                let mut client = self.client.clone();
                let call = async move { client.fail_job(request).await };
                hands.terminal = Some(self.call(call, drop));
            }
            Effect::Complete(request) => {
                events::runner_sent(job, "complete");
                let mut client = self.client.clone();
                let call = async move { client.complete_job(request).await };
                hands.terminal = Some(self.call(call, drop));
            }
            Effect::Abandon => {
                hands.update = None;
                hands.declare = None;
                hands.quota = None;
                hands.terminal = None;
            }
            Effect::Tell(tale) => match tale {
                Tale::Started => events::runner_started(job),
                Tale::Phase(phase) => events::runner_phase(job, phase.name()),
                Tale::Line { level, stage, output } => log_line(runner, level, stage, &output),
                Tale::Canceled { by, settled } => events::runner_canceled(job, by.name(), settled),
                Tale::CancelForwarded { phase, by } => events::runner_cancel_forwarded(job, phase.name(), by.name()),
                Tale::ForceCancel => events::runner_force_cancel(job),
                Tale::Ended { outcome, lines } => events::runner_ended(job, outcome.name(), lines, outcome.error()),
            },
        }
        None
    }

    fn call<T, U>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>> + Send + 'static,
        read: fn(T) -> U,
    ) -> BoxFuture<'static, Result<U, CallError>>
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        let (host, timeout) = (self.host.clone(), self.call_timeout);
        Box::pin(async move {
            let answer = fault::call(&host, timeout, call).await;
            answer.map(|answer| read(answer.into_inner())).map_err(|status| call_error(&status))
        })
    }
}

/// Writes a provisioner's line into the daemon's own log.
fn log_line(runner: &Runner, level: Level, stage: &str, output: &str) {
    let job = runner.id();
    // A level is part of a place in the code, so each has its own.
    match level {
        Level::WARN => tracing::warn!(%job, stage, output, "the provisioner says"),
        Level::INFO => tracing::info!(%job, stage, output, "the provisioner says"),
        _ => tracing::debug!(%job, stage, output, "the provisioner says"),
    }
}

/// Which call an event says was lost, if it says that.
fn lost(event: &Event) -> Option<&'static str> {
    match event {
        Event::Updated(Err(CallError::Lost(_))) => Some("update"),
        Event::Declared(Err(CallError::Lost(_))) => Some("declare"),
        Event::Quota(Err(CallError::Lost(_))) => Some("quota"),
        Event::Terminal(Err(CallError::Lost(_))) => Some("terminal"),
        _ => None,
    }
}

/// What a failed call means for the job.
fn call_error(status: &Status) -> CallError {
    let text = status.message().to_owned();
    if fault::retryable(status) {
        return CallError::Lost(text);
    }
    match status.code() {
        // The job has ended, is another worker's, or is unknown; or this worker has lost its right to speak.
        Code::FailedPrecondition | Code::PermissionDenied | Code::NotFound | Code::Unauthenticated => {
            CallError::Over(text)
        }
        _ => CallError::Refused(text),
    }
}

/// The result of the call in the slot, which is then free; for ever pending without one. Cancel safe.
async fn settled<T>(slot: &mut Call<T>) -> Result<T, CallError> {
    let Some(call) = slot else { return std::future::pending().await };
    let result = call.await;
    *slot = None;
    result
}

/// What the provisioner says next; after the session's end, nothing. Cancel safe.
async fn heard(slot: &mut Option<Session>) -> Event {
    let Some(session) = slot else { return std::future::pending().await };
    match session.receive().await {
        Ok(response) => Event::Response(response),
        Err(error) => {
            *slot = None;
            Event::SessionEnded(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_as_what_it_means_for_the_job() {
        let text = || "why".to_owned();
        for (code, expected) in [
            (Code::Unavailable, CallError::Lost(text())),
            (Code::DeadlineExceeded, CallError::Lost(text())),
            (Code::FailedPrecondition, CallError::Over(text())),
            (Code::PermissionDenied, CallError::Over(text())),
            (Code::NotFound, CallError::Over(text())),
            (Code::Unauthenticated, CallError::Over(text())),
            (Code::Internal, CallError::Refused(text())),
            (Code::InvalidArgument, CallError::Refused(text())),
        ] {
            assert_eq!(call_error(&Status::new(code, "why")), expected);
        }
    }
}
