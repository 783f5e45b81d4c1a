//! The provisioner daemon as a program.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use groundhog_provisioner::{Daemon, DaemonConfig, Ending, Scripted};
use groundhog_wire::DaemonName;
use tokio_util::sync::CancellationToken;

use crate::{
    Error,
    arguments::ProvisionerArguments,
    machine::wrapper::Wrapper,
    metrics::{joined, process::ProcessMetrics},
    pages::{Shown, connected::ConnectedPage},
    place::{machine, run_on_many_threads, say_ready},
    secret,
    signals::Signals,
};

/// Where the daemon's machine is: it listens nowhere.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Runs a provisioner daemon until it is told to end, or refused.
pub fn run(arguments: &ProvisionerArguments, version: &str) -> Result<(), Error> {
    run_on_many_threads(serve(arguments, version))
}

async fn serve(arguments: &ProvisionerArguments, version: &str) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let config = config(arguments)?;
    let machine = machine(config.name.as_str(), NOWHERE, &arguments.work)?;
    let shown = Shown::begin(arguments.http).await?;
    let scripted = Scripted { refuses: None, machine: Some(machine_program(arguments)?) };

    let (host, name, ending) = (machine.host(), config.name.clone(), CancellationToken::new());
    let daemon = Arc::new(Daemon::start(&host, config, Arc::new(scripted)));
    let (process, counted) = (ProcessMetrics::new("provisioner", version, host.wall()), daemon.clone());
    let metrics = Box::new(move || joined(&process.text(), &counted.metrics()));
    let (showing, page_at) =
        shown.show(ConnectedPage { connected: daemon.connected(), ending: ending.clone(), metrics });
    let connected = daemon.connected();
    let ready = host.spawn("ready", async move {
        connected.wait().await;
        say_ready(&format!("provisioner ready: {name}{page_at}"));
    });
    let ended = until_it_ends(&daemon, &mut signals, &ending).await?;
    ready.abort();
    showing.stop().await;
    machine.stop().await;
    match ended {
        Ending::Refused(why) => Err(Error::Refused(why)),
        Ending::ShutDown | Ending::Closed => Ok(()),
    }
}

/// Writes the program that makes and deletes machines. Gives its path.
fn machine_program(arguments: &ProvisionerArguments) -> Result<String, Error> {
    let written = || {
        let work = std::path::absolute(&arguments.work)?;
        let (program, machines) = (std::env::current_exe()?, work.join("machines"));
        let (control, grace) = (&arguments.call.control[..], arguments.machine_grace);
        Wrapper { program: &program, machines: &machines, control, grace }.write(&work)
    };
    let path: PathBuf = written().map_err(|source| Error::Machine {
        doing: format!("writing the program that makes machines into {}", arguments.work.display()),
        source,
    })?;
    path.into_os_string()
        .into_string()
        .map_err(|path| Error::Setting { what: "--work", why: format!("{} is not Unicode", path.display()) })
}

fn config(arguments: &ProvisionerArguments) -> Result<DaemonConfig, Error> {
    let key = secret::need(&secret::KEY, arguments.key.as_ref(), arguments.key_file.as_deref())?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase(),
    };
    let name = DaemonName::new(&name)
        .map_err(|error| Error::Setting { what: "--name", why: format!("{name:?} is {error}") })?;
    let defaults = DaemonConfig::new(name, arguments.call.endpoints(), key);
    Ok(DaemonConfig { tags: arguments.tags.iter().cloned().collect(), slots: arguments.slots.get(), ..defaults })
}

/// What the next signal orders, by how many came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Nothing yet.
    Run,
    /// The jobs in hand are the last ones.
    Drain,
    /// And they are cancelled.
    Cancel,
    /// They are given up.
    Close,
}

impl Order {
    /// The order that a signal makes of this one; none if there is no stronger one.
    fn stronger(self) -> Option<Self> {
        match self {
            Self::Run => Some(Self::Drain),
            Self::Drain => Some(Self::Cancel),
            Self::Cancel => Some(Self::Close),
            Self::Close => None,
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Run => "running",
            Self::Drain => "shutting down once the jobs in hand have ended; another signal cancels them",
            Self::Cancel => "cancelling the jobs in hand; another signal gives them up",
            Self::Close => "giving up the jobs in hand; another signal ends the program at once",
        }
    }
}

/// Waits for the daemon's end. Each signal makes it come sooner.
async fn until_it_ends(daemon: &Daemon, signals: &mut Signals, ending: &CancellationToken) -> Result<Ending, Error> {
    let mut order = Order::Run;
    loop {
        let carried_out = async {
            match order {
                Order::Run => {}
                Order::Drain => daemon.shutdown(false).await,
                Order::Cancel => daemon.shutdown(true).await,
                Order::Close => daemon.close().await,
            }
            daemon.ended().await
        };
        let signal = tokio::select! {
            biased;
            // The end first: what has ended has ended, whatever signal comes. It is also how each order is given.
            ended = carried_out => return Ok(ended),
            signal = signals.next() => signal,
        };
        order = order.stronger().ok_or(Error::EndedAtOnce)?;
        ending.cancel();
        tracing::info!(signal, "{}", order.told());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_orders_more_and_the_fourth_ends_it() {
        let orders = std::iter::successors(Some(Order::Run), |order| order.stronger());
        assert_eq!(orders.collect::<Vec<_>>(), [Order::Run, Order::Drain, Order::Cancel, Order::Close]);
    }
}
