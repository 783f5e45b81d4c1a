//! One path to an agent, from its hello to its end.

use std::{io, sync::Arc, time::Duration};

use groundhog_host::Stream;
use groundhog_wire::resumable::{Attachment, PathEnd, hello};

use super::streams;
use crate::shared::Shared;

/// How long whoever comes may take to say who they are.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a path may take to say the last words once the agent has closed.
const PARTING: Duration = Duration::from_secs(5);

/// How a path comes to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Straight.
    Direct,
    /// Over a relay.
    Relay,
}

impl Way {
    /// As events name it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relay => "relay",
        }
    }
}

/// Serves a path until it, or what goes over it, has ended.
pub(super) async fn serve(shared: &Arc<Shared>, mut path: Stream, way: Way) {
    let closed = async {
        shared.orders.hard.cancelled().await;
        shared.host.sleep(PARTING).await;
    };
    let carry = async {
        let peer = path.peer().to_owned();
        let greeted = shared.host.timeout(HELLO_TIMEOUT, greet(shared, &mut path, way)).await;
        let attachment = match greeted {
            Ok(Ok(Some(attachment))) => attachment,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return tracing::debug!(peer, %error, "a path came to nothing"),
            Err(_) => return tracing::debug!(peer, "a path came without a hello"),
        };
        match attachment.drive(&shared.host, path).await {
            PathEnd::Over | PathEnd::Left => {}
            PathEnd::Broken(error) => tracing::debug!(peer, %error, "a path broke"),
            PathEnd::Violated(violation) => tracing::debug!(peer, %violation, "a peer broke the rules"),
        }
    };
    tokio::select! {
        biased;
        // The end first: what does not move is not waited for.
        () = closed => {}
        () = carry => {}
    }
}

/// Takes the hello and answers it. The stream's place on the path; none if it was refused.
async fn greet(shared: &Arc<Shared>, path: &mut Stream, way: Way) -> io::Result<Option<Attachment>> {
    let said = hello::hear(path).await?;
    if shared.orders.hard.is_cancelled() {
        return Ok(None);
    }
    let found = streams::welcome(shared, &said, way, path.peer());
    hello::welcome(&shared.host, path, &said, found).await
}
