//! The engine on real tokio: real sockets, real files, real processes, the real clock. For Unix.
//!
//! Reading order:
//!
//! - [`LiveMachine`] (here): one machine, made by whoever starts a program and ended by dropping it.
//! - `machine`: what the machine shares with everything obtained from it, and the seam's trait over that.
//! - `task`: tasks that end with the machine.
//! - `directory`, `net`: names, streams, datagrams.
//! - `files`, `process`, `terminal`, `signals`: what their names say.
//!
//! Architecture invariant: no component names this module. A program's entry makes the machine and hands the
//! component a [`Host`].

#![allow(
    clippy::disallowed_methods,
    reason = "the bans send everybody to the seam; this module is what stands behind it on a real machine"
)]

mod directory;
mod files;
mod machine;
mod net;
mod process;
mod signals;
mod task;
mod terminal;

use std::{
    fmt::Display,
    io,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
};

pub use self::directory::Directory;
use self::machine::Core;
use crate::{Host, Machine};

/// What a live machine is made with.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// The folder that relative paths and processes start from. Created if it is missing.
    pub root: PathBuf,
    /// The local address of listeners and datagram sockets. A machine bound to a loopback address can't send
    /// datagrams beyond loopback; its outgoing streams reach everywhere.
    pub bind: IpAddr,
    /// The names that are known without asking DNS.
    pub directory: Directory,
}

impl LiveConfig {
    /// Files below `root`, listening on 127.0.0.1, with an empty directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), bind: IpAddr::V4(Ipv4Addr::LOCALHOST), directory: Directory::new() }
    }
}

/// A machine on the tokio runtime in which it was made. Dropping it ends its tasks and kills its processes.
///
/// A component cannot tell that it ended: whatever it awaits on the machine's [`Host`] stays pending. The
/// one thing that goes on is a file operation that has begun, because the operating system has it by then.
#[derive(Debug)]
pub struct LiveMachine {
    core: Arc<Core>,
}

impl LiveMachine {
    /// A machine that others reach as `name`. It enters its own address into the directory, unless it is bound
    /// to every address (`0.0.0.0`, `::`) and so has none that is good for all.
    ///
    /// Fails when there is no tokio runtime here (it must have its I/O and time drivers on), and when the root
    /// folder can't be made.
    pub fn new(name: impl Into<String>, config: LiveConfig) -> io::Result<Self> {
        let name = name.into();
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|error| io::Error::other(format!("making the machine {name}: {error}")))?;
        std::fs::create_dir_all(&config.root)
            .map_err(|error| named(error, format_args!("creating the root folder {}", config.root.display())))?;
        if !config.bind.is_unspecified() {
            config.directory.insert(name.clone(), config.bind);
        }
        Ok(Self { core: Arc::new(Core::new(name, config, runtime)) })
    }

    /// The handle that components take.
    pub fn host(&self) -> Host {
        Host::new(self.core.clone())
    }

    /// What stands behind [`host`](Self::host), for whoever puts something of its own before it.
    pub fn machine(&self) -> Arc<dyn Machine> {
        self.core.clone()
    }

    /// Ends the machine and waits until its tasks are gone, with all that they owned: afterwards their ports
    /// are free.
    pub async fn stop(self) {
        self.core.stop();
        self.core.tasks.wait_until_gone().await;
    }
}

impl Drop for LiveMachine {
    fn drop(&mut self) {
        self.core.stop();
    }
}

/// `error`, told with what was being done.
fn named(error: io::Error, doing: impl Display) -> io::Error {
    io::Error::new(error.kind(), format!("{doing}: {error}"))
}
