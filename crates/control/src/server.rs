//! The control plane as a program.

use std::{io, sync::Arc};

use groundhog_host::Host;
use groundhog_wire::{
    Limited, Routes, serve,
    v1::{provisioner_daemons_server::ProvisionerDaemonsServer, workspaces_server::WorkspacesServer},
};
use tokio_util::sync::CancellationToken;

use crate::{
    acquirer::Acquirer,
    config::Config,
    daemons::DaemonsService,
    events, reaper,
    store::{Database, Store},
    workspaces::WorkspacesService,
};

/// A control plane could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its port could not be listened on.
    #[error("the control plane can't listen on port {port}: {source}; choose a free port")]
    Listen {
        /// The port.
        port: u16,
        /// What the machine says.
        source: io::Error,
    },
}

/// Runs a control plane on `host` over `database` until `shutdown`: serves both services, hands out jobs, ends
/// those that nothing is heard of. Returns once the last connection is closed.
///
/// Everything that it keeps is in the database, so one that was killed may be run again over the same one.
/// Fails only if the port can't be listened on.
pub async fn run(host: Host, database: Database, config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let (port, server) = (config.port, config.server.clone());
    let listener = host.listen(port).await.map_err(|source| Error::Listen { port, source })?;
    // A child: what is spawned here also ends when this future is dropped.
    let stop = shutdown.child_token();
    let _stop = stop.clone().drop_guard();
    let store = Store::new(&host, database, config.store);
    let acquirer = Acquirer::new(&host, store.clone(), config.acquire.clone(), config.job_bytes_max);
    events::control_started();

    let polling = host.spawn("acquirer", acquirer.clone().run(stop.clone()));
    let reaping = host.spawn("reaper", reaper::run(host.clone(), store.clone(), config.reaper.clone(), stop.clone()));
    let config = Arc::new(config);
    let daemons = DaemonsService::new(&host, store.clone(), acquirer.clone(), config.clone(), stop.clone());
    let workspaces = WorkspacesService::new(store, acquirer, config);
    let routes = Routes::new()
        .add(ProvisionerDaemonsServer::new(daemons).limited())
        .add(WorkspacesServer::new(workspaces).limited());
    serve(&host, listener, routes, server, stop).await;

    polling.await;
    reaping.await;
    events::control_stopped();
    Ok(())
}
