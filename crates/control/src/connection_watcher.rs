//! A watch of a workspace: one WatchConnection call, from its first answer to its end.
//!
//! It belongs to its call alone: it ends when its caller hangs up, and knows nothing of another watch of the same
//! workspace. What it tells is decided in [`crate::connection_watch`].

use groundhog_wire::{
    Caller,
    id::WorkspaceId,
    v1::{self, connection_news, watch_end},
};
use tonic::{Code, Status};

use crate::{
    connection_watch::{self, Facts, Next, Told},
    coordination::Site,
    events, identity,
    operations::connection,
    refusal::CallError,
    rpc::told,
    store::StoreError,
    watch::{Look, Seen},
};

/// The method's name.
pub(crate) const METHOD: &str = "WatchConnection";

/// One WatchConnection call of somebody who may see the workspace.
pub(crate) struct Watching {
    site: Site,
    caller: Caller,
    /// The caller's.
    name: String,
    workspace: WorkspaceId,
    agent_name: String,
    told: Told,
}

impl Watching {
    pub(crate) fn new(site: Site, caller: Caller, name: String, workspace: WorkspaceId, agent_name: String) -> Self {
        Self { site, caller, name, workspace, agent_name, told: Told::default() }
    }

    /// What is there. Who calls is looked up anew: one whose session has expired is told no more.
    async fn facts(&self) -> Result<Facts, CallError> {
        let facts = self.site.store.transact("watch a workspace", |tx| {
            let user = identity::user(tx, &self.caller)?;
            connection::facts(tx, &user, self.workspace)
        });
        facts.await
    }

    /// The last message for what could not be read.
    fn end_of(&self, error: CallError) -> Seen<v1::ConnectionNews> {
        match error {
            CallError::Refused(refusal) if matches!(refusal.code(), Code::Unauthenticated | Code::PermissionDenied) => {
                Seen::End(told(METHOD, &self.name, refusal.into()))
            }
            CallError::Refused(refusal) => self.end(watch_end::Kind::Internal, refusal.to_string(), false),
            CallError::Store(StoreError::Closed) => Seen::Last(shutdown()),
            CallError::Store(error) => {
                tracing::warn!(method = METHOD, caller = self.name, %error, "a watch met a database failure");
                if error.is_damage() {
                    let text = "the control plane's database is damaged: tell who runs it".to_owned();
                    return self.end(watch_end::Kind::Internal, text, false);
                }
                let text = "the control plane's database is unavailable: try again".to_owned();
                self.end(watch_end::Kind::Database, text, true)
            }
        }
    }

    fn end(&self, kind: watch_end::Kind, message: String, retryable: bool) -> Seen<v1::ConnectionNews> {
        if !retryable {
            events::watch_ended(self.workspace.event(), connection_watch::end_word(kind));
        }
        Seen::Last(end(kind, message, retryable))
    }
}

impl Look for Watching {
    type Message = v1::ConnectionNews;

    async fn look(&mut self) -> Seen<v1::ConnectionNews> {
        let facts = match self.facts().await {
            Ok(facts) => facts,
            Err(error) => return self.end_of(error),
        };
        match connection_watch::next(&mut self.told, facts, &self.agent_name) {
            Next::Nothing => Seen::Nothing,
            Next::Tell(part) => {
                events::watch_told(self.workspace.event(), &connection_watch::words(&part));
                Seen::More(v1::ConnectionNews { kind: Some(part) })
            }
            Next::End(kind, message) => self.end(kind, message, false),
        }
    }

    fn stopping(&self) -> Result<v1::ConnectionNews, Status> {
        Ok(shutdown())
    }
}

fn shutdown() -> v1::ConnectionNews {
    end(watch_end::Kind::Shutdown, "the control plane is stopping: try again".to_owned(), true)
}

fn end(kind: watch_end::Kind, message: String, retryable: bool) -> v1::ConnectionNews {
    let end = v1::WatchEnd { kind: kind.into(), message, retryable };
    v1::ConnectionNews { kind: Some(connection_news::Kind::End(end)) }
}
