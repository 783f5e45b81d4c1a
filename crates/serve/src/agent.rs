//! The workspace agent as a program.

use std::path::PathBuf;

use groundhog_agent::AgentConfig;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    arguments::AgentArguments,
    place::{machine, run_on_one_thread, say_ready},
    secret,
    signals::Signals,
};

/// Runs an agent until it is told to end.
pub fn run(arguments: &AgentArguments, version: &str) -> Result<(), Error> {
    run_on_one_thread(serve(arguments, version))
}

async fn serve(arguments: &AgentArguments, version: &str) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let config = config(arguments, version)?;
    let name = arguments.advertise.clone().unwrap_or_else(|| arguments.listen.ip().to_string());
    let machine = machine(&name, arguments.listen, config.home.as_ref())?;
    let off = CancellationToken::new();
    let mut living = std::pin::pin!(groundhog_agent::run(machine.host(), config, off.clone()));
    say_ready("agent ready");
    tokio::select! {
        biased;
        // The signal first. The other never ends by itself.
        signal = signals.next() => {
            tracing::info!(signal, "closing; a second signal ends at once");
            off.cancel();
        }
        () = &mut living => {}
    }
    let ended = tokio::select! {
        biased;
        // What has ended has ended, whatever signal comes.
        () = &mut living => Ok(()),
        _ = signals.next() => Err(Error::EndedAtOnce),
    };
    machine.stop().await;
    ended
}

fn config(arguments: &AgentArguments, version: &str) -> Result<AgentConfig, Error> {
    let token = secret::read("agent's token", &arguments.token, arguments.token_file.as_deref())?;
    let token = token.ok_or(Error::SecretMissing {
        what: "agent's token",
        variable: "GROUNDHOG_AGENT_TOKEN",
        flag: "--token-file",
    })?;
    let home = arguments.directory.clone().or_else(|| std::env::var_os("HOME").map(PathBuf::from));
    let home = home.unwrap_or_else(|| PathBuf::from("."));
    let home =
        std::path::absolute(&home).map_err(|error| Error::Setting { what: "--directory", why: error.to_string() })?;
    let home = home
        .into_os_string()
        .into_string()
        .map_err(|path| Error::Setting { what: "--directory", why: format!("{} is not Unicode", path.display()) })?;
    let process_environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name != "GROUNDHOG_AGENT_TOKEN")
        .collect();
    Ok(AgentConfig {
        process_environment,
        version: version.to_owned(),
        listen_port: arguments.listen.port(),
        ..AgentConfig::new(arguments.call.endpoints(), token, home)
    })
}
