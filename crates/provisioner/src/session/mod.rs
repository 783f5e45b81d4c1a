//! The conversation between a runner and one provisioner: requests one way, responses the other.
//!
//! - [`message`]: what is said.
//! - [`contract`]: which request may follow which.
//! - [`Value`]: a text that may be a secret.
//!
//! A runner opens a session per job, sends [`Request::Config`] and then what the job consists of, and reads
//! [`Response`]s. A provisioner holds the other end, a [`Peer`], which enforces the contract. Both ways are ordered
//! and bounded, and dropping either end closes the session, which the other end sees.
//!
//! Architecture invariant: a session knows no job and no control plane.

pub mod contract;
pub mod message;
mod peer;
mod value;

use groundhog_host::Host;
use tokio::sync::mpsc;

pub use self::{
    contract::ContractError,
    message::{Applied, Config, Metadata, Parsed, Plan, Planned, Request, Response},
    peer::{Canceled, Logs, Order, Peer},
    value::{REDACTED, Value, Variable},
};

/// How many requests a session holds that the provisioner has not taken. A job makes five at most.
pub const REQUESTS_MAX: usize = 8;

/// How many responses a session holds that the runner has not taken. Beyond it the provisioner waits, which
/// slows a flood of log lines down to what the runner can take.
pub const RESPONSES_MAX: usize = 64;

/// What provisions: opens a session for each job.
///
/// Implementations start whatever they need on the given host, so that it ends with the host.
pub trait Provisioner: Send + Sync + 'static {
    /// Opens a session, whose provisioner runs on `host`. Fails with [`SessionError::Open`] when there can be
    /// none. It does not wait: work that takes time belongs into the session.
    fn open(&self, host: &Host) -> Result<Session, SessionError>;
}

/// Why a session could not be had, or is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The provisioner can't open one, for the reason given.
    #[error("{0}")]
    Open(String),
    /// The other end has gone.
    #[error("the provisioner closed the session")]
    Closed,
    /// The provisioner has left [`REQUESTS_MAX`] requests untaken.
    #[error("the provisioner takes no requests")]
    Busy,
    /// The runner broke the contract, and the provisioner ended the session.
    #[error(transparent)]
    Contract(#[from] ContractError),
}

/// A runner's end of a session. Dropping it closes the session; the provisioner then drops what it does.
#[derive(Debug)]
pub struct Session {
    requests: mpsc::Sender<Request>,
    responses: mpsc::Receiver<Result<Response, SessionError>>,
}

impl Session {
    /// A new session: the runner's end and the provisioner's.
    pub fn pair() -> (Self, Peer) {
        let (request_sender, request_receiver) = mpsc::channel(REQUESTS_MAX);
        let (response_sender, response_receiver) = mpsc::channel(RESPONSES_MAX);
        let session = Self { requests: request_sender, responses: response_receiver };
        (session, Peer::new(request_receiver, response_sender))
    }

    /// Sends a request, without waiting. Fails with [`SessionError::Closed`] or [`SessionError::Busy`].
    pub fn send(&self, request: Request) -> Result<(), SessionError> {
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SessionError::Busy,
            mpsc::error::TrySendError::Closed(_) => SessionError::Closed,
        })
    }

    /// The next response. Fails with [`SessionError::Closed`] or [`SessionError::Contract`] once the provisioner
    /// has ended the session and every response before that was taken. Cancel safe.
    pub async fn receive(&mut self) -> Result<Response, SessionError> {
        self.responses.recv().await.unwrap_or(Err(SessionError::Closed))
    }
}
