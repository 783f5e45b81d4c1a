//! One connection to the control plane.
//!
//! - [`exchange`]: the agent's token for a session's.
//! - [`connect`]: the call that is the connection: it lives as long as that does.
//! - `startup`: what the agent has found out about its machine.
//! - [`routines`]: what is done over it, and what of that ends when the agent closes.
//! - [`Connection`] (here): what they all need.

pub(crate) mod connect;
pub(crate) mod exchange;
pub(crate) mod routines;
mod startup;

use std::sync::Arc;

use groundhog_wire::{Channel, Fault, Limited, call, id::AgentId, v1::agents_client::AgentsClient};
use tonic::{Code, Response, Status};

use self::exchange::Session;
use crate::{optional::Optional, outbox::Outbox, shared::Shared};

/// Why a connection has ended, or did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {error}")]
pub(crate) struct Failure {
    what: &'static str,
    error: String,
}

impl Failure {
    /// What was tried, and what came of it.
    pub(crate) fn new(what: &'static str, error: impl ToString) -> Self {
        Self { what, error: error.to_string() }
    }

    /// A call of this name has failed.
    pub(crate) fn of_call(what: &'static str, status: &Status) -> Self {
        Self::new(what, status.message())
    }
}

/// What the routines of a connection need.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) client: AgentsClient<Channel>,
    /// Who the agent is over this connection.
    pub(crate) agent: AgentId,
    session: Session,
}

impl<'a> Connection<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>, session: Session) -> Self {
        Self { shared, client: AgentsClient::new(session.channel.clone()).limited(), agent: session.agent, session }
    }

    /// Another channel to the same replica, of the same session.
    pub(crate) fn another_channel(&self) -> Channel {
        self.session.another_channel(self.shared)
    }

    /// Makes a call, within the time that calls have.
    pub(crate) async fn call<T, F>(&self, begin: impl FnOnce(AgentsClient<Channel>) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let answer = call(&self.shared.host, self.shared.config().call_timeout, begin(self.client.clone())).await;
        answer.map(Response::into_inner)
    }

    /// Sends what comes into an outbox, one after the other. What the control plane won't have is dropped.
    pub(crate) async fn deliver<T: Clone, A, F>(
        &self,
        outbox: &Outbox<T>,
        what: &'static str,
        send: impl Fn(T) -> F,
    ) -> Failure
    where
        F: Future<Output = Result<A, Status>>,
    {
        let mut optional = Optional::new(what);
        loop {
            match send(outbox.due().await).await {
                Ok(_) => {
                    optional.succeeded();
                    outbox.told();
                }
                Err(status) => {
                    let wait = optional.failed(&status);
                    if refused_for_good(&status) {
                        outbox.told();
                    } else {
                        self.shared.host.sleep(wait).await;
                    }
                }
            }
        }
    }
}

/// Whether the control plane itself says that it won't have this, however often it is told. What the whole session is
/// refused with says nothing of one message.
pub(crate) fn refused_for_good(status: &Status) -> bool {
    let refused = matches!(
        status.code(),
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
    );
    refused && Fault::of(status).is_none()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_control_planes_word_on_a_message_is_for_good() {
        let check = |status: Status, expected| assert_eq!(refused_for_good(&status), expected, "{status:?}");
        check(Status::invalid_argument("no IP address"), true);
        check(Status::failed_precondition("it has gone on"), true);
        check(Status::unimplemented("not here"), true);
        check(Status::unauthenticated("build is outdated"), false);
        check(Status::unavailable("busy"), false);
        check(Status::internal("the database"), false);
        check(Fault::Deadline { after: Duration::from_secs(30) }.into(), false);
    }
}
