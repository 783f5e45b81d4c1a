//! The workspace agent as a program.

use std::{collections::BTreeMap, path::PathBuf, pin::pin};

use groundhog_agent::AgentConfig;
use groundhog_wire::Connected;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    arguments::AgentArguments,
    metrics::process::ProcessMetrics,
    pages::{Shown, connected::ConnectedPage},
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
    let shown = Shown::begin(arguments.http).await?;

    let (host, off, connected) = (machine.host(), CancellationToken::new(), Connected::default());
    let process = ProcessMetrics::new("agent", version, host.wall());
    let metrics = Box::new(move || process.text());
    let (showing, page_at) = shown.show(ConnectedPage { connected: connected.clone(), ending: off.clone(), metrics });
    let mut living = pin!(groundhog_agent::run_seen(host.clone(), config, off.clone(), connected.clone()));
    let ready = host.spawn("ready", async move {
        connected.wait().await;
        say_ready(&format!("agent ready{page_at}"));
    });
    tokio::select! {
        biased;
        // The signal first. The other never ends by itself.
        signal = signals.next() => tracing::info!(signal, "closing; another signal ends the agent at once"),
        () = &mut living => {}
    }
    off.cancel();
    let ended = tokio::select! {
        biased;
        // What has ended has ended, whatever signal comes.
        () = &mut living => Ok(()),
        _ = signals.next() => Err(Error::EndedAtOnce),
    };
    ready.abort();
    showing.stop().await;
    // Whatever it has started ends with its machine.
    machine.stop().await;
    ended
}

fn config(arguments: &AgentArguments, version: &str) -> Result<AgentConfig, Error> {
    let token = secret::need(&secret::AGENT_TOKEN, arguments.token.as_ref(), arguments.token_file.as_deref())?;
    Ok(AgentConfig {
        process_environment: environment(),
        version: version.to_owned(),
        listen_port: arguments.listen.port(),
        ..AgentConfig::new(arguments.call.endpoints(), token, home(arguments)?)
    })
}

/// The home folder, as an absolute path.
fn home(arguments: &AgentArguments) -> Result<String, Error> {
    let wrong = |why: String| Error::Setting { what: "--directory", why };
    let given = arguments.directory.clone().or_else(|| std::env::var_os("HOME").map(PathBuf::from));
    let given = given.ok_or_else(|| wrong("there is none, and no variable HOME".to_owned()))?;
    let home = std::path::absolute(&given).map_err(|error| wrong(format!("{}: {error}", given.display())))?;
    home.into_os_string().into_string().map_err(|path| wrong(format!("{} is not Unicode", path.display())))
}

/// What the agent's processes find in their environment: what it has itself, but for its token.
fn environment() -> BTreeMap<String, String> {
    // A variable that is no text could not be handed on.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables.filter(|(name, _)| name != secret::AGENT_TOKEN.variable).collect()
}
