//! The control plane as a program.

use std::{io, sync::Arc};

use groundhog_host::{Host, Listener};
use groundhog_wire::{
    Limited, Routes, serve,
    v1::{
        administration_server::AdministrationServer, agents_server::AgentsServer, chats_server::ChatsServer,
        jobs_server::JobsServer, provisioner_daemons_server::ProvisionerDaemonsServer,
        templates_server::TemplatesServer, workspace_agents_server::WorkspaceAgentsServer,
        workspaces_server::WorkspacesServer,
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    acquirer::Acquirer,
    administration::AdministrationService,
    agents::AgentsService,
    autobuild,
    chats::ChatsService,
    config::Config,
    coordination::Site,
    coordinator::Coordinator,
    daemons::DaemonsService,
    events,
    followers::Followers,
    jobs::JobsService,
    metrics::Metrics,
    notices,
    operations::acquire::Terms,
    prebuilds::Reconciler,
    reaper,
    relay::Relay,
    store::{Database, Store},
    templates::TemplatesService,
    workspace_agents::WorkspaceAgentsService,
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

/// Runs a control plane on `host` over `database` until `shutdown`: serves all services, hands out jobs, ends those
/// that nothing is heard of. Returns once the last connection is closed.
///
/// Everything that it keeps is in the database, so one that was killed may be run again over the same one, and
/// several may run over it at the same time, each on a host of its own.
/// Fails only if the port can't be listened on.
pub async fn run(host: Host, database: Database, config: Config, shutdown: CancellationToken) -> Result<(), Error> {
    let port = config.port;
    let listener = host.listen(port).await.map_err(|source| Error::Listen { port, source })?;
    let store = Store::new(&host, database, config.store);
    serve_on(&host, listener, store, Metrics::default(), config, shutdown).await;
    Ok(())
}

/// [`run`], for whoever listens already, and wants to look into the store and the metrics meanwhile. The port and the
/// store's settings in `config` are not looked at.
pub async fn serve_on(
    host: &Host,
    listener: Listener,
    store: Store,
    metrics: Metrics,
    config: Config,
    shutdown: CancellationToken,
) {
    // A child: what is spawned here also ends when this future is dropped.
    let stop = shutdown.child_token();
    let _stop = stop.clone().drop_guard();
    let server = config.server.clone();
    let terms = Terms { job_bytes_max: config.job_bytes_max, session_lifetime: config.session_lifetime };
    let acquirer = Acquirer::new(host, store.clone(), config.acquire.clone(), terms);
    let followers = Followers::new();
    let following = followers.clone();
    store.listen(move |heard| following.hear(heard));
    let waiting = followers.clone();
    let mailbox = store.open_mailbox(config.notices.queue_max, move |notice| waiting.wait_for(notice));
    events::control_started();

    let polling = host.spawn("acquirer", acquirer.clone().run(stop.clone()));
    let (reaper, seen) = (config.reaper.clone(), config.daemons.clone());
    let reaping = host.spawn("reaper", reaper::run(host.clone(), store.clone(), reaper, seen, stop.clone()));
    let building_ahead = config.prebuilds.enabled.then(|| {
        let (prebuilds, seen) = (config.prebuilds, config.daemons.clone());
        let reconciler = Reconciler::new(host, store.clone(), prebuilds, seen, metrics.clone());
        host.spawn("prebuilds", reconciler.run(stop.clone()))
    });
    let told = config.notices.clone();
    let hearing = host.spawn("notices", notices::run(host.clone(), store.clone(), mailbox, told, stop.clone()));
    let clock = config.autobuild;
    let building = autobuild::run(host.clone(), store.clone(), clock, stop.clone());
    let building = clock.enabled.then(|| host.spawn("autobuild", building));
    let routes = routes(host, &store, &acquirer, &followers, &metrics, config, &stop);
    serve(host, listener, routes, server, stop).await;

    polling.await;
    reaping.await;
    hearing.await;
    if let Some(building_ahead) = building_ahead {
        building_ahead.await;
    }
    if let Some(building) = building {
        building.await;
    }
    events::control_stopped();
}

/// All services, by name, over the parts of a control plane. Waiting calls end with `shutdown`.
pub fn routes(
    host: &Host,
    store: &Store,
    acquirer: &Acquirer,
    followers: &Followers,
    metrics: &Metrics,
    config: Config,
    shutdown: &CancellationToken,
) -> Routes {
    let config = Arc::new(config);
    let daemons =
        DaemonsService::new(host, store.clone(), acquirer.clone(), metrics.clone(), config.clone(), shutdown.clone());
    let jobs = JobsService::new(host, store.clone(), followers.clone(), config.clone(), shutdown.clone());
    let coordinator = Coordinator::new(host, store, followers, config.agents.peers, shutdown);
    let site = Site {
        host: host.clone(),
        store: store.clone(),
        followers: followers.clone(),
        coordinator,
        relay: Relay::default(),
        config: config.clone(),
        shutdown: shutdown.clone(),
    };
    Routes::new()
        .add(ProvisionerDaemonsServer::new(daemons).limited())
        .add(WorkspacesServer::new(WorkspacesService::new(store.clone(), config.clone())).limited())
        .add(TemplatesServer::new(TemplatesService::new(store.clone())).limited())
        .add(ChatsServer::new(ChatsService::new(store.clone())).limited())
        .add(JobsServer::new(jobs).limited())
        .add(AgentsServer::new(AgentsService::new(site.clone())).limited())
        .add(WorkspaceAgentsServer::new(WorkspaceAgentsService::new(site)).limited())
        .add(AdministrationServer::new(AdministrationService::new(store.clone(), metrics.clone(), config)).limited())
}
