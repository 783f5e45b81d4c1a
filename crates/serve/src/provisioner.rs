//! The provisioner daemon as a program.

use std::{net::SocketAddr, sync::Arc};

use groundhog_provisioner::{Daemon, DaemonConfig, Ending, Scripted};
use groundhog_wire::DaemonName;

use crate::{
    Error,
    arguments::ProvisionerArguments,
    place::{machine, run_on_many_threads, say_ready},
    secret,
    signals::Signals,
};

/// Runs a provisioner daemon until it is told to end, or refused.
pub fn run(arguments: &ProvisionerArguments, _version: &str) -> Result<(), Error> {
    run_on_many_threads(serve(arguments))
}

async fn serve(arguments: &ProvisionerArguments) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let config = config(arguments)?;
    let machine = machine(config.name.as_str(), SocketAddr::from(([127, 0, 0, 1], 0)), &arguments.work)?;
    let name = config.name.clone();
    let daemon = Daemon::start(&machine.host(), config, Arc::new(Scripted::default()));
    say_ready(&format!("provisioner ready: {name}"));
    let ending = until_it_ends(&daemon, &mut signals).await?;
    machine.stop().await;
    match ending {
        Ending::Refused(why) => Err(Error::Refused(why)),
        Ending::ShutDown | Ending::Closed => Ok(()),
    }
}

fn config(arguments: &ProvisionerArguments) -> Result<DaemonConfig, Error> {
    let key = secret::read("provisioner key", &arguments.key, arguments.key_file.as_deref())?;
    let key = key.ok_or(Error::SecretMissing {
        what: "provisioner key",
        variable: "GROUNDHOG_PROVISIONER_KEY",
        flag: "--key-file",
    })?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase(),
    };
    let name = DaemonName::new(name).map_err(|error| Error::Setting { what: "--name", why: error.to_string() })?;
    let defaults = DaemonConfig::new(name, arguments.call.endpoints(), key);
    Ok(DaemonConfig { tags: arguments.tags.iter().cloned().collect(), slots: arguments.slots.get(), ..defaults })
}

/// Waits for the daemon's end. Each signal makes it come sooner.
async fn until_it_ends(daemon: &Daemon, signals: &mut Signals) -> Result<Ending, Error> {
    let mut count = 0_u32;
    loop {
        let ordered = async {
            match count {
                0 => daemon.ended().await,
                1 => {
                    daemon.shutdown(false).await;
                    daemon.ended().await
                }
                2 => {
                    daemon.shutdown(true).await;
                    daemon.ended().await
                }
                _ => {
                    daemon.close().await;
                    daemon.ended().await
                }
            }
        };
        tokio::select! {
            biased;
            // What has ended has ended, whatever signal comes. It also gives each order before the next signal.
            ending = ordered => return Ok(ending),
            _ = signals.next() => count += 1,
        }
        if count > 3 {
            return Err(Error::EndedAtOnce);
        }
    }
}
