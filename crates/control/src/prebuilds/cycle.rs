//! What holds one look at all pools together.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use crate::{
    config::{DaemonsConfig, PrebuildsConfig},
    events,
    millis::millis,
    refusal::{CallError, Refusal},
    store::{Store, StoreError, Tx, leases, settings},
};

/// The lease of whoever looks at all pools.
pub const LEASE: &str = "prebuilds";

/// Why a cycle ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The control plane stops.
    Stopped,
    /// Building ahead was paused.
    Paused,
    /// Another replica has the lease.
    LeaseLost,
}

/// Why a transaction of a cycle came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// The cycle is over: nothing more is written in it.
    Over(Over),
    /// This thing can't be done; others may be.
    Call(CallError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over(_) => f.write_str("the look at all pools has ended"),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Call(error.into())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Call(refusal.into())
    }
}

/// How many connections a cycle's transactions hold, or wait for, at once.
#[derive(Debug, Default)]
pub struct Held {
    now: AtomicU32,
    max: AtomicU32,
}

struct One<'a>(&'a Held);

impl Held {
    fn one(&self) -> One<'_> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.max.fetch_max(now, Ordering::Relaxed);
        One(self)
    }

    /// The most that there were at once.
    pub fn max(&self) -> u32 {
        self.max.load(Ordering::Relaxed)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a transaction of a cycle and counts its connection.
pub async fn transact<T, E: From<StoreError>>(
    store: &Store,
    held: &Held,
    name: &'static str,
    work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let _one = held.one();
    store.transact(name, work).await
}

/// A cycle that has the lease.
#[derive(Debug)]
pub struct Cycle<'a> {
    pub(super) store: &'a Store,
    pub(super) config: &'a PrebuildsConfig,
    pub(super) daemons: &'a DaemonsConfig,
    pub(super) stop: &'a CancellationToken,
    pub(super) held: &'a Held,
    /// The lease's number.
    pub(super) number: i64,
    pub(super) over: Mutex<Option<Over>>,
}

impl Cycle<'_> {
    /// Runs a transaction that writes. It begins by holding the lease for longer; if another replica has it, or if building
    /// ahead was paused or the control plane stops, nothing is written, and nothing more will be in this cycle.
    pub async fn write<T>(
        &self,
        name: &'static str,
        work: impl FnOnce(&Tx<'_>) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        if self.stop.is_cancelled() {
            self.end(Over::Stopped);
        }
        if let Some(over) = self.over() {
            return Err(Failure::Over(over));
        }
        let result = transact(self.store, self.held, name, |tx| {
            self.guard(tx)?;
            Ok(work(tx)?)
        })
        .await;
        if let Err(Failure::Over(over)) = result {
            self.end(over);
        }
        result
    }

    /// Why the cycle is over, if it is.
    pub fn over(&self) -> Option<Over> {
        *self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guard(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        if !leases::renew(tx, LEASE, self.number, millis(self.config.lease))? {
            return Err(Failure::Over(Over::LeaseLost));
        }
        if settings::is_paused(tx)? {
            return Err(Failure::Over(Over::Paused));
        }
        Ok(())
    }

    fn end(&self, why: Over) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if over.is_some() {
            return;
        }
        *over = Some(why);
        if why == Over::LeaseLost {
            events::prebuilds_lease_lost(self.number);
        }
    }
}
