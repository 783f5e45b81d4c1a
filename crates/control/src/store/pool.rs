//! A control plane's connections to its database.

use std::{
    cell::Cell,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use groundhog_host::{Host, Random};
use tokio::sync::Semaphore;

use super::{
    Database, StoreError, Tx,
    notices::{Heard, Mailbox, Notice},
};

/// How a store answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Transactions that may be under way at once, at least 1; 10. Others wait in the order in which they came.
    pub connections: usize,
    /// The least that a statement takes; zero.
    pub latency_min: Duration,
    /// The most that a statement takes; zero.
    pub latency_max: Duration,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { connections: 10, latency_min: Duration::ZERO, latency_max: Duration::ZERO }
    }
}

/// A pool of connections to a [`Database`]. Cheap to clone; every clone is the same pool.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    database: Database,
    config: StoreConfig,
    connections: Semaphore,
    latency: Mutex<Random>,
    /// Who hears of commits, in the order in which they came.
    listeners: Mutex<Vec<Listener>>,
    /// The mailbox of this replica, which needs no notice of its own commits.
    mailbox: OnceLock<u64>,
}

type Listener = Box<dyn Fn(&Heard) + Send + Sync>;

impl Store {
    /// A pool over `database`, timed by `host`'s clocks.
    pub fn new(host: &Host, database: Database, config: StoreConfig) -> Self {
        let connections = Semaphore::new(config.connections.clamp(1, Semaphore::MAX_PERMITS));
        let latency = Mutex::new(host.random("store latency"));
        let (host, listeners, mailbox) = (host.clone(), Mutex::default(), OnceLock::new());
        Self { inner: Arc::new(Inner { host, database, config, connections, latency, listeners, mailbox }) }
    }

    /// How many transactions may be under way at once.
    pub fn connections(&self) -> usize {
        self.inner.config.connections.clamp(1, Semaphore::MAX_PERMITS)
    }

    /// Has `listener` told of every notice that this replica hears. It is called in the instant of a commit and must
    /// not use the store; nor may it keep it, or neither would ever be dropped.
    pub fn listen(&self, listener: impl Fn(&Heard) + Send + Sync + 'static) {
        self.inner.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Tells every listener.
    pub fn hear(&self, heard: &Heard) {
        for listener in &*self.inner.listeners.lock().unwrap_or_else(PoisonError::into_inner) {
            listener(heard);
        }
    }

    /// Opens the mailbox in which this replica finds the notices of others, at most `room` of them. To be called
    /// once; its notices are heard by nobody until somebody passes them to [`hear`](Self::hear).
    ///
    /// `wants` says which of the notices on demand are put into it: those of things that somebody waits for at this
    /// replica. It is asked in the instant of a commit and must not use the store.
    pub fn open_mailbox(&self, room: usize, wants: impl Fn(&Notice) -> bool + Send + 'static) -> Mailbox {
        let mailbox = self.inner.database.mailboxes().open(room, Box::new(wants));
        // A second mailbox would be given this replica's own notices too, which does no harm.
        let _ = self.inner.mailbox.set(mailbox.id());
        mailbox
    }

    fn tell(&self, notice: &Notice) {
        self.hear(&Heard::Notice(notice.clone()));
        self.inner.database.mailboxes().put(notice, self.inner.mailbox.get().copied());
    }

    /// Runs `work` in one transaction: committed if it returns `Ok`, else undone. `name` says in reports what the
    /// transaction is for.
    ///
    /// It waits for a connection, then half of the first statement's latency, then runs `work` at one instant, then
    /// waits what its statements would have taken on top; a transaction without any takes one latency. Dropping the
    /// future before that instant means that nothing happened; dropping it after means that nobody learns what did.
    pub async fn transact<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let Inner { host, database, .. } = &*self.inner;
        let _connection = self.inner.connections.acquire().await.map_err(|_| StoreError::Closed)?;
        let first = self.latency();
        self.wait(first / 2).await;
        let now_ms = host.wall().as_millisecond();
        let statements = Cell::new(0);
        let (new_id, tell) = (&mut |purpose: &str| host.new_id(purpose), |notice: &Notice| self.tell(notice));
        let result = database.transact(name, now_ms, new_id, &statements, tell, work);
        let further = (1..statements.into_inner()).map(|_| self.latency()).sum::<Duration>();
        self.wait(first - first / 2 + further).await;
        result
    }

    fn latency(&self) -> Duration {
        let StoreConfig { latency_min, latency_max, .. } = self.inner.config;
        if latency_max.is_zero() {
            return latency_min;
        }
        let mut random = self.inner.latency.lock().unwrap_or_else(PoisonError::into_inner);
        drawn(&mut random, latency_min, latency_max)
    }

    async fn wait(&self, duration: Duration) {
        // Not even a timer of zero: a store without latency answers without giving other tasks a turn.
        if !duration.is_zero() {
            self.inner.host.sleep(duration).await;
        }
    }
}

/// A latency from `min` to `max`, which is not below it, in whole microseconds.
pub(crate) fn drawn(random: &mut Random, min: Duration, max: Duration) -> Duration {
    let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random.between(micros(min), micros(max)))
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("config", &self.inner.config).finish_non_exhaustive()
    }
}
