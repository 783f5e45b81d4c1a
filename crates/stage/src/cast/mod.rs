//! Casts a scenario: which component runs on which host, with what settings, and what goes wrong when.
//!
//! One file per part, with the same names in each: `HOST` or the host's name, and `cast`, which puts the part
//! into the world.
//!
//! - `control`: the control plane's replicas and their database.
//! - `templates`: what the scripted provisioner is told.
//! - `provisioners`: the daemons.
//! - [`machines`]: what agents run on, and the cloud that makes it. `programs`: what the machines can run; `scripts`: the
//!   same for machines that are real. `apps`: what listens on them. `places`: which of them is whose, where that does not go by names.
//! - `unnamed`: which workspaces there are whose names nobody has written.
//! - `assistants`: the runtimes of the tools that are used in chats.
//! - [`users`]: the people, who act when the story says so.
//! - `tunnels`: the laptops from which people have tunnels into their workspaces.
//! - `faults`: what goes wrong.

mod apps;
pub(crate) mod assistants;
pub(crate) mod control;
pub(crate) mod faults;
pub mod machines;
mod places;
mod programs;
pub(crate) mod provisioners;
mod scripts;
mod templates;
pub(crate) mod tunnels;
mod unnamed;
pub mod users;

use std::collections::{BTreeMap, BTreeSet};

use groundhog_sim::{Config, Engine, EngineError, LinkConfig, UnknownHost};
use groundhog_wire::{
    Secret,
    auth::{DaemonNameError, SecretError},
};

pub use self::control::{Source, source};
use crate::scenario::{DAEMON_KEY, NetworkPath, Scenario};

/// A scenario could not be put on the stage: a defect of the stage or of a component's set-up, since every
/// scenario is checked before.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// A host is missing.
    #[error(transparent)]
    Host(#[from] UnknownHost),
    /// The engine does not do what the scenario asks of it.
    #[error("{0}")]
    Unsupported(String),
    /// The database could not be opened.
    #[error("the control plane's database could not be opened: {0}")]
    Database(#[from] groundhog_control::StoreError),
    /// The database could not be filled.
    #[error("the control plane's database could not be set up: {0}")]
    Setup(#[from] groundhog_control::SetupError),
    /// A drawn token is not one.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A template's script could not be written.
    #[error("a template could not be written: {0}")]
    Script(#[from] groundhog_provisioner::scripted::ScriptError),
    /// A real machine's folders or programs could not be written.
    #[error("the folders of the machine {0} could not be made: {1}")]
    Machine(String, std::io::Error),
    /// A provisioner's key was not drawn.
    #[error("a provisioner has a key that was not drawn")]
    NoKey,
    /// A provisioner's name is not one that daemons may have.
    #[error("a provisioner can not be called that: {0}")]
    DaemonName(#[from] DaemonNameError),
}

impl From<EngineError> for CastError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::UnknownHost(host) => Self::Host(host),
            EngineError::Unsupported(why) => Self::Unsupported(why),
        }
    }
}

/// The secrets that parts of a run share.
pub(crate) struct Secrets {
    /// Session tokens by person.
    pub(crate) users: BTreeMap<String, Secret>,
    /// What admits daemons, by the key's name.
    pub(crate) daemons: BTreeMap<String, Secret>,
}

impl Secrets {
    fn draw(scenario: &Scenario, world: &dyn Engine) -> Result<Self, CastError> {
        let mut random = world.random("secrets");
        let mut secret = || Secret::new(random.uuid().to_string());
        let mut daemons = BTreeMap::from([(DAEMON_KEY.to_owned(), secret()?)]);
        let users =
            scenario.users.keys().map(|name| Ok((name.clone(), secret()?))).collect::<Result<_, SecretError>>()?;
        // Last, so that a run without further keys draws what it always did.
        let keys: BTreeSet<&String> = scenario.provisioners.iter().map(|one| &one.key).collect();
        for key in keys.into_iter().filter(|key| *key != DAEMON_KEY) {
            daemons.insert(key.clone(), secret()?);
        }
        Ok(Self { users, daemons })
    }
}

/// The parts of a run that the story still needs once the run is under way.
pub(crate) struct Cast {
    pub(crate) daemons: provisioners::Daemons,
    pub(crate) people: users::People,
    pub(crate) outages: apps::Outages,
    pub(crate) laptops: tunnels::Laptops,
    pub(crate) unnamed: unnamed::Unnamed,
    pub(crate) assistants: assistants::Assistants,
}

/// How a world begins for `scenario`.
pub fn config(scenario: &Scenario, seed: u64) -> Config {
    Config { network: link(&scenario.network), epoch: scenario.starts_at, ..Config::new(seed) }
}

fn link(path: &NetworkPath) -> LinkConfig {
    LinkConfig {
        latency_min: path.latency.min,
        latency_max: path.latency.max,
        bandwidth: path.bandwidth,
        loss: path.loss,
        ..LinkConfig::default()
    }
}

/// Puts `scenario` into `world`.
pub(crate) fn cast(scenario: &Scenario, world: &mut dyn Engine) -> Result<Cast, CastError> {
    let secrets = Secrets::draw(scenario, world)?;
    let chats = assistants::chats(scenario, world);
    let database = control::cast(scenario, world, &secrets, &chats)?;
    let daemons = provisioners::cast(scenario, world, &secrets)?;
    let people = users::cast(scenario, world, &secrets, &chats)?;
    let outages = apps::Outages::default();
    let unnamed = unnamed::cast(scenario, world);
    machines::cast(scenario, world, &outages, &unnamed)?;
    let laptops = tunnels::cast(scenario, world, &secrets, &people);
    let assistants = assistants::cast(scenario, world, &secrets, &chats, &unnamed);
    for different in &scenario.links {
        let (a, b) = &different.between;
        world.link(a, b, &link(&different.path))?;
        world.link(b, a, &link(&different.path))?;
    }
    faults::cast(scenario, world, database)?;
    world.ready()?;
    for part in &scenario.allow_errors {
        world.journal().expect_error(part);
    }
    Ok(Cast { daemons, people, outages, laptops, unnamed, assistants })
}
