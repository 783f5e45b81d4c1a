//! The crate as others use it, on the live engine.
//!
//! - `sessions`: sessions with the scripted provisioner.
//! - `daemon`: the daemon's life. `platform`: what the platform's own daemon was seen to do.
//! - `control`: the control plane of a few lines that both run against.
//! - `documents`: what the crate's documents promise.

mod control;
mod daemon;
mod documents;
mod platform;
mod sessions;

use std::{sync::Arc, time::Duration};

use groundhog_host::{
    Host,
    live::{LiveConfig, LiveMachine},
};
use groundhog_provisioner::{Daemon, DaemonConfig, Scripted};
use groundhog_wire::{DaemonName, Endpoints, Secret};

use crate::control::KEY;

/// Runs `test` on a live machine of its own.
fn live<F: Future<Output = ()>>(test: impl FnOnce(Host) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let root = tempfile::tempdir().expect("a folder");
        let machine = LiveMachine::new("machine", LiveConfig::new(root.path())).expect("a machine");
        test(machine.host()).await;
        machine.stop().await;
    });
}

fn config(control: impl Into<Endpoints>) -> DaemonConfig {
    let name = DaemonName::new("prov-1").expect("a name");
    let key = Secret::new(KEY).expect("a key");
    let mut config = DaemonConfig::new(name, control, key);
    config.runner.update_interval = Duration::from_millis(20);
    config
}

fn daemon(host: &Host, control: impl Into<Endpoints>) -> Daemon {
    Daemon::start(host, config(control), Arc::new(Scripted::default()))
}
