//! The stream by which a connection knows whether the agent is there, and which way is good.

use std::sync::Arc;

use groundhog_host::{Random, Task};
use groundhog_wire::{
    agent_port,
    resumable::{PathEnd, ResumableStream, StreamHandle},
    v1::peer_welcome::Refusal,
};
use tokio::select;
use uuid::Uuid;

use super::{
    error::Lost,
    path::{self, For, PathError},
    route::{Next, Route, Way},
    shared::{Found, Shared},
    watched::Watched,
};

/// The search for paths, as long as the connection is.
struct Search<'a> {
    shared: &'a Arc<Shared>,
    route: Route,
    random: Random,
    handle: StreamHandle,
    /// Nothing goes over it.
    _stream: ResumableStream,
    id: Uuid,
    /// The agent has the stream.
    welcomed: bool,
    /// What came of the last try.
    error: String,
    /// What carries the present path, and how that ended.
    carrier: Option<Carrier>,
}

/// What carries a path. Dropping it leaves the path.
struct Carrier {
    task: Task,
    ended: Arc<Watched<Option<String>>>,
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Finds a path whenever there is none, and a better one when there may be. Returns when the connection is lost: why, and
/// what came of the last try. Cancel safe.
pub(super) async fn find_paths(shared: &Arc<Shared>) -> (Lost, String) {
    let (handle, stream) = StreamHandle::new();
    let mut search = Search {
        shared,
        route: Route::new(shared.host.now()),
        random: shared.host.random("paths to an agent"),
        handle,
        _stream: stream,
        id: shared.host.new_id("stream"),
        welcomed: false,
        error: "the agent has not told where it is".to_owned(),
        carrier: None,
    };
    let lost = search.run().await;
    (lost, search.error)
}

impl Search<'_> {
    async fn run(&mut self) -> Lost {
        let host = &self.shared.host;
        let mut found = Found::default();
        loop {
            self.look(&mut found);
            // An agent that is being dialled may come back; one that was connected to is another process then. It says
            // good-bye before its stop scripts run, so what is connected to it stays until it ends that.
            if found.gone && self.welcomed && self.carrier.is_none() {
                return Lost::Gone;
            }
            let next = self.route.next(host.now());
            match next {
                Next::Try { way, within } => {
                    let tried = host.timeout(within, self.attempt(&way)).await;
                    let error = match tried {
                        Ok(Ok(())) => continue,
                        Ok(Err(error)) => error,
                        Err(_) => PathError::Network(format!("nothing came in {within:?}")),
                    };
                    tracing::debug!(agent = %self.shared.agent, ?way, %error, "a way to an agent does not work");
                    self.error = format!("{}: {error}", name(&way));
                    match refusal(&error) {
                        Some(Refusal::UnknownStream) => return Lost::StartedAnew,
                        Some(Refusal::NotLetIn) => self.route.not_let_in(host.now(), &mut self.random),
                        _ => self.route.failed(host.now(), &mut self.random),
                    }
                }
                Next::Ping => self.handle.ping(),
                Next::Leave => self.leave("nothing was heard on it any more"),
                Next::GiveUp if found.gone => return Lost::Gone,
                Next::GiveUp => return Lost::NoPath,
                Next::Wait { until } => {
                    let known = found.clone();
                    select! {
                        biased;
                        // News of the agent first: they may end the connection. Then the path's end, and what is due.
                        () = self.shared.found.until(|now| (*now != known).then_some(())) => {}
                        () = ended(self.carrier.as_ref()) => {}
                        () = host.sleep_until(until) => {}
                    }
                }
            }
        }
    }

    /// Takes what has happened meanwhile.
    fn look(&mut self, found: &mut Found) {
        let host = &self.shared.host;
        *found = self.shared.found.get().clone();
        self.route.place(found.place.clone(), host.now());
        if let Some(at) = self.handle.heard_at().filter(|_| self.handle.is_attached()) {
            self.route.heard(at);
        }
        let Some(carrier) = &self.carrier else { return };
        let why = carrier.ended.get().clone();
        match why {
            Some(why) => self.leave(&why),
            None if !self.handle.is_attached() => self.leave("it was left for another one that came to nothing"),
            None => {}
        }
    }

    /// There is no path any more.
    fn leave(&mut self, why: &str) {
        self.carrier = None;
        self.route.broke(self.shared.host.now(), &mut self.random);
        self.shared.go(None, why);
    }

    /// Tries a way; the connection goes that way then.
    async fn attempt(&mut self, way: &Way) -> Result<(), PathError> {
        let stream = For { handle: &self.handle, id: self.id, port: agent_port::KEEP_ALIVE, resumes: self.welcomed };
        let (path, attachment) = path::make(self.shared, way, stream).await?;
        self.welcomed = true;
        let ended = Arc::new(Watched::new(None));
        let (host, tell) = (self.shared.host.clone(), ended.clone());
        let carry = async move {
            let end = attachment.drive(&host, path).await;
            // It was left for a better one: that is no end.
            if !matches!(end, PathEnd::Left) {
                tell.set(Some(format!("the path has ended: {end}")));
            }
        };
        let task = self.shared.host.spawn("agent keep-alive", carry);
        let is_better = self.carrier.replace(Carrier { task, ended }).is_some();
        self.route.up(way.clone(), self.shared.host.now());
        self.shared.go(Some(way.clone()), if is_better { "it is the better one" } else { "it works" });
        Ok(())
    }
}

/// Waits until the path has ended, if there is one.
async fn ended(carrier: Option<&Carrier>) {
    match carrier {
        Some(carrier) => carrier.ended.until(|ended| ended.as_ref().map(drop)).await,
        None => std::future::pending().await,
    }
}

/// The agent's refusal, if it was that.
fn refusal(error: &PathError) -> Option<Refusal> {
    match error {
        PathError::Refused(refused) => Some(refused.refusal),
        PathError::Network(_) | PathError::NotFound => None,
    }
}

fn name(way: &Way) -> String {
    match way {
        Way::Direct(address) => format!("direct, {address}"),
        Way::Relay(relay) => format!("over relay {relay}"),
    }
}
