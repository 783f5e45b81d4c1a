//! A provisioner's end of a session.

use std::{future::Future, pin::pin};

use groundhog_wire::v1::LogLevel;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Config, ContractError, Metadata, Plan, Request, Response, SessionError,
    contract::{Contract, Verdict},
};

/// A request to act on.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// See [`Request::Config`]. Needs no answer.
    Config(Config),
    /// See [`Request::Parse`]. To be answered through [`Peer::work`].
    Parse,
    /// See [`Request::Plan`]. To be answered through [`Peer::work`].
    Plan(Plan),
    /// See [`Request::Apply`]. To be answered through [`Peer::work`].
    Apply(Metadata),
}

/// Where a provisioner's log lines go.
#[derive(Clone, Debug)]
pub struct Logs {
    responses: mpsc::Sender<Result<Response, SessionError>>,
}

impl Logs {
    /// Sends one line; waits while the runner is behind. A line for a session that is over is dropped.
    pub async fn line(&self, level: LogLevel, output: String) {
        // Whoever works learns of the session's end from `Peer::work`, which drops the work.
        let _ = self.responses.send(Ok(Response::Log { level, output })).await;
    }
}

/// Tells a provisioner's work that it should end gracefully.
#[derive(Clone, Debug)]
pub struct Canceled {
    flag: CancellationToken,
}

impl Canceled {
    /// Whether a cancel has come.
    pub fn is_requested(&self) -> bool {
        self.flag.is_cancelled()
    }

    /// Waits for a cancel; at once if it has come. Pends for ever if none comes. Cancel safe.
    pub async fn requested(&self) {
        self.flag.cancelled().await;
    }
}

/// A provisioner's end of a session. It enforces the contract, so that a provisioner only sees requests that may
/// come. Dropping it ends the session.
#[derive(Debug)]
pub struct Peer {
    requests: mpsc::Receiver<Request>,
    responses: mpsc::Sender<Result<Response, SessionError>>,
    contract: Contract,
}

impl Peer {
    pub(super) fn new(
        requests: mpsc::Receiver<Request>,
        responses: mpsc::Sender<Result<Response, SessionError>>,
    ) -> Self {
        Self { requests, responses, contract: Contract::default() }
    }

    /// The next request to act on; a cancel with nothing to cancel is passed over.
    ///
    /// Fails with [`SessionError::Closed`] when the runner has closed the session, and with
    /// [`SessionError::Contract`] when it broke the contract, which it has then been told. Either way the session
    /// is over.
    pub async fn next(&mut self) -> Result<Order, SessionError> {
        loop {
            let request = self.requests.recv().await.ok_or(SessionError::Closed)?;
            match self.contract.request(&request) {
                Ok(Verdict::Act) => {}
                Ok(Verdict::Cancel | Verdict::Ignore) => {
                    tracing::debug!("a cancel came while nothing was in progress");
                    continue;
                }
                Err(error) => return Err(self.break_off(error).await),
            }
            match request {
                Request::Config(config) => return Ok(Order::Config(config)),
                Request::Parse => return Ok(Order::Parse),
                Request::Plan(plan) => return Ok(Order::Plan(plan)),
                Request::Apply(metadata) => return Ok(Order::Apply(metadata)),
                // The contract never says "act" to a cancel.
                Request::Cancel => {}
            }
        }
    }

    /// Carries out the request that [`Peer::next`] gave, watching for a cancel meanwhile, and sends its answer,
    /// which `act` returns: [`Response::Parsed`] to a parse, [`Response::Planned`] to a plan, [`Response::Applied`]
    /// to an apply. A provisioner that misbehaves may return another one, or none at all, which ends the session.
    ///
    /// Fails, and drops the work, when the runner closes the session or breaks the contract meanwhile; fails with
    /// [`SessionError::Closed`] when there is no answer.
    pub async fn work<W, F>(&mut self, act: W) -> Result<(), SessionError>
    where
        W: FnOnce(Logs, Canceled) -> F,
        F: Future<Output = Option<Response>>,
    {
        let cancel = CancellationToken::new();
        let mut work = pin!(act(Logs { responses: self.responses.clone() }, Canceled { flag: cancel.clone() }));
        let answer = loop {
            tokio::select! {
                biased;
                // Requests first: a cancel that came before the work's end must be seen by the work.
                request = self.requests.recv() => {
                    let Some(request) = request else {
                        return Err(ContractError::ClosedWhileProcessing.into());
                    };
                    match self.contract.request(&request) {
                        Ok(Verdict::Cancel) => cancel.cancel(),
                        Ok(Verdict::Act | Verdict::Ignore) => {}
                        Err(error) => return Err(self.break_off(error).await),
                    }
                }
                answer = &mut work => break answer,
            }
        };
        let answer = answer.ok_or(SessionError::Closed)?;
        self.contract.answered(&answer);
        self.volunteer(answer).await
    }

    /// Sends a response that nobody has asked for, as a provisioner that misbehaves does. Fails with
    /// [`SessionError::Closed`] when the runner has closed the session.
    pub async fn volunteer(&self, response: Response) -> Result<(), SessionError> {
        self.responses.send(Ok(response)).await.map_err(|_| SessionError::Closed)
    }

    async fn break_off(&mut self, error: ContractError) -> SessionError {
        let error = SessionError::from(error);
        // A runner that has gone needs no explanation.
        let _ = self.responses.send(Err(error.clone())).await;
        error
    }
}
