//! The provisioner daemons, each on a host of its own name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use groundhog_host::Host;
use groundhog_provisioner::{Daemon, DaemonConfig, RunnerConfig, Scripted};
use groundhog_sim::Engine;
use groundhog_wire::{DaemonName, Endpoints};

use super::{CastError, Secrets, control};
use crate::scenario::{Provisioner, Scenario};

/// The daemon that runs on each host at present, for the story to shut down.
#[derive(Clone, Default)]
pub(crate) struct Daemons(Arc<Mutex<BTreeMap<String, Arc<Daemon>>>>);

impl Daemons {
    fn insert(&self, name: &str, daemon: Arc<Daemon>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), daemon);
    }

    /// The daemon on the host `name`.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Daemon>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

pub(crate) fn cast(scenario: &Scenario, world: &mut dyn Engine, secrets: &Secrets) -> Result<Daemons, CastError> {
    let daemons = Daemons::default();
    for (number, provisioner) in scenario.provisioners.iter().enumerate() {
        let control = control::endpoints(scenario, provisioner.control.as_deref(), number);
        let config = config(provisioner, control, secrets)?;
        let (name, daemons) = (provisioner.name.clone(), daemons.clone());
        let sessions = Arc::new(Scripted { refuses: provisioner.refuses_sessions.clone(), machine: None });
        world.host_at(provisioner.start, &provisioner.name, move |host: Host| {
            let daemon = Arc::new(Daemon::start(&host, config.clone(), sessions.clone()));
            daemons.insert(&name, daemon.clone());
            async move {
                daemon.ended().await;
            }
        });
    }
    Ok(daemons)
}

fn config(provisioner: &Provisioner, control: Endpoints, secrets: &Secrets) -> Result<DaemonConfig, CastError> {
    let name = DaemonName::new(&provisioner.name)?;
    let runner = RunnerConfig {
        update_interval: provisioner.update_interval,
        force_cancel_interval: provisioner.force_cancel_interval,
        ..RunnerConfig::default()
    };
    let key = secrets.daemons.get(&provisioner.key).cloned().ok_or(CastError::NoKey)?;
    let defaults = DaemonConfig::new(name, control, key);
    Ok(DaemonConfig { tags: provisioner.tags.clone(), slots: provisioner.slots as usize, runner, ..defaults })
}
