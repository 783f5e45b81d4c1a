//! The daemon: keeps a connection to the control plane, asks for jobs, and has them run.
//!
//! - [`config`]: what a daemon is started with.
//! - `acquire`: asking for a job, and taking the question back. `acquired`: what is logged of one.
//! - `slots`: places for a job each, side by side. `active`: what sees to it that no two of them run the same job.
//! - [`Daemon`] (here): the handle, and the order of the daemon's life.
//!
//! A daemon that is refused (J15) ends as one that is drained does: what its other slots run is run to the end. So
//! deleting a daemon's key lets its jobs end, as far as the control plane listens to them, and then the daemon.

mod acquire;
mod acquired;
mod active;
pub mod config;
mod slots;

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    time::Duration,
};

use groundhog_host::{Backoff, Host};
use groundhog_wire::{
    Channel, Connected, Identity, Limited,
    v1::{Job, provisioner_daemons_client::ProvisionerDaemonsClient},
};
use tokio_util::sync::CancellationToken;

pub use self::config::{CLOSE_TIMEOUT, DaemonConfig};
use self::{acquire::Acquired, active::ActiveJobs, slots::all};
use crate::{
    events,
    metrics::{JobLabels, Metrics},
    runner::{Runner, event::Event, shell::Shell},
    session::Provisioner,
};

/// Why a daemon has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The control plane does not let this daemon in, or does not take what it asks for, with its words for it
    /// (J15). Starting again with the same configuration ends the same way.
    #[error("refused by the control plane: {0}")]
    Refused(String),
    /// [`Daemon::shutdown`] was called.
    #[error("shut down")]
    ShutDown,
    /// [`Daemon::close`] was called.
    #[error("closed")]
    Closed,
}

/// A running provisioner daemon. Dropping this lets the daemon go on; it ends with its host at the latest.
#[derive(Debug)]
pub struct Daemon {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    orders: Orders,
    active: ActiveJobs,
    /// Why the control plane refused it, if it did.
    refusal: OnceLock<String>,
    ending: OnceLock<Ending>,
    metrics: Metrics,
    connected: Connected,
    /// Cancelled once `ending` is there.
    over: CancellationToken,
}

/// What the daemon was told. Tokens, because they wake those who wait in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Take no further job: told by its owner, or by a refusal.
    pub(crate) shutdown: CancellationToken,
    /// Cancel the active jobs, and one that is delivered after this.
    pub(crate) cancel: CancellationToken,
    /// End within the close time-out.
    pub(crate) close: CancellationToken,
}

impl Daemon {
    /// Starts a daemon on `host`. It connects, and goes on trying while it can't.
    pub fn start(host: &Host, config: DaemonConfig, provisioner: Arc<dyn Provisioner>) -> Self {
        let shared = Arc::new(Shared::default());
        let life = Life { host: host.clone(), config, provisioner, shared: shared.clone() };
        host.spawn("provisioner daemon", life.live()).detach();
        Self { shared }
    }

    /// Drains the daemon: it takes no further job, and ends once the active ones have ended. With
    /// `cancel_active_job`, they are cancelled, which ends them within the force-cancel interval at the latest;
    /// so is a job whose delivery was under way (J16). Returns once the daemon has ended. Dropping the wait does
    /// not take the order back; calling again with `cancel_active_job` adds the cancel.
    pub async fn shutdown(&self, cancel_active_job: bool) {
        events::daemon_told_to_stop(cancel_active_job);
        if cancel_active_job {
            self.shared.orders.cancel.cancel();
        }
        self.shared.orders.shutdown.cancel();
        self.shared.over.cancelled().await;
    }

    /// Ends the daemon within [`DaemonConfig::close_timeout`] (J8): active jobs fail with "provisioner daemon was
    /// shutdown gracefully" if the control plane hears it in time. Returns once the daemon has ended.
    pub async fn close(&self) {
        events::daemon_told_to_close();
        self.shared.orders.close.cancel();
        self.shared.over.cancelled().await;
    }

    /// Whether the daemon has a connection to its control plane at present.
    pub fn connected(&self) -> Connected {
        self.shared.connected.clone()
    }

    /// What the daemon has counted, as a Prometheus text: jobs, how long they took, and what became of them. See
    /// [`crate::metrics`].
    pub fn metrics(&self) -> String {
        self.shared.metrics.text()
    }

    /// Waits for the daemon's end and tells why it came. Cancel safe.
    pub async fn ended(&self) -> Ending {
        self.shared.over.cancelled().await;
        self.shared.ending.get().cloned().unwrap_or(Ending::Closed)
    }
}

/// What the daemon's task owns.
struct Life {
    host: Host,
    config: DaemonConfig,
    provisioner: Arc<dyn Provisioner>,
    shared: Arc<Shared>,
}

impl Life {
    async fn live(self) {
        let identity = Identity::daemon(self.config.key.clone(), self.config.name.clone());
        let channel = Channel::new(&self.host, self.config.control.clone(), identity, self.config.channel.clone());
        self.shared.metrics.daemon_started();
        let ending = tokio::select! {
            biased;
            // The connection first, so that it is told of before what is done over it. It never ends by itself.
            never = self.keep_connected(&channel) => match never {},
            ending = self.work(&channel) => ending,
        };
        self.shared.connected.set(false);
        self.shared.metrics.daemon_stopped();
        events::daemon_stopped(&ending.to_string());
        // Set once, here.
        let _ = self.shared.ending.set(ending);
        self.shared.over.cancel();
    }

    /// Connects whenever there is no connection, and tells of it.
    async fn keep_connected(&self, channel: &Channel) -> Infallible {
        loop {
            // The channel keeps to its back-off, so this needs no wait of its own.
            match channel.connect().await {
                Ok(()) => {
                    events::daemon_connected(&channel.address());
                    self.shared.connected.set(true);
                    channel.closed().await;
                    self.shared.connected.set(false);
                    events::daemon_disconnected();
                }
                Err(error) => tracing::warn!(%error, "the daemon could not connect, trying again"),
            }
        }
    }

    /// Takes jobs until the daemon is told to stop or is refused, and the jobs have ended.
    async fn work(&self, channel: &Channel) -> Ending {
        all((0..self.config.slots.max(1)).map(|_| self.slot(channel))).await;
        match self.shared.refusal.get() {
            Some(why) => Ending::Refused(why.clone()),
            None if self.shared.orders.close.is_cancelled() => Ending::Closed,
            None => Ending::ShutDown,
        }
    }

    /// Takes jobs, one at a time.
    async fn slot(&self, channel: &Channel) {
        let orders = &self.shared.orders;
        let mut client = ProvisionerDaemonsClient::new(channel.clone()).limited();
        let mut backoff = Backoff::new(self.config.acquire_wait_min, self.config.acquire_wait_max);
        while !orders.close.is_cancelled() && !orders.shutdown.is_cancelled() {
            match self.acquire(&mut client, channel).await {
                Acquired::Job(job) => {
                    backoff.reset();
                    self.run(*job, &client).await;
                    continue;
                }
                Acquired::Refused(error) => {
                    // The first refusal is the reason; another slot's would say the same.
                    let _ = self.shared.refusal.set(error);
                    orders.shutdown.cancel();
                    return;
                }
                Acquired::TakenBack => continue,
                Acquired::Failed(error) => tracing::warn!(error, "failed to acquire job, retrying"),
            }
            self.pause(backoff.next_wait()).await;
        }
    }

    async fn run(&self, job: Job, client: &ProvisionerDaemonsClient<Channel>) {
        let known = self.config.provisioner_types.contains(&job.provisioner_type);
        let first = if known {
            Event::Start
        } else {
            let error = format!("failed to connect to provisioner: no provisioner {}", job.provisioner_type);
            Event::Fail { error, flush_for: Duration::ZERO }
        };
        let config = self.config.runner.clone();
        let shell = Shell {
            host: &self.host,
            client,
            provisioner: &*self.provisioner,
            orders: &self.shared.orders,
            call_timeout: config.update_timeout,
            close_timeout: self.config.close_timeout,
        };
        tracing::debug!(job = %acquired::Acquired(&job), "a job has come");
        let labels = JobLabels::from(&job);
        let begin = self.host.now();
        let runner = match Runner::new(job, config, begin) {
            Ok(runner) => runner,
            // Nothing can be said to the control plane about a job without an id: its reaper ends it.
            Err(error) => return tracing::error!(%error, "a job was delivered that can't be run"),
        };
        let claim = tokio::select! {
            biased;
            // The claim first: a job that no other slot runs is told about, even if the daemon is being closed.
            claim = self.shared.active.claim(runner.id()) => claim,
            () = self.shared.orders.close.cancelled() => None,
        };
        let Some(claim) = claim else { return };
        self.shared.metrics.job_began(&labels);
        let outcome = shell.run(runner, first).await;
        self.shared.metrics.job_ended(labels, self.host.now() - begin, &outcome);
        tracing::debug!(?outcome, "a job is over");
        claim.ended(&outcome);
    }

    /// Waits, unless there is an order to follow.
    async fn pause(&self, wait: Duration) {
        tokio::select! {
            biased;
            // The orders first: they end the wait.
            () = self.shared.orders.close.cancelled() => {}
            () = self.shared.orders.shutdown.cancelled() => {}
            () = self.host.sleep(wait) => {}
        }
    }
}
