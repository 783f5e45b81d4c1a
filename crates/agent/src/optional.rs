//! Calls that an agent can do without (A4): one that fails is told of and tried again, and ends nothing.

use std::time::Duration;

use groundhog_host::Backoff;
use tonic::Status;

use crate::events;

/// The waits after calls that failed. The first is none, as after a lost answer; a control plane that can't answer is
/// asked once a minute.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// How the calls of one kind have gone.
#[derive(Debug)]
pub(crate) struct Optional {
    call: &'static str,
    failing: bool,
    backoff: Backoff,
}

impl Optional {
    /// Calls of this name, none of which has failed.
    pub(crate) const fn new(call: &'static str) -> Self {
        Self { call, failing: false, backoff: BACKOFF }
    }

    /// One has failed. How long to wait before the next.
    pub(crate) fn failed(&mut self, error: &Status) -> Duration {
        if std::mem::replace(&mut self.failing, true) {
            tracing::debug!(call = self.call, error = error.message(), "a call has failed again");
        } else {
            events::agent_optional_failed(self.call, error.message());
        }
        self.backoff.next_wait()
    }

    /// One went well.
    pub(crate) fn succeeded(&mut self) {
        self.failing = false;
        self.backoff.reset();
    }
}
