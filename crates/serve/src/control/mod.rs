//! The control plane as a program.
//!
//! [`database`]: the file, and how a start brings it up. [`setup_file`]: what else it can be given. `page`: what is shown of it. [`run`]: the program's life.
//!
//! The ports come first and the database second, so that a program that can't run leaves nothing behind. It says that it
//! is ready when both are there.

pub mod database;
mod page;
pub mod setup_file;

use std::{net::SocketAddr, path::Path, pin::pin};

use groundhog_control::{Config, Store, metrics::Metrics, server};
use groundhog_host::Address;
use groundhog_wire::v1::Relay;
use tokio_util::sync::CancellationToken;

use self::{database::Given, page::ControlPage};
use crate::{
    Error,
    arguments::ControlArguments,
    metrics::process::ProcessMetrics,
    pages::Shown,
    place::{listen, machine, run_on_many_threads, say_ready},
    signals::Signals,
};

/// The number of the relay that this control plane is.
const RELAY: u32 = 1;

/// Runs a control plane until a signal ends it.
pub fn run(arguments: &ControlArguments, version: &str) -> Result<(), Error> {
    run_on_many_threads(serve(arguments, version))
}

async fn serve(arguments: &ControlArguments, version: &str) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let given = Given::read(arguments)?;
    let machine = machine("control", arguments.listen, Path::new("."))?;
    let (listener, at) = listen(&machine, arguments.listen, "--listen").await?;
    let shown = Shown::begin(Some(arguments.http)).await?;
    let host = machine.host();
    let database = database::open(&host, &arguments.database, &given).await?;

    let config = config(arguments, at);
    let (store, metrics, shutdown) =
        (Store::new(&host, database, config.store), Metrics::default(), CancellationToken::new());
    let process = ProcessMetrics::new("control", version, host.wall());
    let page = ControlPage::new(store.clone(), metrics.clone(), config.prebuilds, process, shutdown.clone());
    let (showing, page_at) = shown.show(page);
    let mut serving = pin!(server::serve_on(&host, listener, store, metrics, config, shutdown.clone()));
    say_ready(&format!("control plane ready: grpc {at}{page_at}"));

    tokio::select! {
        biased;
        // The signal first. The other never ends by itself.
        signal = signals.next() => tracing::info!(signal, "shutting down; another signal ends the program at once"),
        () = &mut serving => {}
    }
    shutdown.cancel();
    tokio::select! {
        biased;
        // What has ended has ended, whatever signal comes.
        () = &mut serving => {}
        _ = signals.next() => return Err(Error::EndedAtOnce),
    }
    // Whatever still holds the database: with its last holder it is closed, and its journal goes into the file.
    showing.stop().await;
    machine.stop().await;
    Ok(())
}

/// The control plane's settings, when it listens at `at`.
fn config(arguments: &ControlArguments, at: SocketAddr) -> Config {
    let access = arguments.access_address.clone().unwrap_or_else(|| Address::new(at.ip().to_string(), at.port()));
    let mut config = Config { port: at.port(), ..Config::default() };
    let ControlArguments { settings, .. } = arguments;
    config.agents.relay = RELAY;
    config.agents.relays = vec![Relay { id: RELAY, name: "control".to_owned(), endpoints: vec![access.to_string()] }];
    config.reaper.interval = settings.reaper_interval;
    config.reaper.hung_after = settings.job_hung_after;
    config.reaper.pending_after = settings.job_pending_after;
    config.prebuilds.interval = settings.prebuilds_interval;
    config.prebuilds.enabled = !settings.no_prebuilds;
    config.autobuild.interval = settings.autobuild_interval;
    config.autobuild.enabled = !settings.no_autobuild;
    config.logs.bytes_max = settings.job_log_bytes;
    config.agents.logs.bytes_max = settings.agent_log_bytes;
    config.external_auth = settings.external_auth.iter().cloned().collect();
    config
}
