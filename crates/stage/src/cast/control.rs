//! The control plane, one host for each of its replicas, and the database that they share.
//!
//! The database is a thing of its own: a control plane that crashes comes back to what was committed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use groundhog_control::{
    AgentsConfig, ChatSetup, Config, DaemonKeySetup, Database, GroupSetup, LogConfig, NoticeConfig, OrganizationSetup,
    ReaperConfig, Role, Setup, StoreConfig, TemplateSetup, UserSetup,
};
use groundhog_host::Address;
use groundhog_provisioner::scripted;
use groundhog_sim::Engine;
use groundhog_wire::{Endpoints, v1::Relay};
use tokio_util::sync::CancellationToken;

use super::{
    CastError, Secrets,
    assistants::Chats,
    templates::{millis, presets, script},
};
use crate::scenario::{self, CONTROL, DEFAULT_ORGANIZATION, FIRST_VERSION, Scenario, Template};

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
#[derive(Clone, Debug)]
pub struct Source {
    /// The script, as text.
    pub text: Vec<u8>,
    /// What its builds ask of a provisioner.
    pub tags: BTreeMap<String, String>,
    /// The organisation whose a template is to be that is made from it; empty for the default one.
    pub organization: String,
    /// Variables whose values are secrets.
    pub secrets: BTreeSet<String>,
}

/// What a version of `template` is made from. Fails if the script can't be written, which only a bug could cause.
pub fn source(template: &Template) -> Result<Source, CastError> {
    let secrets = template.variables.iter().filter(|variable| variable.sensitive);
    Ok(Source {
        text: script(template).to_source()?,
        tags: template.tags.clone(),
        organization: template.organization.clone().unwrap_or_default(),
        secrets: secrets.map(|variable| variable.name.clone()).collect(),
    })
}

/// What the database's file is called, where there are files.
const DATABASE_FILE: &str = "control.sqlite";

/// Casts the replicas. Returns their database.
pub(crate) fn cast(
    scenario: &Scenario,
    world: &mut dyn Engine,
    secrets: &Secrets,
    chats: &Chats,
) -> Result<Database, CastError> {
    let database = match world.folder() {
        Some(folder) => Database::open(folder.join(DATABASE_FILE))?,
        None => Database::in_memory()?,
    };
    let begin_ms = world.epoch().as_millisecond();
    let set_up_at_ms = SET_UP_MS.min(begin_ms);
    database.set_up(&setup(scenario, secrets, chats, begin_ms)?, &mut world.random("set-up"), set_up_at_ms)?;
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
        reaper: ReaperConfig {
            hung_after: settings.hung_after,
            interval: settings.reaper_interval,
            ..ReaperConfig::default()
        },
        external_auth: settings.external_auth.clone(),
        agents: AgentsConfig {
            relays: relays(scenario),
            beat_interval: settings.beat_interval,
            inactive_after: inactive_after(settings.beat_interval),
            ..AgentsConfig::default()
        },
        prebuilds: settings.prebuilds,
        autobuild: settings.autobuild,
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
    Ok(database)
}

/// How long nothing is heard of an agent before it counts as disconnected: three beats, as it is unless set.
pub(crate) fn inactive_after(beat_interval: Duration) -> Duration {
    beat_interval.saturating_mul(3)
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

/// When templates and people were set up: before the story begins, or as it does. The first second of 2026.
const SET_UP_MS: i64 = 1_767_225_600_000;

fn setup(scenario: &Scenario, secrets: &Secrets, chats: &Chats, begin_ms: i64) -> Result<Setup, CastError> {
    let users = secrets.users.iter().map(|(name, token)| {
        let user = scenario.users.get(name).cloned().unwrap_or_default();
        let expires = user.token_expires.map(|after| begin_ms.saturating_add_unsigned(millis(after)));
        let role = match user.role {
            scenario::Role::Member => Role::Member,
            scenario::Role::TemplateAdmin => Role::TemplateAdmin,
            scenario::Role::Admin => Role::Admin,
            scenario::Role::Prebuilds => Role::Prebuilds,
        };
        UserSetup { name: name.clone(), token: token.clone(), role, token_expires_at_ms: expires }
    });
    let groups = scenario.groups.iter().map(|group| GroupSetup {
        name: group.name.clone(),
        organization: group.organization.clone().unwrap_or_default(),
        budget: i32::try_from(group.budget).unwrap_or(i32::MAX),
        members: group.members.clone(),
    });
    let templates = scenario.templates.iter().filter(|template| template.set_up).map(|template| {
        Ok(TemplateSetup {
            name: template.name.clone(),
            version: FIRST_VERSION.to_owned(),
            provisioner_type: scripted::TYPE.to_owned(),
            source: script(template).to_source()?,
            tags: template.tags.clone(),
            organization: template.organization.clone().unwrap_or_default(),
            presets: presets(template),
            default_ttl: template.default_ttl.unwrap_or_default(),
            dormant_after: template.dormant_after.unwrap_or_default(),
            deleted_after: template.deleted_after.unwrap_or_default(),
            has_external_agents: template.agents.iter().any(|agent| agent.external),
        })
    });
    let chats = scenario.chats.iter().filter_map(|chat| {
        Some(ChatSetup {
            id: *chats.get(&chat.name)?,
            owner: chat.owner.clone(),
            organization: chat.organization.clone().unwrap_or_default(),
        })
    });
    let daemon_keys = secrets.daemons.iter().map(|(name, key)| DaemonKeySetup { name: name.clone(), key: key.clone() });
    Ok(Setup {
        organizations: organizations(scenario),
        users: users.collect(),
        groups: groups.collect(),
        templates: templates.collect::<Result<_, CastError>>()?,
        daemon_keys: daemon_keys.collect(),
        chats: chats.collect(),
    })
}

/// The organisations, if the file has any: with the default one, where everybody is who is in no other.
fn organizations(scenario: &Scenario) -> Vec<OrganizationSetup> {
    let declared = scenario.organizations.iter().map(|organization| OrganizationSetup {
        name: organization.name.clone(),
        members: organization.members.clone(),
        closed: organization.closed,
    });
    let mut all: Vec<OrganizationSetup> = declared.collect();
    if all.is_empty() {
        return all;
    }
    let in_none = |name: &&String| !scenario.organizations.iter().any(|one| one.members.contains(name));
    let others = scenario.users.keys().filter(in_none).cloned();
    match all.iter_mut().find(|one| one.name == DEFAULT_ORGANIZATION) {
        Some(default) => default.members.extend(others),
        None => all.push(OrganizationSetup {
            name: DEFAULT_ORGANIZATION.to_owned(),
            members: others.collect(),
            closed: false,
        }),
    }
    all
}
