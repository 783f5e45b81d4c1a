//! The control plane, one host for each of its replicas, and the database that they share.
//!
//! The database is a thing of its own: a control plane that crashes comes back to what was committed.

use std::collections::{BTreeMap, BTreeSet};

use groundhog_control::{
    AgentsConfig, AutobuildConfig, Config, DaemonKeySetup, Database, GroupSetup, LogConfig, NoticeConfig,
    PrebuildsConfig, Role, Setup, StoreConfig, TemplateSetup, UserSetup,
};
use groundhog_host::Address;
use groundhog_provisioner::scripted;
use groundhog_sim::World;
use groundhog_wire::{Endpoints, v1::Relay};
use tokio_util::sync::CancellationToken;

use super::{
    CastError, Secrets,
    templates::{millis, script},
};
use crate::{
    cast,
    scenario::{self, CONTROL, Scenario, Template},
};

/// Where the control plane's replicas are, in the order in which they are tried: the one that is named first or, if
/// none is, the one whose turn it is; then the others.
pub(crate) fn endpoints(scenario: &Scenario, first: Option<&str>, turn: usize) -> Endpoints {
    let hosts: Vec<String> = scenario.replicas().collect();
    let own = hosts.iter().position(|host| Some(host.as_str()) == first).unwrap_or(turn % hosts.len().max(1));
    let in_order = hosts.iter().cycle().skip(own).take(hosts.len());
    let mut addresses = in_order.map(|host| Address::new(host, groundhog_control::config::PORT));
    let first = addresses.next().unwrap_or_else(|| Address::new(CONTROL, groundhog_control::config::PORT));
    Endpoints::new(first, addresses.collect())
}

/// What a version of a template is made from.
pub(crate) struct Source {
    /// The script, as text.
    pub(crate) text: Vec<u8>,
    /// What its builds ask of a provisioner.
    pub(crate) tags: BTreeMap<String, String>,
    /// Variables whose values are secrets.
    pub(crate) secrets: BTreeSet<String>,
}

/// What a version of `template` is made from.
pub(crate) fn source(template: &Template) -> Result<Source, CastError> {
    let secrets = template.variables.iter().filter(|variable| variable.sensitive);
    Ok(Source {
        text: script(template).to_source()?,
        tags: template.tags.clone(),
        secrets: secrets.map(|variable| variable.name.clone()).collect(),
    })
}

pub(crate) fn cast(scenario: &Scenario, world: &mut World, secrets: &Secrets) -> Result<(), CastError> {
    let database = Database::in_memory()?;
    let begin_ms = cast::config(scenario, 0).epoch.as_millisecond();
    database.set_up(&setup(scenario, secrets, begin_ms)?, &mut world.random("set-up"), EPOCH_MS)?;
    let settings = &scenario.control;
    let config = Config {
        store: StoreConfig {
            connections: settings.connections as usize,
            latency_min: settings.statement_latency.min,
            latency_max: settings.statement_latency.max,
        },
        job_bytes_max: settings.job_bytes_max as usize,
        logs: LogConfig { bytes_max: settings.log_bytes_max, ..LogConfig::default() },
        notices: NoticeConfig {
            latency_min: settings.notices.latency.min,
            latency_max: settings.notices.latency.max,
            loss: settings.notices.loss,
            ..NoticeConfig::default()
        },
        external_auth: settings.external_auth.clone(),
        agents: AgentsConfig { relays: relays(scenario), ..AgentsConfig::default() },
        prebuilds: PrebuildsConfig { enabled: false, ..PrebuildsConfig::default() },
        autobuild: AutobuildConfig { enabled: false, ..AutobuildConfig::default() },
        ..Config::default()
    };
    for (number, replica) in (1..).zip(scenario.replicas()) {
        let (database, mut config) = (database.clone(), config.clone());
        config.agents.relay = if scenario.control.relays { number } else { 0 };
        world.host(&replica, move |host| {
            let (database, config) = (database.clone(), config.clone());
            async move {
                if let Err(error) = groundhog_control::run(host, database, config, CancellationToken::new()).await {
                    tracing::error!(%error, "the control plane ended");
                }
            }
        });
    }
    Ok(())
}

/// The relays: each replica is one, at the address at which it is called.
fn relays(scenario: &Scenario) -> Vec<Relay> {
    let replicas = scenario.replicas().filter(|_| scenario.control.relays);
    let relay = |(id, name): (u32, String)| {
        let endpoints = vec![Address::new(&name, groundhog_control::config::PORT).to_string()];
        Relay { id, name, endpoints }
    };
    (1..).zip(replicas).map(relay).collect()
}

/// When templates and people were set up: before the story begins. The first second of 2026.
const EPOCH_MS: i64 = 1_767_225_600_000;

fn setup(scenario: &Scenario, secrets: &Secrets, begin_ms: i64) -> Result<Setup, CastError> {
    let users = secrets.users.iter().map(|(name, token)| {
        let user = scenario.users.get(name).cloned().unwrap_or_default();
        let expires = user.token_expires.map(|after| begin_ms.saturating_add_unsigned(millis(after)));
        let role = match user.role {
            scenario::Role::Member => Role::Member,
            scenario::Role::Admin => Role::Admin,
            scenario::Role::Prebuilds => Role::Prebuilds,
        };
        UserSetup { name: name.clone(), token: token.clone(), role, token_expires_at_ms: expires }
    });
    let groups = scenario.groups.iter().map(|group| GroupSetup {
        name: group.name.clone(),
        budget: i32::try_from(group.budget).unwrap_or(i32::MAX),
        members: group.members.clone(),
        ..GroupSetup::default()
    });
    let templates = scenario.templates.iter().filter(|template| template.set_up).map(|template| {
        Ok(TemplateSetup {
            name: template.name.clone(),
            version: "v1".to_owned(),
            provisioner_type: scripted::TYPE.to_owned(),
            source: script(template).to_source()?,
            tags: template.tags.clone(),
            ..TemplateSetup::default()
        })
    });
    let daemon_keys = secrets.daemons.iter().map(|(name, key)| DaemonKeySetup { name: name.clone(), key: key.clone() });
    Ok(Setup {
        users: users.collect(),
        groups: groups.collect(),
        templates: templates.collect::<Result<_, CastError>>()?,
        daemon_keys: daemon_keys.collect(),
        ..Setup::default()
    })
}
