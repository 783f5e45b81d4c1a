//! The control plane as a program.

use std::{net::SocketAddr, path::Path};

use groundhog_control::{Config, DaemonKeySetup, Database, Role, Setup, Store, UserSetup, metrics::Metrics, server};
use groundhog_host::Address;
use groundhog_wire::v1::Relay;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    arguments::ControlArguments,
    place::{listen, machine, run_on_many_threads, say_ready},
    secret,
    signals::Signals,
};

/// The number of the relay that this control plane is.
const RELAY: u32 = 1;

/// Runs a control plane until a signal ends it.
pub fn run(arguments: &ControlArguments, _version: &str) -> Result<(), Error> {
    run_on_many_threads(serve(arguments))
}

async fn serve(arguments: &ControlArguments) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let admin = secret::read("administrator's token", &arguments.admin_token, arguments.admin_token_file.as_deref())?;
    let key = secret::read("provisioner key", &arguments.provisioner_key, arguments.provisioner_key_file.as_deref())?;
    let machine = machine("control", arguments.listen, Path::new("."))?;
    let (listener, at) = listen(&machine, arguments.listen, "--listen").await?;
    let http = crate::place::machine("control-http", arguments.http, Path::new("."))?;
    let (_pages, http_at) = listen(&http, arguments.http, "--http").await?;
    let new = !arguments.database.exists();
    let database = Database::open(&arguments.database)
        .map_err(|source| Error::Database { path: arguments.database.clone(), source })?;
    let host = machine.host();
    if new {
        let admin = admin.ok_or_else(|| Error::NobodyKnown { path: arguments.database.clone() })?;
        let setup = Setup {
            users: vec![UserSetup {
                name: arguments.admin_name.clone(),
                token: admin,
                role: Role::Admin,
                token_expires_at_ms: None,
            }],
            daemon_keys: key
                .into_iter()
                .map(|key| DaemonKeySetup { name: arguments.provisioner_key_name.clone(), key })
                .collect(),
            ..Setup::default()
        };
        database.set_up(&setup, &mut host.random("set-up"), host.wall().as_millisecond())?;
    }
    let config = config(arguments, at);
    let store = Store::new(&host, database, config.store);
    let shutdown = CancellationToken::new();
    let serving = server::serve_on(&host, listener, store, Metrics::default(), config, shutdown.clone());
    say_ready(&format!("control plane ready: grpc {at}, http {http_at}"));
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        biased;
        // The signal first. The other never ends by itself.
        signal = signals.next() => {
            tracing::info!(signal, "shutting down; a second signal ends at once");
            shutdown.cancel();
        }
        () = &mut serving => {}
    }
    tokio::select! {
        biased;
        // What has ended has ended, whatever signal comes.
        () = &mut serving => {}
        _ = signals.next() => return Err(Error::EndedAtOnce),
    }
    machine.stop().await;
    http.stop().await;
    Ok(())
}

/// The control plane's settings, when it listens at `at`.
fn config(arguments: &ControlArguments, at: SocketAddr) -> Config {
    let access = arguments.access_address.clone().unwrap_or_else(|| Address::new(at.ip().to_string(), at.port()));
    let mut config = Config { port: at.port(), ..Config::default() };
    config.agents.relay = RELAY;
    config.agents.relays = vec![Relay { id: RELAY, name: "control".to_owned(), endpoints: vec![access.to_string()] }];
    config
}
