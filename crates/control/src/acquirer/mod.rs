//! Waiting for a job.
//!
//! [`core`] decides who asks the database and when. This shell around it keeps what the core does not need to
//! know (who a waiter is, where its answer goes), asks the questions as tasks, and turns the poll's clock.
//!
//! Events are handled under a lock where they occur and there is no queue of postings in between, so none can
//! overflow (J14): two postings that come while a domain is being looked at leave one mark.

pub mod core;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use groundhog_host::Host;
use groundhog_wire::id::JobId;
use tokio::{select, sync::oneshot};
use tokio_util::sync::CancellationToken;

use self::core::{Answer, Core, Effect, Event, WaiterId};
use crate::{
    config::AcquireConfig,
    events,
    operations::acquire::{self, Acquired, Terms, Want},
    refusal::{CallError, Refusal},
    store::{
        Store, Tx,
        daemons::Worker,
        notices::{Heard, Notice},
    },
};

/// Why a job is put back that was locked for a waiter which had gone.
const LEFT: &str = "the daemon no longer waits";

/// Hands waiting jobs to waiting daemons. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub struct Acquirer {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    store: Store,
    config: AcquireConfig,
    terms: Terms,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    core: Core,
    last_waiter: u64,
    /// Those that wait. Who leaves is gone from here at once, even while it is being asked for.
    waiters: BTreeMap<WaiterId, Waiter>,
}

/// What a question to the database came to.
enum Found {
    /// A job was locked, and for whom.
    Job(Box<Acquired>, Worker),
    Nothing,
    Unavailable(Unavailable),
}

impl Found {
    fn answer(&self) -> Answer {
        match self {
            Self::Job(..) => Answer::Job,
            Self::Nothing => Answer::Nothing,
            Self::Unavailable(_) => Answer::Failed,
        }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Nothing)
    }
}

struct Waiter {
    worker: Worker,
    want: Want,
    answer: oneshot::Sender<Result<Acquired, Unavailable>>,
}

/// No job can be had at the moment; the daemon may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The database failed.
    #[error("the control plane's database is unavailable: try again")]
    Database,
    /// [`AcquireConfig::waiters_max`] daemons wait already.
    #[error("too many daemons wait for a job: try again")]
    Full,
    /// The daemon was forgotten while it waited; it becomes known when it comes again.
    #[error("the daemon is no longer known: try again")]
    Forgotten,
    /// The daemon's key was taken back: coming again is of no use.
    #[error("provisioner key was deleted")]
    KeyDeleted,
    /// The control plane stops.
    #[error("the control plane is stopping: try again")]
    Stopping,
}

/// A place in the queue for a job. Dropping it leaves the queue; a job that had been locked meanwhile is put back.
pub struct Place {
    acquirer: Acquirer,
    waiter: WaiterId,
    worker: Worker,
    answer: oneshot::Receiver<Result<Acquired, Unavailable>>,
}

impl Place {
    /// Waits for the job. Cancel safe; to be called again only if it was cancelled.
    pub async fn job(&mut self) -> Result<Acquired, Unavailable> {
        // Nobody drops the sender without an answer, except with the whole acquirer.
        (&mut self.answer).await.unwrap_or(Err(Unavailable::Stopping))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Closed first, so that no job can be given between the look and the leaving.
        self.answer.close();
        if let Ok(Ok(acquired)) = self.answer.try_recv() {
            self.acquirer.put_back(acquired.job, self.worker.clone(), LEFT);
        }
        self.acquirer.leave(self.waiter);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("waiter", &self.waiter).finish_non_exhaustive()
    }
}

impl Acquirer {
    /// An acquirer over `store`, of whose commits it hears.
    pub fn new(host: &Host, store: Store, config: AcquireConfig, terms: Terms) -> Self {
        let inner = Inner { host: host.clone(), store: store.clone(), config, terms, state: Mutex::default() };
        let inner = Arc::new(inner);
        // Weak, because the acquirer keeps the store.
        let weak = Arc::downgrade(&inner);
        store.listen(move |heard| {
            if let Some(inner) = weak.upgrade() {
                Self { inner }.hear(heard);
            }
        });
        Self { inner }
    }

    /// Queues for a job that `want` takes, on behalf of `worker`.
    pub fn wait(&self, worker: Worker, want: Want) -> Result<Place, Unavailable> {
        let (answer, receiver) = oneshot::channel();
        let (waiter, effects) = {
            let mut state = self.state();
            if state.core.waiting() >= self.inner.config.waiters_max {
                return Err(Unavailable::Full);
            }
            events::daemon_waits(&worker.name);
            state.last_waiter += 1;
            let waiter = WaiterId(state.last_waiter);
            let (worker, asked) = (worker.clone(), want.clone());
            state.waiters.insert(waiter, Waiter { worker, want: asked, answer });
            (waiter, state.core.handle(Event::Arrived { waiter, want }))
        };
        self.carry_out(effects, Found::Nothing);
        Ok(Place { acquirer: self.clone(), waiter, worker, answer: receiver })
    }

    /// Takes a notice of a commit: a job that began to wait, or word that any may have.
    pub fn hear(&self, heard: &Heard) {
        match heard {
            Heard::Notice(Notice::JobPosted(posting)) => self.handle(Event::Posted(posting.clone())),
            // Whatever else there is news of is no job that waits.
            Heard::Notice(_) => {}
            Heard::Everything => self.handle(Event::Polled),
        }
    }

    /// Polls every [`AcquireConfig::backup_poll`], until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut interval = self.inner.host.interval(self.inner.config.backup_poll);
        loop {
            select! {
                biased;
                // First the shutdown: nothing is begun after it.
                () = shutdown.cancelled() => return,
                _ = interval.tick() => self.handle(Event::Polled),
            }
        }
    }

    /// Takes a job back that was locked for `worker` and not delivered (J11), for as long as that takes: a job
    /// that nobody has would otherwise stay locked until the reaper finds it.
    pub fn put_back(&self, job: JobId, worker: Worker, reason: &'static str) {
        let acquirer = self.clone();
        let task = async move {
            let put_back = |tx: &Tx<'_>| acquire::put_back(tx, job, &worker, reason);
            let result = acquirer.inner.store.transact("put a job back", put_back);
            if let Err(error) = result.await {
                // The reaper ends it: a job that is locked and silent is its business.
                tracing::warn!(%job, %error, "a job that was not delivered could not be put back");
            }
        };
        self.inner.host.spawn("put back", task).detach();
    }

    fn leave(&self, waiter: WaiterId) {
        self.state().waiters.remove(&waiter);
        self.handle(Event::Left { waiter });
    }

    fn handle(&self, event: Event) {
        let effects = self.state().core.handle(event);
        self.carry_out(effects, Found::Nothing);
    }

    /// Carries out `effects`. `found` is what the question behind them came to: giving, putting back and failing are
    /// effects of an answer only.
    fn carry_out(&self, effects: Vec<Effect>, mut found: Found) {
        for effect in effects {
            match effect {
                Effect::Ask(waiter) => self.ask(waiter),
                Effect::Give(waiter) => {
                    let (Found::Job(acquired, worker), waiter) = (found.take(), self.take(waiter)) else { continue };
                    let job = acquired.job;
                    let given = waiter.is_some_and(|waiter| waiter.answer.send(Ok(*acquired)).is_ok());
                    if !given {
                        self.put_back(job, worker, LEFT);
                    }
                }
                Effect::PutBack(_) => {
                    if let Found::Job(acquired, worker) = found.take() {
                        self.put_back(acquired.job, worker, LEFT);
                    }
                }
                Effect::Fail(waiter) => {
                    if let (Found::Unavailable(reason), Some(waiter)) = (found.take(), self.take(waiter)) {
                        // It may leave in this instant; then nobody needs to know.
                        let _ = waiter.answer.send(Err(reason));
                    }
                }
            }
        }
    }

    fn take(&self, waiter: WaiterId) -> Option<Waiter> {
        self.state().waiters.remove(&waiter)
    }

    fn ask(&self, waiter: WaiterId) {
        let acquirer = self.clone();
        let task = async move {
            let found = acquirer.question(waiter).await;
            let effects = acquirer.state().core.handle(Event::Answered { waiter, answer: found.answer() });
            acquirer.carry_out(effects, found);
        };
        self.inner.host.spawn("acquire", task).detach();
    }

    async fn question(&self, waiter: WaiterId) -> Found {
        let asked = self.state().waiters.get(&waiter).map(|waiter| (waiter.worker.clone(), waiter.want.clone()));
        // It may have left before its question was asked.
        let Some((worker, want)) = asked else { return Found::Nothing };
        let terms = self.inner.terms;
        let next = |tx: &Tx<'_>| acquire::next(tx, &worker, &want, &terms);
        match self.inner.store.transact("acquire a job", next).await {
            Ok(Some(acquired)) => Found::Job(Box::new(acquired), worker),
            Ok(None) => Found::Nothing,
            Err(CallError::Refused(Refusal::Unauthenticated(_))) => Found::Unavailable(Unavailable::KeyDeleted),
            Err(CallError::Refused(_)) => Found::Unavailable(Unavailable::Forgotten),
            Err(CallError::Store(error)) => {
                tracing::warn!(%error, "no job could be acquired");
                Found::Unavailable(Unavailable::Database)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The core is never left half changed: a panic in it would have to be one of the allocator's.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Acquirer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acquirer")
    }
}
