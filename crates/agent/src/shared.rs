//! What the parts of an agent share.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use groundhog_host::{Host, Task};
use groundhog_wire::v1::{Banner, RelayMap};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    config::AgentConfig,
    connections::Connections,
    diary::Diary,
    events,
    identity::Identity,
    lifecycle::{Lifecycle, core::State},
    logs::Logs,
    manifest::Manifest,
    metadata::core::Pending,
    network::Network,
    reinitialize,
    scripts::{
        Scripts,
        outcome::{Stage, StageEnd},
        reports::Reports,
    },
    stats::Stats,
    surroundings::Surroundings,
    terminal::{TerminalConfig, Terminals},
};

/// What an agent was told. Tokens, because they wake those who wait in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Close, and end.
    pub(crate) close: CancellationToken,
    /// The agent closes: nothing new is begun, what is left to say is said.
    pub(crate) graceful: CancellationToken,
    /// The agent has closed: everything ends where it stands.
    pub(crate) hard: CancellationToken,
    /// The agent is to close so that another one begins in its place.
    pub(crate) give_way: CancellationToken,
}

/// What the parts of an agent share. It outlives every connection.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) host: Host,
    /// This start of the agent.
    pub(crate) process: Uuid,
    pub(crate) identity: Arc<Identity>,
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) logs: Arc<Logs>,
    pub(crate) reports: Arc<Reports>,
    pub(crate) scripts: Scripts,
    pub(crate) connections: Connections,
    pub(crate) stats: Stats,
    pub(crate) network: Network,
    pub(crate) terminals: Terminals,
    pub(crate) orders: Orders,
    pub(crate) diary: Diary,
    metadata: Mutex<Pending>,
    banners: Mutex<Vec<Banner>>,
    relays: Mutex<RelayMap>,
    relays_changed: Notify,
    /// Whose the workspace was when the agent began.
    begun_as: OnceLock<String>,
    /// Runs the start scripts, and then those that go by the clock.
    script_task: Mutex<Option<Task>>,
}

impl Shared {
    pub(crate) fn new(host: &Host, config: AgentConfig) -> Self {
        let process = host.new_id("agent process");
        let identity = Arc::<Identity>::default();
        let diary = Diary::new(host, &config);
        let terminals = TerminalConfig { idle_timeout: config.terminal_idle_timeout, ..TerminalConfig::default() };
        let surroundings = Arc::new(Surroundings::new(host, config));
        let logs = Arc::new(Logs::new(host));
        let reports = Arc::new(Reports::new());
        let scripts =
            Scripts::new(host, process, identity.clone(), surroundings.clone(), logs.clone(), reports.clone());
        Self {
            host: host.clone(),
            process,
            identity,
            surroundings,
            lifecycle: Lifecycle::new(host, process),
            logs,
            reports,
            scripts,
            connections: Connections::new(host),
            stats: Stats::default(),
            network: Network::new(),
            terminals: Terminals::new(host.clone(), terminals),
            orders: Orders::default(),
            diary,
            metadata: Mutex::default(),
            banners: Mutex::default(),
            relays: Mutex::default(),
            relays_changed: Notify::new(),
            begun_as: OnceLock::new(),
            script_task: Mutex::default(),
        }
    }

    /// What the agent was started with.
    pub(crate) fn config(&self) -> &AgentConfig {
        self.surroundings.config()
    }

    /// The metadata that are to be sent.
    pub(crate) fn metadata(&self) -> MutexGuard<'_, Pending> {
        held(&self.metadata)
    }

    /// The banners as they are now.
    pub(crate) fn set_banners(&self, banners: Vec<Banner>) {
        *held(&self.banners) = banners;
    }

    /// The relays as they are now.
    pub(crate) fn set_relays(&self, relays: RelayMap) {
        let mut known = held(&self.relays);
        if *known != relays {
            *known = relays;
            drop(known);
            self.relays_changed.notify_waiters();
        }
    }

    /// Waits until there are relays. Cancel safe.
    pub(crate) async fn relays_there(&self) {
        loop {
            // Listening before looking: a change in between is not missed.
            let changed = self.relays_changed.notified();
            if !held(&self.relays).relays.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// How many terminal sessions there are.
    pub(crate) fn terminal_count(&self) -> u64 {
        self.terminals.counts().sessions as u64
    }

    /// The agent begins, and the workspace is `owner`'s.
    pub(crate) fn begun_as(&self, owner: &str) {
        // There is one first manifest.
        let _ = self.begun_as.set(owner.to_owned());
    }

    /// The control plane says that the workspace is `owner`'s.
    pub(crate) fn claimed(&self, owner: &str, reason: &str) {
        let news = reinitialize::is_news(self.begun_as.get().map(String::as_str), owner);
        if news && !self.orders.give_way.is_cancelled() && !self.orders.close.is_cancelled() {
            events::agent_reinitializing(events::process(self.process), reason);
            self.orders.give_way.cancel();
        }
    }

    /// Begins to run the scripts of the first manifest, whatever becomes of the connection that brought it. Scripts that
    /// can't be run fail the start (A3).
    pub(crate) fn start_scripts(self: &Arc<Self>, manifest: &Manifest) {
        if let Err(error) = self.scripts.prepare(manifest) {
            tracing::warn!(%error, "the agent's scripts can't be run");
            self.scripts.refused(manifest, &error);
            return self.lifecycle.advance(State::StartError, &self.identity);
        }
        let shared = self.clone();
        let task = self.host.spawn("agent scripts", async move {
            let graceful = &shared.orders.graceful;
            let end = shared.scripts.stage(Stage::Start, graceful).await;
            // When the agent closes, it has gone beyond all of these.
            let state = match end {
                StageEnd::Well => State::Ready,
                StageEnd::TimedOut => State::StartTimeout,
                StageEnd::Failed => State::StartError,
            };
            shared.lifecycle.advance(state, &shared.identity);
            shared.scripts.by_the_clock(graceful).await;
        });
        *held(&self.script_task) = Some(task);
    }

    /// What runs the scripts, if anything does: once.
    pub(crate) fn take_script_task(&self) -> Option<Task> {
        held(&self.script_task).take()
    }
}

/// What is in a mutex that is never left half changed: a panic under it would have to be one of the allocator's.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
