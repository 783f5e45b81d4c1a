//! The network, the machines and the people.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;

use groundhog_provisioner::RunnerConfig;

use super::values::{duration_above_zero, duration_range, instant, number, whole, whole_u32};
use super::{Check, defaults, names, prebuilds};
use crate::diagnostic::Diagnostic;
use crate::scenario::{
    Control, DAEMON_KEY, DEFAULT_ORGANIZATION, Group, Link, NetworkPath, Notices, Organization, Provisioner, REAPER,
    Role, USERS, User, is_control, raw,
};

/// Connections to the database at most: no database takes more from one client.
const CONNECTIONS_MAX: u64 = 10_000;

/// Bytes of log that may be kept of one job, at most. They stand in memory, in a campaign of one world per core.
const LOG_BYTES_MAX_MAX: i64 = 1 << 30;

/// Jobs that one daemon runs at once, at most: it is a machine.
const SLOTS_MAX: u64 = 100;

/// The dearest budget and cost: what the protocol carries.
pub(super) const CREDITS_MAX: u32 = i32::MAX.unsigned_abs();

pub(super) fn network(check: &mut Check<'_>, raw: Option<raw::Network>) -> NetworkPath {
    match raw {
        None => defaults::NETWORK,
        Some(raw) => path(check, raw.latency.as_ref(), raw.loss.as_ref(), raw.bandwidth.as_ref(), defaults::NETWORK),
    }
}

fn path(
    check: &mut Check<'_>,
    latency: Option<&Spanned<raw::DurationText>>,
    loss: Option<&Spanned<raw::Number>>,
    bandwidth: Option<&Spanned<i64>>,
    default: NetworkPath,
) -> NetworkPath {
    NetworkPath {
        latency: duration_range(check, latency, default.latency),
        loss: loss.map_or(default.loss, |raw| number(check, raw, 0.0..=1.0)),
        bandwidth: bandwidth.map(|raw| whole(check, raw, 1..=i64::MAX).unsigned_abs()).or(default.bandwidth),
    }
}

pub(super) fn links(check: &mut Check<'_>, raw: Vec<Spanned<raw::Link>>, network: NetworkPath) -> Vec<Link> {
    let mut seen = BTreeSet::new();
    let mut links = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        let (a, b) = names::two_hosts(check, &raw.between);
        let unordered = if a < b { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
        if !seen.insert(unordered) {
            check.report(
                Diagnostic::new("duplicate-link", format!("there is already a link between `{a}` and `{b}`"))
                    .at(raw.between.span())
                    .help("a link counts in both directions"),
            );
        }
        let path = path(check, raw.latency.as_ref(), raw.loss.as_ref(), raw.bandwidth.as_ref(), network);
        links.push(Link { between: (a, b), path });
    }
    links
}

/// What is said of the control plane, but for whether workspaces go by the clock: that comes beside it, if it is said.
pub(super) fn control(check: &mut Check<'_>, raw: Option<raw::Control>) -> (Control, Option<bool>) {
    let mut default = defaults::control();
    default.prebuilds.enabled = check.builds_ahead;
    let Some(raw) = raw else { return (default, None) };
    let (prebuilds, ahead_machines) = prebuilds::prebuilds(check, raw.prebuilds.as_ref());
    let (autobuild, autobuild_is_on) = prebuilds::autobuild(check, raw.autobuild.as_ref());
    let control = Control {
        connections: raw
            .connections
            .as_ref()
            .map_or(default.connections, |raw| names::at_least_one(check, raw, CONNECTIONS_MAX)),
        statement_latency: duration_range(check, raw.statement_latency.as_ref(), default.statement_latency),
        log_bytes_max: raw
            .log_bytes_max
            .as_ref()
            .map_or(default.log_bytes_max, |raw| whole(check, raw, 0..=LOG_BYTES_MAX_MAX).unsigned_abs()),
        job_bytes_max: raw
            .job_bytes_max
            .as_ref()
            .map_or(default.job_bytes_max, |raw| whole_u32(check, raw, 0..=default.job_bytes_max)),
        replicas: names::replicas(check, &raw),
        notices: raw.notices.as_ref().map_or(default.notices, |raw| Notices {
            latency: duration_range(check, raw.latency.as_ref(), default.notices.latency),
            loss: raw.loss.as_ref().map_or(default.notices.loss, |raw| number(check, raw, 0.0..=1.0)),
        }),
        external_auth: external_auth(check, raw.external_auth.unwrap_or_default()),
        relays: raw.relays.unwrap_or(default.relays),
        beat_interval: interval(check, raw.beat_interval.as_ref(), default.beat_interval),
        hung_after: interval(check, raw.hung_after.as_ref(), default.hung_after),
        reaper_interval: interval(check, raw.reaper_interval.as_ref(), default.reaper_interval),
        prebuilds,
        ahead_machines,
        autobuild,
    };
    (control, autobuild_is_on)
}

/// A span of time above zero, or `default` if nothing is said.
fn interval(check: &mut Check<'_>, raw: Option<&Spanned<raw::DurationText>>, default: Duration) -> Duration {
    raw.and_then(|raw| duration_above_zero(check, raw)).unwrap_or(default)
}

pub(super) fn organizations(check: &mut Check<'_>, raw: Vec<Spanned<raw::Organization>>) -> Vec<Organization> {
    let mut seen = BTreeSet::new();
    let mut organizations = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "organisation", &raw.name);
        let members = members(check, &raw.members);
        organizations.push(Organization {
            name: raw.name.into_inner(),
            members,
            closed: raw.closed.unwrap_or_default(),
        });
    }
    seen.insert(DEFAULT_ORGANIZATION.to_owned());
    check.organizations = seen;
    organizations
}

fn members(check: &mut Check<'_>, raw: &[Spanned<String>]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    for member in raw {
        names::unique(check, &mut seen, "member", member);
        members.push(names::user(check, member));
    }
    members
}

/// The organisation whose something is.
pub(super) fn organization(check: &mut Check<'_>, raw: Option<Spanned<String>>) -> Option<String> {
    let raw = raw?;
    if !check.organizations.contains(raw.get_ref()) {
        let message = format!("there is no organisation `{}`", raw.get_ref());
        let diagnostic = Diagnostic::new("unknown-organization", message)
            .at(raw.span())
            .help_with_names(raw.get_ref(), check.organizations.iter().map(String::as_str));
        check.report(diagnostic);
    }
    Some(raw.into_inner())
}

fn external_auth(check: &mut Check<'_>, raw: Vec<Spanned<String>>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for id in &raw {
        names::well_formed(check, id);
        names::unique(check, &mut seen, "service", id);
    }
    seen
}

pub(super) fn groups(check: &mut Check<'_>, raw: Vec<Spanned<raw::Group>>) -> Vec<Group> {
    let mut seen = BTreeSet::new();
    let mut groups = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "group", &raw.name);
        let members = members(check, &raw.members);
        let budget = whole_u32(check, &raw.budget, 0..=CREDITS_MAX);
        let organization = organization(check, raw.organization);
        groups.push(Group { name: raw.name.into_inner(), budget, members, organization });
    }
    groups
}

pub(super) fn users(check: &mut Check<'_>, raw: Vec<Spanned<raw::User>>) {
    let mut seen = BTreeSet::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::unique(check, &mut seen, "user", &raw.name);
        let name = names::user(check, &raw.name);
        let role = match raw.role.unwrap_or(raw::Role::Member) {
            raw::Role::Member => Role::Member,
            raw::Role::TemplateAdmin => Role::TemplateAdmin,
            raw::Role::Admin => Role::Admin,
            raw::Role::Prebuilds => Role::Prebuilds,
        };
        let token_expires = raw.token_expires.as_ref().and_then(|raw| duration_above_zero(check, raw));
        check.users.insert(name, User { role, token_expires });
    }
}

pub(super) fn provisioners(check: &mut Check<'_>, raw: Vec<Spanned<raw::Provisioner>>) -> Vec<Provisioner> {
    let default = RunnerConfig::default();
    let mut seen = BTreeSet::new();
    let mut provisioners = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        let name = raw.name.get_ref().as_str();
        if name == USERS || name == REAPER || is_control(name) {
            check.report(
                Diagnostic::new("reserved-name", format!("`{}` means something else", raw.name.get_ref()))
                    .at(raw.name.span())
                    .help("give the provisioner another name"),
            );
        }
        names::well_formed(check, &raw.name);
        let above_zero = |check: &mut Check<'_>, raw: Option<&Spanned<raw::DurationText>>, default| {
            raw.and_then(|raw| duration_above_zero(check, raw)).unwrap_or(default)
        };
        let one = Provisioner {
            start: raw.start.as_ref().and_then(|raw| instant(check, raw)).unwrap_or_default(),
            update_interval: above_zero(check, raw.update_interval.as_ref(), default.update_interval),
            force_cancel_interval: above_zero(check, raw.force_cancel_interval.as_ref(), default.force_cancel_interval),
            name: raw.name.get_ref().clone(),
            tags: raw.tags.clone(),
            slots: raw.slots.as_ref().map_or(1, |raw| names::at_least_one(check, raw, SLOTS_MAX)),
            control: raw.control.as_ref().map(|raw| first_replica(check, raw)),
            key: raw.key.as_ref().map_or_else(|| DAEMON_KEY.to_owned(), |raw| key(check, raw)),
            refuses_sessions: raw.refuses_sessions.as_ref().map(|raw| some_text(check, raw, "a refusal has a reason")),
        };
        check.keys.insert(one.key.clone());
        for name in names::provisioner_names(check, &raw) {
            names::unique_as(check, &mut seen, "provisioner", &raw.name, &name);
            provisioners.push(Provisioner { name, ..one.clone() });
        }
    }
    provisioners
}

/// The replica that somebody tries first.
pub(super) fn first_replica(check: &mut Check<'_>, raw: &Spanned<String>) -> String {
    let replicas: Vec<String> = check.hosts.keys().filter(|host| is_control(host)).cloned().collect();
    if !replicas.contains(raw.get_ref()) {
        let message = format!("there is no replica `{}` of the control plane", raw.get_ref());
        let diagnostic = Diagnostic::new("unknown-replica", message)
            .at(raw.span())
            .help_with_names(raw.get_ref(), replicas.iter().map(String::as_str));
        check.report(diagnostic);
    }
    raw.get_ref().clone()
}

fn key(check: &mut Check<'_>, raw: &Spanned<String>) -> String {
    names::well_formed(check, raw);
    raw.get_ref().clone()
}

/// A text that must not be empty, because its being there says something.
pub(super) fn some_text(check: &mut Check<'_>, raw: &Spanned<String>, why: &str) -> String {
    if raw.get_ref().is_empty() {
        check.report(Diagnostic::new("empty-text", why).at(raw.span()).help("say what went wrong"));
    }
    raw.get_ref().clone()
}
