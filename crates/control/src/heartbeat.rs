//! Notes a daemon as seen while it waits for a job.
//!
//! A daemon that waits makes no calls, so without this it would look dead. Its call for a job is the first sign of
//! life; from then on the control plane, to which it is connected, notes it every
//! [`heartbeat_interval`](DaemonsConfig::heartbeat_interval). While it has a job its updates are the signs.

use std::{convert::Infallible, time::Duration};

use groundhog_host::Host;

use crate::{
    config::DaemonsConfig,
    events,
    store::{Store, StoreError, Tx, daemons, daemons::Worker},
};

/// Notes `worker` as seen, again and again. It never ends: whoever waits with it drops it when the wait is over, a
/// shutdown included, and so a beat that is cut off then is no error to be told of.
pub async fn run(host: Host, store: Store, worker: Worker, config: DaemonsConfig) -> Infallible {
    let interval = config.heartbeat_interval;
    // The call for a job was a transaction that noted the daemon a moment ago.
    let mut next = interval;
    loop {
        host.sleep(next).await;
        let begun = host.now();
        let beat = |tx: &Tx<'_>| {
            daemons::beat(tx, worker.id)?;
            let name = worker.name.clone();
            tx.after_commit(move || events::daemon_beat(&name));
            Ok::<_, StoreError>(())
        };
        match host.timeout(interval, store.transact("heartbeat", beat)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(worker = worker.name, %error, "heartbeat failed"),
            Err(error) => tracing::warn!(worker = worker.name, %error, "heartbeat failed"),
        }
        next = until_next(interval, host.now() - begun);
    }
}

/// How long to wait after a beat that took so long: beats begin an interval apart. At least a nanosecond, so that
/// beats which take longer than that leave others a turn.
pub fn until_next(interval: Duration, elapsed: Duration) -> Duration {
    interval.saturating_sub(elapsed).max(Duration::from_nanos(1))
}
