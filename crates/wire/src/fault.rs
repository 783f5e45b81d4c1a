//! What went wrong with a call, and whether it is worth trying again.
//!
//! To a generated client a refusal by the server and a broken connection are both a [`Status`]. They call for
//! opposite reactions: a refusal stands, however often one asks; after a broken connection nobody knows whether
//! the call was carried out, and the same call again is right (every call of this protocol that changes something
//! may be repeated). So the [`Channel`](crate::channel::Channel) turns each failure of its own into a status that
//! carries a [`Fault`], which no server can forge.

use std::{error::Error, fmt, future::Future, sync::Arc, time::Duration};

use groundhog_host::{Address, Elapsed, Host};
use tonic::{Code, Status};

use crate::channel::ConnectError;

/// Why a call failed without an answer from the server.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There was no connection, and none could be made. The server has not seen the call.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection or the call's stream broke. The server may or may not have carried out the call.
    #[error("the connection to {to} broke during the call: {}", Chain(.source.as_ref()))]
    Broken {
        /// The server's address.
        to: Address,
        /// What HTTP/2 says.
        source: Arc<hyper::Error>,
    },
    /// The answer ended without a verdict. The server may or may not have carried out the call.
    #[error("the answer of {to} was cut short")]
    CutShort {
        /// The server's address.
        to: Address,
    },
    /// [`call`]'s time was up. The server may or may not have carried out the call, and may still do it.
    #[error("no answer within {after:?}")]
    Deadline {
        /// How long was waited.
        after: Duration,
    },
}

impl Fault {
    /// The fault behind a status; none if the status is the server's own word, or this side's refusal to send
    /// (a message that is too large).
    pub fn of(status: &Status) -> Option<&Self> {
        status.source().and_then(|source| source.downcast_ref())
    }
}

impl From<Fault> for Status {
    /// `DEADLINE_EXCEEDED` for a deadline, `UNAVAILABLE` for everything else.
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::Deadline { .. } => Code::DeadlineExceeded,
            Fault::Connect(_) | Fault::Broken { .. } | Fault::CutShort { .. } => Code::Unavailable,
        };
        let mut status = Status::new(code, fault.to_string());
        status.set_source(Arc::new(fault));
        status
    }
}

/// Whether the same call may succeed later without anything being changed: true for every [`Fault`], and for a
/// server that says `UNAVAILABLE` or `DEADLINE_EXCEEDED`; false for whatever else a server said.
///
/// Wait between tries (see [`Backoff`](groundhog_host::Backoff)): the channel holds back connection attempts, not
/// calls that a server answers.
pub fn retryable(status: &Status) -> bool {
    Fault::of(status).is_some() || matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

/// `future`'s result, or `DEADLINE_EXCEEDED` once `timeout` has passed on the host's clock. What is ready in time
/// wins.
///
/// Nothing else bounds a call: a server that is alive but stuck keeps it waiting for ever. Dropping a call tells
/// the server to stop working on it, as far as the network lets that word through.
pub fn call<T>(
    host: &Host,
    timeout: Duration,
    future: impl Future<Output = Result<T, Status>>,
) -> impl Future<Output = Result<T, Status>> {
    // A call of a generated client is kilobytes of state, and every function that passes it on would hold it twice.
    let future = Box::pin(future);
    async move {
        match host.timeout(timeout, future).await {
            Ok(result) => result,
            Err(Elapsed) => Err(Fault::Deadline { after: timeout }.into()),
        }
    }
}

/// An error with its causes: hyper's own text is only "http2 error".
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
